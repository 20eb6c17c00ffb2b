//! Settings that a scenario asks for and a target's profile ignores: told, so that the scenario is not run in vain.

use scenario::World;

use crate::profile::Profile;
use crate::rendering::Rendering;
use crate::secrets::Secrets;
use crate::template::TemplateError;
use crate::topology::Topology;
use crate::view::{StartView, StoreView, view};

impl Profile {
    /// The settings of a world that are never read while the profile's command, environment and files are rendered, as the
    /// scenario language calls them: `router.models.chat.queue`. A scenario that sets one of them asks of the target what it
    /// is never told. Names and secrets do not count. Where a template refuses what the world asks for, its words are told.
    ///
    /// A profile that otherwise cannot be rendered for this world leaves nothing unread: its start tells what is wrong with it.
    #[must_use]
    pub fn unrendered(&self, world: &World) -> Vec<String> {
        let store = self.says.instances.store.as_ref().map(|kind| StoreView {
            kind: kind.value.word(),
            dir: "/".to_owned(),
            port: Some(1),
        });
        let start = StartView { store: store.as_ref(), ..StartView::imagined() };
        let seen = view(&Topology::imagined(world), &start);
        let secrets = Secrets::default();
        let rendering = Rendering { profile: self, view: seen.value(), secrets: &secrets };
        if let Err(error) = render_all(&rendering) {
            return error.refused().map(str::to_owned).into_iter().collect();
        }
        let mut unread = seen.unread();
        if world.router.instances.is_some_and(|instances| instances > self.says.instances.max) {
            unread.push("router.instances".to_owned());
        }
        if world.router.shared && store.is_none() && !unread.iter().any(|name| name == "router.shared") {
            unread.push("router.shared".to_owned());
        }
        unread
    }
}

/// Renders all that a start renders.
fn render_all(rendering: &Rendering<'_>) -> Result<(), TemplateError> {
    if let Some(process) = &rendering.profile.says.start.process {
        rendering.command(&process.command)?;
        rendering.env(&process.env)?;
    }
    rendering.files()?;
    Ok(())
}
