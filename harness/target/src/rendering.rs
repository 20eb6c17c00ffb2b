//! The templates of a profile, rendered for one start.

use minijinja::{Value, context};
use scenario::Named;

use crate::profile::{CommandLine, OperationText, Place, Profile, Templated};
use crate::secrets::Secrets;
use crate::template::{self, TemplateError};
use crate::topology::GivenKey;

/// A profile with what its templates see.
pub(crate) struct Rendering<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) view: Value,
    pub(crate) secrets: &'a Secrets,
}

impl Rendering<'_> {
    /// A command.
    pub(crate) fn command(&self, command: &CommandLine) -> Result<Vec<String>, TemplateError> {
        command.0.iter().map(|word| self.value(word)).collect()
    }

    /// Variables of an environment.
    pub(crate) fn env(&self, env: &Named<Templated>) -> Result<Vec<(String, String)>, TemplateError> {
        env.0.iter().map(|(name, value)| Ok((name.value.clone(), self.value(value)?))).collect()
    }

    /// The native configuration files, each as its path below the target's folder and its text.
    pub(crate) fn files(&self) -> Result<Vec<(&str, String)>, TemplateError> {
        let rendered = self.profile.templates().iter().map(|template| {
            Ok((template.renders.as_str(), self.text(self.profile.text(template), &self.view)?))
        });
        rendered.collect()
    }

    /// A text that is about a key, or about none.
    pub(crate) fn operation_text(
        &self,
        text: &OperationText,
        key: Option<(&str, &GivenKey)>,
    ) -> Result<String, TemplateError> {
        let place = Place::Value(text.0.span);
        let Some((upstream, given)) = key else { return self.text((&text.0.text, place), &self.view) };
        let key = &given.key;
        let key = context! {
            label => key.label.as_str(),
            upstream => upstream,
            fingerprint => key.fingerprint.as_str(),
            secret => key.secret.as_str(),
            variable => given.variable(),
        };
        self.text((&text.0.text, place), &context! { key, ..self.view.clone() })
    }

    fn value(&self, value: &Templated) -> Result<String, TemplateError> {
        self.text((&value.text, Place::Value(value.span)), &self.view)
    }

    fn text(&self, text: (&str, Place), view: &Value) -> Result<String, TemplateError> {
        template::render(self.profile, text, view).map_err(|error| error.cleaned(self.secrets))
    }
}
