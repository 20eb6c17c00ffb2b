//! Several routers with the same keys and a folder that they share.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::*;

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that is left behind is only untidy.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn config(provider: &Provider, folder: &Folder) -> ConfigFile {
    ConfigFile::new(&format!(
        "providers:\n  openai:\n    dialect: openai\n    base_url: http://{}/v1\n    \
         keys: [{{ name: k1, secret: sk-1 }}, {{ name: k2, secret: sk-2 }}]\n\
         models:\n  chat: {{ provider: openai }}\nshared: {{ folder: \"{}\" }}\n",
        provider.address,
        folder.0.display()
    ))
}

/// How many keys a router takes for limited.
async fn limited_keys(router: &router::Router) -> bool {
    let text = get(router, "/metrics").await.body;
    String::from_utf8_lossy(&text).contains("standing=\"limited\"} 1")
}

#[tokio::test]
async fn a_key_that_one_router_has_closed_is_closed_for_the_others_but_with_the_defect() {
    for (defect, is_told) in [(None, true), (Some("keeps-cooldowns-to-itself"), false)] {
        let folder = Folder::new(if is_told { "told" } else { "untold" });
        let provider = Provider::start(|a| if a.key() == "sk-1" { limited(20) } else { success() }).await;
        let first = start_router(&config(&provider, &folder), defect).await;
        let second = start_router(&config(&provider, &folder), defect).await;
        assert_eq!(ask(&first).await.status, 200);
        let begin = std::time::Instant::now();
        while is_told && !limited_keys(&second).await {
            assert!(begin.elapsed() < SOON);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for _ in 0..4 {
            assert_eq!(ask(&second).await.status, 200);
        }
        let asked = provider.keys().iter().filter(|key| *key == "sk-1").count();
        assert_eq!(asked, if is_told { 1 } else { 2 }, "{defect:?}");
        let names: Vec<String> = std::fs::read_dir(&folder.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        assert!(names.iter().all(|name| !name.contains("sk-")), "{names:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_refused() {
    let config = ConfigFile::new("providers: {}\nmodels: {}\nshared: { folder: /not/there }\n");
    let options = router::ServeOptions { config: config.0.clone(), listen: None, defect: None };
    let error = router::start(&options, Variables::default()).await.unwrap_err().to_string();
    assert!(error.contains(":3:") && error.contains("there is no such folder"), "{error}");
}
