//! Where upstreams are and by which keys they are known, as a shell reads it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use scenario::{Dialect, Protocol};

use crate::settings::Refusal;
use crate::upstreams::serving::Serving;

/// What a file of exports begins with, so that one that was left behind is known.
const MARK: &str = "# Written by `stormproof upstreams`, which removes it when it ends.\n";

/// An upstream as it is exported.
struct Exported<'a> {
    name: &'a str,
    url: String,
    /// The variable by which scenarios find a real service in its place.
    found_by: Option<&'a str>,
    /// The secrets of its keys, each with the variable that the world gives it.
    keys: Vec<(&'a str, Option<&'a str>)>,
}

/// The exports of a world, one a line.
pub(crate) fn exports(serving: &Serving, control: SocketAddr) -> String {
    let exported = serving.upstreams.base_urls().filter_map(|(name, address)| {
        let settings = serving.served.world.upstreams.get(name)?;
        let variables = settings.keys.0.iter().map(|key| key.settings.variable.as_ref());
        let variables = variables.map(|variable| variable.map(|variable| variable.value.as_str()));
        let secrets = serving.upstreams.keys(name).iter().map(upstream::Key::secret);
        let url = format!("{address}{}", base_path(settings.dialect));
        let found_by = settings.url_from.as_ref().map(|variable| variable.value.as_str());
        Some(Exported {
            name,
            url,
            found_by: found_by.filter(|name| is_name(name)),
            keys: secrets.zip(variables).collect(),
        })
    });
    let mut text: String = variables(&exported.collect::<Vec<_>>())
        .into_iter()
        .map(|(name, value)| export(&name, &value))
        .collect();
    text.push_str(&export("STORMPROOF_CONTROL", &format!("http://{control}")));
    text.push_str(&export("STORMPROOF_PID", &std::process::id().to_string()));
    text
}

/// What stands behind the address in the setting of the dialect's own library: OpenAI's wants the version there, the others put
/// it into each path themselves.
fn base_path(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Llm(Dialect::Openai | Dialect::Vllm | Dialect::OllamaV1) => "/v1",
        Protocol::Llm(
            Dialect::Anthropic | Dialect::Azure | Dialect::Gemini | Dialect::GeminiList | Dialect::Ollama,
        )
        | Protocol::Http
        | Protocol::Rest => "",
    }
}

/// Names and values. What the world calls a variable is called so; no name is given twice.
fn variables(upstreams: &[Exported<'_>]) -> Vec<(String, String)> {
    let given = upstreams.iter().flat_map(|upstream| &upstream.keys).filter_map(|(_, variable)| *variable);
    let found_by = upstreams.iter().filter_map(|upstream| upstream.found_by);
    let mut taken: BTreeSet<String> = given.chain(found_by).map(str::to_owned).collect();
    let mut variables = Vec::new();
    for upstream in upstreams {
        let prefix = prefix(upstream.name, &taken);
        let mut add = |name: String, value: &str| {
            taken.insert(name.clone());
            variables.push((name, value.to_owned()));
        };
        add(format!("{prefix}_BASE_URL"), &upstream.url);
        if let Some(variable) = upstream.found_by {
            add(variable.to_owned(), &upstream.url);
        }
        for (place, (secret, variable)) in upstream.keys.iter().enumerate() {
            match variable {
                Some(variable) => add((*variable).to_owned(), secret),
                None if place == 0 => add(format!("{prefix}_API_KEY"), secret),
                None => add(format!("{prefix}_API_KEY_{}", place + 1), secret),
            }
        }
    }
    variables
}

/// What the names of an upstream's variables begin with: its name in capitals, with a number where another has it already.
fn prefix(upstream: &str, taken: &BTreeSet<String>) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = upstream.chars().map(letter).collect();
    let name = name.trim_matches('_');
    let name = match name.chars().next() {
        None => "UPSTREAM".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("UPSTREAM_{name}"),
        Some(_) => name.to_owned(),
    };
    let is_free = |prefix: &String| {
        let begins = |taken: &String| {
            let rest = taken.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| rest.starts_with("_BASE_URL") || rest.starts_with("_API_KEY"))
        };
        !taken.iter().any(begins)
    };
    let numbered = (2..).map(|number: u32| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}

