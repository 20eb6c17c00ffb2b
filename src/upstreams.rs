//! `stormproof upstreams`: a world's simulated upstreams, served for hand work until somebody ends them.

mod control;
mod exports;
mod journal;
mod live;
mod routes;
mod served;
mod serving;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use run::Exit;
use tokio::net::TcpListener;
use upstream::{Listening, Ports};

use crate::args::{ListenAddress, UpstreamsArgs};
use crate::interrupt::Signals;
use crate::settings::Refusal;
use crate::terminal::tell;
use crate::upstreams::exports::{ExportsFile, exports};
use crate::upstreams::live::Live;
use crate::upstreams::served::Served;
use crate::upstreams::serving::Serving;

/// How long whatever is open may take to go away at the end.
const FAREWELL: Duration = Duration::from_millis(200);

/// Serves upstreams until a signal ends them.
pub(crate) fn upstreams(args: &UpstreamsArgs) -> Exit {
    match run(args) {
        Ok(()) => Exit::Sound,
        Err(Refusal { message, exit }) => {
            tell(&message);
            exit
        }
    }
}

fn run(args: &UpstreamsArgs) -> Result<(), Refusal> {
    let listen = args.listen.unwrap_or_default();
    refuse_strangers(listen, args.allow_remote)?;
    let served = Served::resolve(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Refusal::machine("the machine starts no threads", &error))?;
    let ended = runtime.block_on(serve(args, served, listen));
    runtime.shutdown_timeout(FAREWELL);
    ended
}

/// Upstreams at an address that others reach answer whoever has a key, and so need a word from the user.
fn refuse_strangers(listen: ListenAddress, allowed: bool) -> Result<(), Refusal> {
    if listen.ip.is_loopback() || allowed {
        return Ok(());
    }
    let message =
        format!("`--listen {}` is not loopback, so that others could reach the upstreams", listen.ip);
    Err(Refusal::misused(format!("{message}\n  = help: add `--allow-remote` if that is meant")))
}

async fn serve(args: &UpstreamsArgs, served: Served, listen: ListenAddress) -> Result<(), Refusal> {
    let mut signals =
        Signals::listen().map_err(|error| Refusal::machine("signals cannot be handled", &error))?;
    let (control, address) = bind_control(listen).await?;
    let ports = match listen.port {
        None => Ports::Free,
        Some(port) => Ports::From(port.checked_add(1).ok_or_else(|| {
            Refusal::misused(format!("`--listen {}:{port}` leaves no port for upstreams", listen.ip))
        })?),
    };
    let serving = Arc::new(
        Serving::start(served, Listening { ip: listen.ip, ports, each_key: false, advertised: None }).await?,
    );
    let exports = exports(&serving, address);
    let file = match &args.exports {
        None => None,
        Some(path) => Some(ExportsFile::write(path, &exports)?),
    };
    let control = tokio::spawn(control::serve(control, Arc::clone(&serving)));
    if print(&exports).is_ok() {
        tell(&heading(&serving, address));
        let mut live = Live::new();
        let signal = watch(&serving, &mut live, &mut signals).await;
        live.conclude(signal, &serving);
    }
    control.abort();
    drop(file);
    Ok(())
}

/// The control API is on loopback wherever the upstreams are: it knows no caller by name.
async fn bind_control(listen: ListenAddress) -> Result<(TcpListener, SocketAddr), Refusal> {
    let ip = if listen.ip.is_loopback() { listen.ip } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
    let asked = SocketAddr::new(ip, listen.port.unwrap_or(0));
    let taken = |error| Refusal::machine(&format!("cannot listen at {asked}"), &error);
    let listener = TcpListener::bind(asked).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    Ok((listener, address))
}

/// Prints the exports, and lets standard output go: whoever reads it to its end has them all.
fn print(exports: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(exports.as_bytes())?;
    stdout.flush()?;
    if !io::IsTerminal::is_terminal(&stdout) {
        let nowhere = std::fs::File::options().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(nowhere)?;
    }
    Ok(())
}

fn heading(serving: &Serving, control: SocketAddr) -> String {
    let Served { file, case, seed, world, .. } = &serving.served;
    let case = case.as_ref().map_or_else(String::new, |case| format!(", case `{case}`"));
    let count = world.upstreams.0.len();
    let plural = if count == 1 { "" } else { "s" };
    format!(
        "serving {count} upstream{plural} of {file}{case}, seed {seed}\ncontrol at http://{control}; Ctrl-C ends it\n"
    )
}

/// Shows what happens until a signal comes, and gives its name.
async fn watch(serving: &Serving, live: &mut Live, signals: &mut Signals) -> &'static str {
    let mut look = tokio::time::interval(live.period());
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            signal = signals.next() => return signal,
            _ = look.tick() => live.show(serving),
        }
    }
}
