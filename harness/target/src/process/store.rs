//! What the instances of a target share: a folder, or a Redis that lives as long as the target does.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};

use crate::process::birth::ended_early;
use crate::process::command::{Invocation, find_on_path};
use crate::process::error::StartError;
use crate::process::group::Group;
use crate::process::log::{Log, LogBook};
use crate::process::port::free_port;
use crate::profile::{Profile, StoreKind};
use crate::view::StoreView;

const REDIS: &str = "redis-server";
/// It starts in milliseconds, unless the machine is very busy.
const READY_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// A store that runs. Dropping it ends it.
pub(super) struct Store {
    /// Kills the server when it is dropped.
    _server: Option<Server>,
}

struct Server {
    group: Arc<Group>,
    _watch: oneshot::Sender<()>,
}

/// The program that the profile's store needs, if it is not on this machine. Then no scenario whose instances share
/// something can run, which is known before any of them is started.
#[must_use]
pub fn missing_store_program(profile: &Profile) -> Option<&'static str> {
    let kind = profile.says.instances.store.as_ref()?.value;
    (kind == StoreKind::Redis && !find_on_path(REDIS)).then_some(REDIS)
}

impl Store {
    /// Starts a store in a folder of its own, and waits until it answers.
    pub(super) async fn start(
        kind: StoreKind,
        folder: &Path,
        stormproof: &Path,
        book: &Arc<LogBook>,
        died: &watch::Sender<Option<String>>,
    ) -> Result<(Self, StoreView), StartError> {
        let cannot_write = |source| StartError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(cannot_write)?;
        let folder = std::path::absolute(folder).map_err(cannot_write)?;
        let dir = folder.to_string_lossy().into_owned();
        let (server, port) = match kind {
            StoreKind::Folder => (None, None),
            StoreKind::Redis => {
                let port = free_port()?;
                let group = redis(port, &folder, stormproof, book).await?;
                (Some(Server::watched(group, died.clone())), Some(port))
            }
        };
        Ok((Self { _server: server }, StoreView { kind: kind.word(), dir, port }))
    }
}

impl Server {
    /// Tells its end, which no target is to blame for.
    fn watched(group: Arc<Group>, died: watch::Sender<Option<String>>) -> Self {
        let (watch, dropped) = oneshot::channel::<()>();
        let ended = group.ended();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = dropped => {}
                _ = ended => drop(died.send_replace(Some("the store that its instances share ended".to_owned()))),
            }
        });
        Self { group, _watch: watch }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.group.kill();
    }
}

async fn redis(
    port: u16,
    folder: &Path,
    stormproof: &Path,
    book: &Arc<LogBook>,
) -> Result<Arc<Group>, StartError> {
    let port_text = port.to_string();
    let command = [REDIS, "--bind", "127.0.0.1", "--port", &port_text, "--save", "", "--appendonly", "no"];
    let command = command.iter().map(|&word| word.to_owned()).collect();
    let invocation = Invocation { command, env: Vec::new(), folder, stormproof };
    let log = Log::new(book);
    let group = Arc::new(invocation.start().await?);
    let mut readers = log.read(group.output())?;
    let answers = async {
        while !answers(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        ready = tokio::time::timeout(READY_WITHIN, answers) => match ready {
            Ok(()) => {
                // Its output is read for as long as it prints, whoever waits for it.
                tokio::spawn(async move { readers.drain_all().await });
                Ok(group)
            }
            Err(_) => Err(StartError::NotReady {
                wanted: "an answer of `redis-server`".to_owned(),
                within: READY_WITHIN,
                seen: String::new(),
                log: log.tail(),
            }),
        },
        status = group.ended() => {
            readers.drain().await;
            Err(ended_early(status, &log))
        }
    }
}

/// Whether a Redis answers there.
async fn answers(address: SocketAddr) -> bool {
    let ask = async {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(b"PING\r\n").await?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    ask.await.is_ok_and(|answer| &answer == b"+PONG")
}
