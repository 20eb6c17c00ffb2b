//! Requests of a scenario as clients send them: bodies in the target's dialect, with the place of the mark.

use dialect::Dialect;
use dialect::openai::Chat;
use load::{Method, Request};
use record::{NameId, NameTable};
use scenario::{Endpoint, Errand, MarkPosition, Scenario, Variation};
use target::Profile;

/// A target has no path for something that the traffic asks of it.
#[derive(Debug, thiserror::Error)]
#[error("the profile of `{target}` gives no path for `{endpoint}`")]
pub(crate) struct NoPath {
    target: String,
    endpoint: &'static str,
}

/// The requests of a step or phase, to be taken in turn.
pub(crate) fn requests(
    scenario: &Scenario,
    errand: &Errand,
    profile: &Profile,
    names: &NameTable,
) -> Result<Vec<Request>, NoPath> {
    match errand {
        Errand::Get(endpoint) => Ok(vec![get(*endpoint, profile)?]),
        Errand::Send(send) => {
            let found = send.cycle.iter().filter_map(|variation| chat(scenario, variation, profile, names));
            Ok(found.collect())
        }
    }
}

fn get(endpoint: Endpoint, profile: &Profile) -> Result<Request, NoPath> {
    let paths = &profile.says.paths;
    let path = match endpoint {
        Endpoint::Liveness => paths.liveness.as_ref().map(|path| path.0.as_str()),
        Endpoint::Readiness => paths.readiness.as_ref().map(|path| path.0.as_str()),
        Endpoint::Models => Some(profile.models_path()),
    };
    let no_path = || NoPath { target: profile.name().to_owned(), endpoint: endpoint.word() };
    Ok(Request {
        name: NameId::NONE,
        method: Method::Get,
        path: path.ok_or_else(no_path)?.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        mark_at: None,
        dialect: Dialect::Openai,
        streamed: false,
        model: NameId::NONE,
    })
}

/// A chat request. A variation of nothing is told by `check`, and never comes here.
fn chat(scenario: &Scenario, variation: &Variation, profile: &Profile, names: &NameTable) -> Option<Request> {
    let request = scenario.requests.get(&variation.like.value)?;
    let model = variation.model.as_ref().unwrap_or(&request.model).value.clone();
    let prompt = variation.prompt.as_ref().unwrap_or(&request.prompt);
    let stream = variation.stream.unwrap_or(request.stream);
    let prompt = match request.id {
        MarkPosition::PromptEnd => format!("{prompt} {}", Request::mark_place()),
        MarkPosition::None => prompt.clone(),
    };
    let model_name = names.id(&model);
    let body = Chat { model, prompt, stream, include_usage: stream, ..Chat::default() }.body();
    Some(Request {
        name: names.id(&variation.like.value),
        method: Method::Post,
        path: profile.chat_path().to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        mark_at: Request::find_mark(&body),
        body,
        dialect: Dialect::Openai,
        streamed: stream,
        model: model_name,
    })
}
