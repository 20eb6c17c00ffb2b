//! The settings that are in force: read at the start, and again whenever the operator asks for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;

use super::UpkeepPolicy;
use super::health::{Checked, HealthChecks};
use crate::accounts::Records;
use crate::front::Service;
use crate::policy::Policies;
use crate::settings::{Environment, Settings, SettingsError};
use crate::shared::Shared;

/// The service of the settings that were read last, and where they are read from.
pub(crate) struct InForce {
    config: PathBuf,
    environment: Arc<dyn Environment>,
    service: watch::Sender<Arc<Service>>,
    /// Locked for as long as a file is read, so that the one that was read last is in force.
    companions: Mutex<Companions>,
}

/// A store that takes longer is away: the router starts, and says so.
const FIRST_CONTACT: Duration = Duration::from_secs(1);

/// What runs beside the service, by its settings.
#[derive(Default)]
struct Companions {
    /// Opened by the first settings that keep books, and never closed before the router ends.
    records: Option<Records>,
    shared: Option<Shared>,
    health: Option<HealthChecks>,
}

impl InForce {
    /// Reads the file and puts it in force. Also gives the address to listen on.
    pub(crate) fn load(
        config: PathBuf,
        environment: Arc<dyn Environment>,
        policies: Policies,
    ) -> Result<(Self, SocketAddr), SettingsError> {
        let settings = Settings::load(&config, environment.as_ref(), policies.sources.as_ref())?;
        let listen = settings.listen;
        let mut companions = Companions {
            records: records(&settings, None, policies.upkeep.as_ref())?,
            ..Companions::default()
        };
        let service = companions.put_in_force(&Service::before_all_settings(policies), settings);
        let service = watch::Sender::new(Arc::new(service));
        Ok((Self { config, environment, service, companions: Mutex::new(companions) }, listen))
    }

    /// What answers a request that comes now.
    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.service.borrow())
    }

    /// Reads the file again and puts it in force. Requests that are under way go on as they began. When the file is
    /// wrong everything stays as it is.
    pub(crate) async fn reload(&self) -> Result<(), SettingsError> {
        let mut companions = self.companions.lock().await;
        let (config, environment) = (self.config.clone(), Arc::clone(&self.environment));
        let service = self.service();
        let known = companions.records.clone();
        let read = spawn_blocking(move || {
            let settings =
                Settings::load(&config, environment.as_ref(), service.policies().sources.as_ref())?;
            let records = records(&settings, known, service.policies().upkeep.as_ref())?;
            Ok::<_, SettingsError>((settings, records))
        });
        let read = read.await.map_err(|_| SettingsError::Wrong("the file could not be read".to_owned()))?;
        let (settings, records) = read?;
        companions.records = records;
        let service = companions.put_in_force(&self.service(), settings);
        self.service.send_replace(Arc::new(service));
        tracing::info!(config = %self.config.display(), "the settings were read again and are in force");
        Ok(())
    }

    /// Waits a while for the store that routers share, so that the first requests are counted there, too.
    pub(crate) async fn meet_others(&self) {
        let link = self.companions.lock().await.shared.as_ref().and_then(Shared::link).map(Arc::clone);
        if let Some(link) = link {
            link.first_contact(FIRST_CONTACT).await;
        }
    }

    /// Writes down what is left to be written, when nothing is answered any more.
    pub(crate) async fn end(&self) {
        if let Some(records) = &self.companions.lock().await.records {
            records.accounts.tell_the_last().await;
            records.ledger.write_the_last().await;
        }
    }
}

/// The records for new settings. Those that are open stay so: what is under way is booked in them.
fn records(
    settings: &Settings,
    known: Option<Records>,
    upkeep: &dyn UpkeepPolicy,
) -> Result<Option<Records>, SettingsError> {
    if !settings.keep_books() {
        return Ok(known);
    }
    let of = &settings.ledger;
    let place = upkeep.ledger_place(&of.place);
    match known {
        Some(known) if known.ledger.is_at(&place, of.flushes) => Ok(Some(known)),
        Some(known) => Err(of.refused(format!(
            "the ledger is `{}` for as long as the router runs: start it again to change `path` or `flush`",
            known.ledger.place().shown()
        ))),
        None => match Records::open(place, of.flushes) {
            Ok(records) => Ok(Some(records)),
            Err(error) => Err(of.refused(error.to_string())),
        },
    }
}

impl Companions {
    fn put_in_force(&mut self, before: &Service, settings: Settings) -> Service {
        let place = settings.shared.clone();
        let every = before.policies().upkeep.checks_every(settings.health_every);
        self.shared = place.map(|place| match self.shared.take() {
            Some(shared) if *shared.place() == place => shared,
            _ => Shared::start(place),
        });
        let link = self.shared.as_ref().and_then(Shared::link);
        let service = before.followed_by(settings, self.records.as_ref(), link);
        match &self.shared {
            Some(shared) => shared.follow(service.providers()),
            None => service.providers().for_each(|provider| provider.tell_by(None)),
        }
        self.health = every.map(|every| {
            let of_models = service.backends().iter().map(|backend| Checked::Provider(Arc::clone(backend)));
            let apis = service.apis().iter().map(|api| Checked::Api(Arc::clone(api)));
            let checked = of_models.chain(apis).collect();
            match self.health.take() {
                Some(health) if health.every() == every => {
                    health.follow(checked);
                    health
                }
                _ => HealthChecks::start(every, service.checks_at_once(), checked),
            }
        });
        service
    }
}
