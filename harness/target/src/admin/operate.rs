//! What a scenario does to a target: by its processes, or by its admin API.

use std::sync::Arc;

use scenario::{Operate, Operation};

use crate::admin::client::Asked;
use crate::process::{Instance, InstanceError, RunningTarget};
use crate::profile::{AdminRequest, Auth};
use crate::topology::GivenKey;

/// Why an operation was not carried out, in words that hold no secret of the target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OperateError(String);

/// The words before they are cleaned.
type NotDone = String;

impl RunningTarget {
    /// Does something to the target: by its processes, or by the request that its profile says. It is done to each instance
    /// that it is meant for. Before a reload the configuration files are rendered again, from the settings that come with the
    /// operation, or from those of the world.
    ///
    /// # Errors
    ///
    /// The profile says nothing of it, it was not done, or it took longer than it may.
    pub async fn operate(&self, operate: &Operate) -> Result<(), OperateError> {
        let done = match tokio::time::timeout(operate.within, self.carry_out(operate)).await {
            Ok(done) => done,
            Err(_) => Err(format!("it took longer than {}", scenario::show_duration(operate.within))),
        };
        done.map_err(|reason| OperateError(self.surroundings.secrets.cleaned(&reason)))
    }

    async fn carry_out(&self, operate: &Operate) -> Result<(), NotDone> {
        let operation = operate.operate.value;
        let instances = self.meant(operate)?;
        if operation == Operation::Reload && self.surroundings.profile.can(operation) {
            self.reconfigure(operate, &instances).await?;
            if self.surroundings.profile.says.operations.reload_signal().is_some() {
                return Ok(());
            }
        }
        let Some(request) = self.surroundings.profile.says.operations.request(operation) else {
            return self.by_process(operation, &instances).await;
        };
        let key = match operation {
            Operation::DisableKey | Operation::EnableKey => Some(self.key(operate)?),
            _ => None,
        };
        for instance in instances {
            self.by_request(request, &instance, key).await.map_err(|reason| self.of(&instance, &reason))?;
        }
        Ok(())
    }

    /// Gives the instances their configuration files anew, and the signal to read them where it is no request that says so.
    async fn reconfigure(&self, operate: &Operate, instances: &[Arc<Instance>]) -> Result<(), NotDone> {
        let own = &self.surroundings.topology;
        let topology = match &operate.router {
            None => own.clone(),
            Some(settings) => own.reloaded(settings).map_err(|name| {
                format!("`router.{name}` cannot be another while the target runs: leave it out")
            })?,
        };
        let signal = self.surroundings.profile.says.operations.reload_signal();
        for instance in instances {
            let done = instance.reconfigure(&topology, signal).await;
            done.map_err(|error| self.of(instance, &error.to_string()))?;
        }
        Ok(())
    }

    async fn by_process(&self, operation: Operation, instances: &[Arc<Instance>]) -> Result<(), NotDone> {
        for instance in instances {
            let done: Result<(), InstanceError> = match operation {
                Operation::Restart => instance.restart().await,
                Operation::Kill => instance.kill().await,
                Operation::Start => instance.start().await,
                Operation::Freeze => instance.freeze().await,
                Operation::Thaw => instance.thaw().await,
                Operation::DisableKey | Operation::EnableKey | Operation::Reload => {
                    let (word, name) = (operation.word(), self.surroundings.profile.name());
                    return Err(format!(
                        "the profile of `{name}` says under `operations:` nothing of `{word}`"
                    ));
                }
            };
            done.map_err(|error| self.of(instance, &error.to_string()))?;
        }
        Ok(())
    }

    async fn by_request(
        &self,
        request: &AdminRequest,
        instance: &Instance,
        key: Option<(&str, &GivenKey)>,
    ) -> Result<(), NotDone> {
        if !instance.is_up() {
            return Err(InstanceError::NotRunning.to_string());
        }
        let rendering = instance.preparation.rendering(&self.surroundings);
        let text = |text| rendering.operation_text(text, key).map_err(|error| error.to_string());
        let path = text(&request.path)?;
        let header = match request.auth {
            Auth::Admin => self.surroundings.admin_header(),
            Auth::None => None,
        };
        let asked = Asked {
            to: instance.address(),
            method: request.method,
            path: &path,
            header,
            body: request.body.as_ref().map(text).transpose()?,
            status: request.status,
        };
        self.admin.ask(asked).await.map(drop).map_err(|error| error.to_string())
    }

    /// The instances that an operation is meant for.
    fn meant(&self, operate: &Operate) -> Result<Vec<Arc<Instance>>, NotDone> {
        let Some(number) = &operate.instance else { return Ok(self.instances.clone()) };
        let none =
            || format!("there is no instance {}: the world asks for {}", number.value, self.instances());
        self.instance(number.value).map(|instance| vec![Arc::clone(instance)]).ok_or_else(none)
    }

    /// The key that an operation is about, with its upstream.
    fn key(&self, operate: &Operate) -> Result<(&str, &GivenKey), NotDone> {
        let label = operate.key.as_ref().ok_or("it names no key: write `key: LABEL`")?.value.as_str();
        let named = operate.upstream.as_ref().map(|upstream| upstream.value.as_str());
        let upstreams = self.surroundings.topology.upstreams.iter();
        let upstreams = upstreams.filter(|upstream| named.is_none_or(|named| named == upstream.name));
        let mut found = upstreams.flat_map(|upstream| {
            let keys = upstream.keys.iter().filter(|given| given.key.label == label);
            keys.map(|given| (upstream.name.as_str(), given))
        });
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => {
                Err(format!("several upstreams have a key `{label}`: write `upstream: NAME` beside it"))
            }
            (None, _) => Err(format!("no upstream has a key `{label}`")),
        }
    }

    fn of(&self, instance: &Instance, reason: &str) -> String {
        match self.instances() {
            0 | 1 => reason.to_owned(),
            _ => format!("instance {}: {reason}", instance.number),
        }
    }
}
