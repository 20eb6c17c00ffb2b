//! The settings that are in force: read at the start, and again whenever the operator asks for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;

use super::health::{Checked, HealthChecks};
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

/// What runs beside the service, by its settings.
#[derive(Default)]
struct Companions {
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
        let settings = Settings::load(&config, environment.as_ref())?;
        let listen = settings.listen;
        let mut companions = Companions::default();
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
        let read = spawn_blocking(move || Settings::load(&config, environment.as_ref()));
        let settings =
            read.await.map_err(|_| SettingsError::Wrong("the file could not be read".to_owned()))??;
        let service = companions.put_in_force(&self.service(), settings);
        self.service.send_replace(Arc::new(service));
        tracing::info!(config = %self.config.display(), "the settings were read again and are in force");
        Ok(())
    }
}

impl Companions {
    fn put_in_force(&mut self, before: &Service, settings: Settings) -> Service {
        let (folder, every) = (settings.shared_folder.clone(), settings.health_every);
        let service = before.followed_by(settings);
        self.shared = folder.map(|folder| match self.shared.take() {
            Some(shared) if shared.folder() == folder => shared,
            _ => Shared::start(folder),
        });
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
