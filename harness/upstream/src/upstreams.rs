//! All upstreams of a world, running.

mod handwork;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use record::CastUpstream;
use scenario::{Address, At, World};

use crate::incumbent::Incumbent;
use crate::journal::Journal;
use crate::key::Key;
use crate::listening::{Listening, Ports};
use crate::mistakes::Mistakes;
use crate::redaction::Redaction;
use crate::server::{Bounds, Host, Server};
use crate::surroundings::Surroundings;
use crate::tally::Tally;
use crate::upstream::Upstream;
use crate::watchlist::Watchlist;

/// The running upstreams of a world. They run on the runtime that started them; dropping this ends them.
#[derive(Debug)]
pub struct Upstreams {
    running: Vec<Running>,
    mistakes: Mistakes,
}

#[derive(Debug)]
struct Running {
    name: String,
    dialect: &'static str,
    keys: Vec<Key>,
    base_url: String,
    /// The address of each key, where each has one.
    key_urls: Vec<String>,
    tally: Arc<Tally>,
    incumbent: Arc<Incumbent>,
    /// Its own, and then one for each key that has an address. None where the target is sent to hosts that do not exist.
    servers: Vec<Server>,
}

/// Who an upstream of a world is, and where a target is to reach it.
#[derive(Clone, Debug)]
pub struct Whereabouts {
    /// Its name.
    pub name: String,
    /// Its keys, in the order of the world.
    pub keys: Vec<Key>,
    /// The address at which a target is to reach it.
    pub base_url: String,
    /// The address of each key, where each has one.
    pub key_urls: Vec<String>,
}

impl Whereabouts {
    /// Who the upstreams of a world will be when they are started with this seed at ports that are known.
    ///
    /// # Errors
    /// If the ports do not suffice.
    pub fn foreseen(world: &World, seed: u64, listening: &Listening) -> io::Result<Vec<Self>> {
        let mut places = 0..;
        let foreseen = world.upstreams.0.iter().map(|(name, settings)| {
            let (name, keys) = (name.value.as_str(), Key::all(seed, &name.value, &settings.keys));
            let urls = listening.entrances(settings).zip(places.by_ref()).map(|(entrance, place)| {
                let listens =
                    Some(listening.address(place)?).filter(|_| settings.address != Address::UnknownHost);
                let label = entrance.map(|key| keys[key].label());
                Ok(base_url(
                    settings.address,
                    (name, label),
                    listens.map(|listens| listening.reached(listens)),
                ))
            });
            let mut urls = urls.collect::<io::Result<Vec<String>>>()?;
            let key_urls = urls.split_off(1);
            Ok(Self { name: name.to_owned(), base_url: urls.remove(0), key_urls, keys })
        });
        foreseen.collect()
    }
}

/// The port of hosts that do not exist.
const NOWHERE: u16 = 80;

/// So much of an upstream's name stands in the name of its host: one between two dots may have 63 letters.
const LONGEST_HOST: usize = 50;

impl Upstreams {
    /// Starts every upstream of a world, each on a free port of the loopback interface. It must be called on a Tokio runtime
    /// with its I/O and its timers.
    ///
    /// # Errors
    /// If the machine gives no port, or if the world asks for something that cannot be done: the error names it.
    pub async fn start(world: &World, surroundings: Surroundings) -> io::Result<Self> {
        Self::start_at(world, surroundings, Listening::on_loopback(Ports::Free)).await
    }

    /// The same where somebody else says where they listen.
    ///
    /// # Errors
    /// The same, and if an address is taken: the error names it.
    pub async fn start_at(
        world: &World,
        surroundings: Surroundings,
        listening: Listening,
    ) -> io::Result<Self> {
        Self::start_within(world, surroundings, (listening, Bounds::default())).await
    }