/// Whether a shell takes it for the name of a variable.
fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| letter(c) && !c.is_ascii_digit()) && name.chars().all(letter)
}

fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', r"'\''"))
}

/// A file of exports, which is removed when it is dropped.
pub(crate) struct ExportsFile {
    path: PathBuf,
    text: String,
}

impl ExportsFile {
    /// Writes the exports for nobody but the user. It appears whole; a file that holds something else is left alone.
    pub(crate) fn write(path: &Path, exports: &str) -> Result<Self, Refusal> {
        let shown = path.display();
        match fs::read(path) {
            Ok(there) if !there.starts_with(MARK.as_bytes()) => {
                let message = format!("`{shown}` is there already, and holds no exports of this command");
                return Err(Refusal::misused(format!(
                    "{message}\n  = help: name another file, or remove it"
                )));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Refusal::machine(&format!("cannot write `{shown}`"), &error)),
        }
        let text = format!("{MARK}{exports}");
        let beside = path.with_file_name(format!(
            ".{}.{}",
            path.file_name().unwrap_or_default().to_string_lossy(),
            std::process::id()
        ));
        let written = write_private(&beside, &text).and_then(|()| fs::rename(&beside, path));
        written.map_err(|error| {
            drop(fs::remove_file(&beside));
            Refusal::machine(&format!("cannot write `{shown}`"), &error)
        })?;
        Ok(Self { path: path.to_owned(), text })
    }
}

impl Drop for ExportsFile {
    fn drop(&mut self) {
        // Another run may have put its own in this one's place.
        if fs::read_to_string(&self.path).is_ok_and(|there| there == self.text) {
            drop(fs::remove_file(&self.path));
        }
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(upstreams: &[(&str, &[Option<&str>])]) -> Vec<String> {
        let exported: Vec<Exported<'_>> = upstreams
            .iter()
            .map(|(name, keys)| Exported {
                name,
                url: String::new(),
                found_by: None,
                keys: keys.iter().map(|variable| ("secret", *variable)).collect(),
            })
            .collect();
        let mut names: Vec<String> = variables(&exported).into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        let listed = names.clone();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{listed:?}");
        listed
    }

    #[test]
    fn variables_are_called_by_the_upstream_and_the_place_of_the_key() {
        assert_eq!(
            names(&[("openai", &[None, None]), ("my shop", &[])]),
            ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_API_KEY_2", "MY_SHOP_BASE_URL"]
        );
    }

    #[test]
    fn every_name_makes_variables_of_its_own() {
        let all = names(&[
            ("a-b", &[None]),
            ("a.b", &[None]),
            ("a b 2", &[None]),
            ("2nd", &[None]),
            ("äö", &[None]),
            ("", &[None]),
            ("a-b-api-key", &[None]),
        ]);
        let sound = |name: &String| {
            let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            name.chars().all(letters) && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        assert!(all.iter().all(sound), "{all:?}");
    }

    #[test]
    fn what_the_world_calls_a_variable_is_called_so() {
        assert_eq!(
            names(&[("openai", &[None, Some("FOUND"), None])]),
            ["OPENAI_BASE_URL", "OPENAI_API_KEY", "FOUND", "OPENAI_API_KEY_3"]
        );
        assert_eq!(
            names(&[("openai", &[Some("OPENAI_API_KEY_2"), None])]),
            ["OPENAI_2_BASE_URL", "OPENAI_API_KEY_2", "OPENAI_2_API_KEY_2"]
        );
    }

    #[test]
    fn a_service_is_exported_where_scenarios_look_for_it() {
        let registry =
            |found_by| Exported { name: "registry", url: "http://x".to_owned(), found_by, keys: Vec::new() };
        let pairs = variables(&[registry(Some("TASK_REGISTRY_URL")), registry(None)]);
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["REGISTRY_BASE_URL", "TASK_REGISTRY_URL", "REGISTRY_2_BASE_URL"]);
        assert!(pairs.iter().all(|(_, value)| value == "http://x"));
        assert!(is_name("SHOP_URL") && !is_name("SHOP-URL") && !is_name("1_URL") && !is_name(""));
    }

    #[test]
    fn no_value_ends_its_quotes() {
        assert_eq!(export("X", "it's $(x)"), "export X='it'\\''s $(x)'\n");
    }
}
