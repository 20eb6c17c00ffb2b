//! The programs that are compared: the router, nginx as a plain reverse proxy, and LiteLLM.

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Process, folder, free_address};

/// The router with four keys, which serves everybody.
pub(crate) fn router(provider: SocketAddr) -> Result<Process, Box<dyn Error>> {
    router_with(provider, "router", "")
}

/// The same with tenants, prices and a ledger: every answer is read and booked.
pub(crate) fn router_with_books(provider: SocketAddr) -> Result<Process, Box<dyn Error>> {
    let books = "admin: { secret: sk-boss }\ntenants: { all: { keys: [sk-caller] } }\n\
                 prices: { chat: { input: 150000, output: 600000 } }\n";
    router_with(provider, "router-with-books", books)
}

fn router_with(provider: SocketAddr, name: &str, more: &str) -> Result<Process, Box<dyn Error>> {
    let address = free_address()?;
    let keys: Vec<String> =
        (1..=4).map(|key| format!("{{ name: key-{key}, secret: sk-provider-{key} }}")).collect();
    let settings = format!(
        "listen: {address}\nproviders:\n  openai:\n    dialect: openai\n    base_url: http://{provider}/v1\n    \
         keys: [{}]\nmodels:\n  chat: {{ provider: openai }}\n{more}",
        keys.join(", ")
    );
    let file = folder(name)?.join("router.yaml");
    fs::write(&file, settings)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_router-under-test"));
    command.arg(file).env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    Process::start(&mut command, address)
}

/// nginx with connections that stay open on both sides, a worker for each processor and no log, as fast as it is.
pub(crate) fn nginx(provider: SocketAddr) -> Result<Process, Box<dyn Error>> {
    let (address, folder) = (free_address()?, folder("nginx")?);
    let within = |name: &str| folder.join(name).display().to_string();
    let temporary: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {};", within(kind)))
        .collect();
    let settings = format!(
        "daemon off;\nworker_processes auto;\npid {};\nerror_log stderr error;\n\
         events {{ worker_connections 8192; }}\n\
         http {{\n  access_log off;\n  {}\n  keepalive_requests 1000000000;\n\
         upstream provider {{ server {provider}; keepalive 64; keepalive_requests 1000000000; }}\n\
         server {{\n    listen {address};\n    location / {{\n      proxy_pass http://provider;\n\
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n\
         proxy_set_header Authorization \"Bearer sk-provider-1\";\n    }}\n  }}\n}}\n",
        within("nginx.pid"),
        temporary.join("\n  ")
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, settings)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&file).stdin(Stdio::null());
    Process::start(&mut command, address).map_err(|error| install(&error.to_string()))
}

/// LiteLLM's proxy with one worker and two keys, and nothing switched on that it does not need.
pub(crate) fn litellm(provider: SocketAddr) -> Result<Process, Box<dyn Error>> {
    let (address, folder) = (free_address()?, folder("litellm")?);
    let model = |key: u32| {
        format!(
            "  - model_name: chat\n    litellm_params: {{ model: openai/chat, api_base: \"http://{provider}/v1\", \
             api_key: sk-provider-{key} }}\n"
        )
    };
    let settings = format!("model_list:\n{}{}litellm_settings: {{ telemetry: false }}\n", model(1), model(2));
    let file = folder.join("litellm.yaml");
    fs::write(&file, settings)?;
    let program = litellm_program();
    let beside = program.parent().unwrap_or(Path::new("/"));
    let mut command = Command::new(&program);
    command.arg("--config").arg(&file).args(["--host", "127.0.0.1", "--num_workers", "1", "--port"]);
    command.arg(address.port().to_string());
    command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", beside.display())).env("HOME", &folder);
    for (name, value) in [
        ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
        ("LITELLM_TELEMETRY", "False"),
        ("DISABLE_ADMIN_UI", "True"),
    ] {
        command.env(name, value);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Process::start(&mut command, address).map_err(|error| install(&error.to_string()))
}

/// The variable `LITELLM`, or where it is installed beside the build.
fn litellm_program() -> PathBuf {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../litellm/bin/litellm");
    std::env::var_os("LITELLM").map_or(installed, PathBuf::from)
}

fn install(problem: &str) -> Box<dyn Error> {
    format!("{problem}; `router/benches/install-peers` installs what the router is compared with").into()
}