    pub(crate) async fn start_within(
        world: &World,
        surroundings: Surroundings,
        (listening, bounds): (Listening, Bounds),
    ) -> io::Result<Self> {
        let worlds = world.upstreams.0.iter();
        let keys: Vec<Vec<Key>> =
            worlds.map(|(name, settings)| Key::all(surroundings.seed, &name.value, &settings.keys)).collect();
        let redaction = Arc::new(Redaction::new(keys.iter().flatten()));
        let mut upstreams = Self { running: Vec::with_capacity(keys.len()), mistakes: Mistakes::default() };
        let mut places = 0..;
        for (named, own) in world.upstreams.0.iter().zip(&keys) {
            let (name, settings) = (named.0.value.as_str(), &named.1);
            let watchlist = watchlist(name, (world, &keys), &surroundings.canaries);
            let tally = Arc::new(Tally::new(own, &surroundings.names));
            let watched = (watchlist, !settings.script.is_empty());
            let journal = Journal::new(&surroundings, Arc::clone(&redaction), watched, Arc::clone(&tally));
            let upstream = upstreams.make(named, world, (own, Arc::new(journal)), &surroundings)?;
            let incumbent = Arc::new(Incumbent::new(Arc::new(upstream)));
            let (mut servers, mut urls) = (Vec::new(), Vec::new());
            // The places stand behind, so that the last look takes none of them.
            for (entrance, place) in listening.entrances(settings).zip(places.by_ref()) {
                let listens = listening.address(place)?;
                let host = Host { incumbent: Arc::clone(&incumbent), entrance };
                let server = match settings.address {
                    Address::UnknownHost => None,
                    address => Some(Server::start(host, (address, listens), bounds).await?),
                };
                let label = entrance.map(|key| own[key].label());
                let reached = server.as_ref().map(|server| listening.reached(server.address()));
                urls.push(base_url(settings.address, (name, label), reached));
                servers.extend(server);
            }
            let key_urls = urls.split_off(1);
            upstreams.running.push(Running {
                name: name.to_owned(),
                dialect: settings.dialect.name(),
                keys: own.clone(),
                base_url: urls.remove(0),
                key_urls,
                tally,
                incumbent,
                servers,
            });
        }
        Ok(upstreams)
    }

    /// An upstream of the world, made ready.
    fn make(
        &self,
        (name, settings): &(At<String>, scenario::Upstream),
        world: &World,
        (keys, journal): (&[Key], Arc<Journal>),
        surroundings: &Surroundings,
    ) -> io::Result<Upstream> {
        let name = name.value.as_str();
        let made = Upstream::new((name, settings), world, (keys, journal, &self.mistakes), surroundings);
        made.map_err(|why| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("the upstream `{name}`: {why}"))
        })
    }

    /// The upstreams' names with the addresses at which a target is to reach them, such as `http://127.0.0.1:4000`, in the
    /// order of the world. Behind some of them there may be nobody.
    pub fn base_urls(&self) -> impl Iterator<Item = (&str, &str)> {
        self.running.iter().map(|running| (running.name.as_str(), running.base_url.as_str()))
    }

    /// Who they are and where a target is to reach them, in the order of the world.
    #[must_use]
    pub fn whereabouts(&self) -> Vec<Whereabouts> {
        let told = self.running.iter().map(|running| Whereabouts {
            name: running.name.clone(),
            keys: running.keys.clone(),
            base_url: running.base_url.clone(),
            key_urls: running.key_urls.clone(),
        });
        told.collect()
    }

    /// The names of those that listen with their addresses, in the order of the world.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        let address = |running: &Running| running.servers.first().map(Server::address);
        self.running.iter().filter_map(move |running| Some((running.name.as_str(), address(running)?)))
    }

    /// The replies of the scenario that could not be made so far, each told once and in words for the user. What was replied
    /// instead is no behaviour of a provider, so that no verdict may follow from the trial.
    #[must_use]
    pub fn mistakes(&self) -> Vec<String> {
        self.mistakes.all()
    }

    /// The keys of an upstream, in the order of the world; none for a name that is no upstream's.
    #[must_use]
    pub fn keys(&self, upstream: &str) -> &[Key] {
        let found = self.running.iter().find(|running| running.name == upstream);
        found.map_or(&[], |running| &running.keys)
    }

    /// Who the upstreams are, for the evidence: keys by label and fingerprint.
    #[must_use]
    pub fn cast(&self) -> Vec<CastUpstream> {
        let keys = |keys: &[Key]| {
            keys.iter().map(|key| (key.label().to_owned(), key.fingerprint())).collect::<Vec<_>>()
        };
        let cast = self.running.iter().map(|running| CastUpstream {
            name: running.name.clone(),
            dialect: running.dialect.to_owned(),
            keys: keys(&running.keys),
        });
        cast.collect()
    }

    /// Waits until those that do not listen at this time listen no more, and the others do. They look by themselves too, and a
    /// busy machine may let them look late.
    pub async fn turned(&self) {
        for server in self.running.iter().flat_map(|running| &running.servers) {
            server.turned().await;
        }
    }

    /// Stops all upstreams: nothing new is accepted, what is open may end within a bound, and what does not is abandoned.
    /// Afterwards the row of every attempt has been sent.
    pub async fn stop(self) {
        let servers: Vec<Server> = self.running.into_iter().flat_map(|running| running.servers).collect();
        servers.iter().for_each(Server::begin_to_stop);
        for server in servers {
            server.stopped().await;
        }
    }
}

/// Where a target is told to reach an upstream, which listens there or nowhere.
fn base_url(address: Address, (name, key): (&str, Option<&str>), listens: Option<String>) -> String {
    match (address, listens) {
        (Address::BadCertificate, Some(listens)) => format!("https://{listens}"),
        (_, Some(listens)) => format!("http://{listens}"),
        // The names below `invalid` are kept free, so that no name server knows them.
        (_, None) => {
            let of_key = key.map_or_else(String::new, |key| format!("{}.", host(key)));
            format!("http://{of_key}{}.invalid:{NOWHERE}", host(name))
        }
    }
}

/// A name as one that a host may have.
fn host(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let host: String = letters.take(LONGEST_HOST).collect();
    format!("upstream-{}", host.trim_matches('-')).trim_end_matches('-').to_owned()
}

/// What must not reach an upstream: the keys of the others, and what the trial names.
fn watchlist(name: &str, (world, keys): (&World, &[Vec<Key>]), canaries: &[(String, String)]) -> Watchlist {
    let own =
        world.upstreams.names().zip(keys).find(|(other, _)| *other == name).map_or(&[][..], |(_, own)| own);
    let is_own = |key: &Key| own.iter().any(|own| own.secret() == key.secret());
    let others =
        world.upstreams.names().zip(keys).flat_map(|(other, keys)| {
            keys.iter().map(move |key| (format!("key {other}/{}", key.label()), key))
        });
    let others = others.filter(|(_, key)| !is_own(key)).map(|(label, key)| (label, key.secret()));
    let canaries = canaries.iter().map(|(label, text)| (label.clone(), text.as_str()));
    Watchlist::new(others.chain(canaries))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use record::{AttemptRow, Clock, Correlation, Fact, FactReceiver, NameTable, Outcome, fact_channel};
    use scenario::{
        Distribution, Keys, Latency, LimitSignal, Named, Protocol, Reply, RouterSettings, Signals, Span,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    use super::*;
    use crate::traffic_signal::TrafficSignal;

    const MOMENT: Duration = Duration::from_millis(40);
    const ASKED: &str = "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 27\r\n\r\n";
    const BODY: &str = r#"{"model":"m","messages":[]}"#;

    async fn start(latency: Duration, bounds: Bounds) -> (Upstreams, FactReceiver) {
        let span = Span::default();
        let main = scenario::Upstream {
            dialect: Protocol::Llm(dialect::Dialect::Openai),
            address: Address::Plain,
            keys: Keys(Vec::new()),
            plans: Vec::new(),
            latency: Latency { head: Distribution::Fixed(latency), ..Latency::none() },
            keep_alive: None,
            signals: Signals { limits: LimitSignal::Usual, plan: None, span },
            reply: Reply::normal(),
            script: Vec::new(),
            timeline: Vec::new(),
            weights: Vec::new(),
            bans: None,
            resources: Named::default(),
            defects: Vec::new(),
            url_from: None,
            url: None,
            span,
        };
        let upstreams = Named(vec![(At { value: "main".to_owned(), span }, main)]);
        let (router, tenants) = (RouterSettings::nothing(), Named::default());
        let world = World { upstreams, router, tenants, prices: None, span };
        let (sender, facts) = fact_channel();
        let surroundings = Surroundings {
            clock: Clock::start(),
            correlation: Correlation::new(1),
            names: NameTable::new(sender.clone()),
            facts: sender,
            seed: 1,
            traffic: TrafficSignal::new([]),
            samples: 0,
            canaries: Vec::new(),
            defect: None,
        };
        let started =
            Upstreams::start_within(&world, surroundings, (Listening::on_loopback(Ports::Free), bounds))
                .await;
        (started.unwrap(), facts)
    }

    async fn connect(upstreams: &Upstreams, bytes: &str) -> TcpStream {
        let (_, address) = upstreams.addresses().next().unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        let read = timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await;
        read.expect("the connection should have been closed by now").unwrap();
        text
    }

    fn rows(facts: &FactReceiver) -> Vec<AttemptRow> {
        let row = |fact| if let Fact::Attempt(row) = fact { Some(row) } else { None };
        facts.try_iter().filter_map(row).collect()
    }

    #[test]
    fn every_name_makes_a_host_that_cannot_be() {
        for (name, expected) in [
            ("Main 2", "http://upstream-main-2.invalid:80"),
            ("ä.", "http://upstream.invalid:80"),
            ("", "http://upstream.invalid:80"),
        ] {
            assert_eq!(base_url(Address::UnknownHost, (name, None), None), expected);
        }
        assert_eq!(host(&"x".repeat(500)).len(), 59);
    }

    #[tokio::test]
    async fn a_caller_that_does_not_finish_its_request_is_given_up_and_an_idle_one_is_not() {
        let bounds = Bounds { patience: MOMENT, ..Bounds::default() };
        let (upstreams, facts) = start(Duration::ZERO, bounds).await;
        let mut idle = connect(&upstreams, "").await;
        let mut half_a_head = connect(&upstreams, &ASKED[..20]).await;
        let mut half_a_body = connect(&upstreams, &format!("{ASKED}{}", &BODY[..9])).await;
        assert_eq!(rest(&mut half_a_head).await, "");
        assert_eq!(rest(&mut half_a_body).await, "");
        idle.write_all(format!("{ASKED}{BODY}").as_bytes()).await.unwrap();
        let mut status = [0; 12];
        idle.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        upstreams.stop().await;
        let outcomes: Vec<_> = rows(&facts).iter().map(|row| (row.outcome, row.status)).collect();
        assert_eq!(outcomes, [(Outcome::TimedOut, 0), (Outcome::Complete, 200)]);
    }

    #[tokio::test]
    async fn a_caller_that_writes_byte_by_byte_is_given_up_and_others_do_not_notice() {
        let bounds = Bounds { patience: MOMENT, ..Bounds::default() };
        let (upstreams, facts) = start(Duration::ZERO, bounds).await;
        for begun in ["", ASKED] {
            let mut slow = connect(&upstreams, begun).await;
            let rest_of_it = if begun.is_empty() { ASKED } else { BODY };
            let began = Instant::now();
            for byte in rest_of_it.bytes() {
                // Whoever was given up cannot write any more, or only to nobody.
                if slow.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(MOMENT / 8).await;
            }
            assert!(began.elapsed() > MOMENT, "it was slow");
            let mut answer: Vec<u8> = Vec::new();
            // It may be reset, since nobody read its last bytes.
            let _: io::Result<usize> =
                timeout(Duration::from_secs(20), slow.read_to_end(&mut answer)).await.unwrap();
            assert!(answer.is_empty(), "no answer was due");
            let mut other = connect(&upstreams, &format!("{ASKED}{BODY}")).await;
            let mut status = [0; 12];
            other.read_exact(&mut status).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 200");
        }
        upstreams.stop().await;
        let outcomes: Vec<_> = rows(&facts).iter().map(|row| (row.outcome, row.status)).collect();
        // Of the first nothing is known but half a head.
        assert_eq!(outcomes, [(Outcome::Complete, 200), (Outcome::TimedOut, 0), (Outcome::Complete, 200)]);
    }

    #[tokio::test]
    async fn what_does_not_end_in_time_is_abandoned_and_written_down() {
        let bounds = Bounds { farewell: MOMENT, ..Bounds::default() };
        let (upstreams, facts) = start(Duration::from_secs(3_600), bounds).await;
        let mut asking = connect(&upstreams, &format!("{ASKED}{BODY}")).await;
        // An answer that comes at once, on a connection that was opened later, shows that the other request has been taken.
        let mut other = connect(&upstreams, "GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n").await;
        assert!(rest(&mut other).await.starts_with("HTTP/1.1 200"));
        upstreams.stop().await;
        assert_eq!(rest(&mut asking).await, "");
        let outcomes: Vec<_> = rows(&facts).iter().map(|row| (row.outcome, row.status)).collect();
        assert_eq!(outcomes, [(Outcome::Complete, 200), (Outcome::Abandoned, 0)]);
    }
}
