//! The models that a caller may use, in the words of its dialect: all of them, page by page where the dialect has pages, or one.

use http::{HeaderMap, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::address::query;
use super::answer::{ApiError, json_answer};
use super::caller::caller;
use super::percent::{decoded, decoded_in_query};
use super::relay::ResponseBody;
use super::service::Service;
use crate::provider::{ANTHROPIC_VERSION, Dialect, X_GOOG_API_KEY};
use crate::settings::ModelSettings;

/// What is asked for, and in which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModelsAsked<'a> {
    pub(super) dialect: Dialect,
    /// One by its name, still in percent code, or all.
    one: Option<&'a str>,
}

/// The most that a page may hold, in both dialects that have pages.
const LONGEST_PAGE: usize = 1_000;
const PAGE_OF_ANTHROPIC: usize = 20;
const PAGE_OF_GEMINI: usize = 50;
/// Nobody knows when a model came to be, and Anthropic's own word for that is the epoch.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";

impl<'a> ModelsAsked<'a> {
    /// Two dialects share a path, so a client is known by the headers that its library always sends.
    pub(super) fn of(path: &'a str, headers: &HeaderMap) -> Option<Self> {
        let below = path.strip_prefix("/v1/models");
        let below_beta = path.strip_prefix("/v1beta/models");
        let one = match below.or(below_beta)? {
            "" => None,
            named => Some(named.strip_prefix('/').filter(|name| !name.is_empty())?),
        };
        let dialect = if below_beta.is_some() || headers.contains_key(X_GOOG_API_KEY) {
            Dialect::Gemini
        } else if headers.contains_key(ANTHROPIC_VERSION) {
            Dialect::Anthropic
        } else {
            Dialect::Openai
        };
        Some(Self { dialect, one })
    }

    pub(super) fn answer(
        self,
        service: &Service,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<Response<ResponseBody>, ApiError> {
        let tenant = caller(service, headers, (self.dialect == Dialect::Gemini).then_some(uri))?;
        if let Some(name) = self.one {
            let name = decoded(name).ok_or_else(|| ApiError::unknown_model(name))?;
            let model = service.model(tenant, &name)?;
            return Ok(json_answer(StatusCode::OK, &self.entry(service, model)));
        }
        let shows_all = service.policies.tenancy.shows_all_models();
        let models =
            service.models.values().filter(|model| shows_all || service.may_use(tenant, &model.name));
        let listed = match self.dialect {
            Dialect::Openai => {
                let entries: Vec<Value> = models.map(|model| self.entry(service, model)).collect();
                json!({ "object": "list", "data": entries })
            }
            Dialect::Anthropic => {
                let page = Page::of_anthropic(uri, &models.collect::<Vec<_>>())?;
                let entries: Vec<Value> =
                    page.models.iter().map(|model| self.entry(service, model)).collect();
                let name = |model: Option<&&ModelSettings>| model.map(|model| model.name.clone());
                let (first, last) = (name(page.models.first()), name(page.models.last()));
                json!({ "data": entries, "has_more": page.has_more, "first_id": first, "last_id": last })
            }
            Dialect::Gemini => {
                let page = Page::of_gemini(uri, &models.collect::<Vec<_>>())?;
                let entries: Vec<Value> =
                    page.models.iter().map(|model| self.entry(service, model)).collect();
                let mut listed = json!({ "models": entries });
                if let Some(last) = page.models.last().filter(|_| page.has_more) {
                    listed["nextPageToken"] = Value::from(last.name.as_str());
                }
                listed
            }
        };
        Ok(json_answer(StatusCode::OK, &listed))
    }

    fn entry(self, service: &Service, model: &ModelSettings) -> Value {
        let name = &model.name;
        match self.dialect {
            Dialect::Openai => {
                let owner = service.backends[model.targets[0].provider].provider.name();
                json!({ "id": name, "object": "model", "created": 0, "owned_by": owner })
            }
            Dialect::Anthropic => {
                json!({ "type": "model", "id": name, "display_name": name, "created_at": UNKNOWN_TIME })
            }
            Dialect::Gemini => {
                let mut entry = json!({
                    "name": format!("models/{name}"), "displayName": name, "version": "",
                    "supportedGenerationMethods": ["generateContent"],
                });
                if let Some(window) = model.window {
                    entry["inputTokenLimit"] = Value::from(window);
                }
                entry
            }
        }
    }
}

/// Some of the models, in the order of their names. A place in them is told by a name, so that it stays right when the
/// settings change between two pages.
struct Page<'a> {
    models: Vec<&'a ModelSettings>,
    /// Whether there are more in the direction in which is read.
    has_more: bool,
}

impl<'a> Page<'a> {
    fn of_anthropic(uri: &Uri, all: &[&'a ModelSettings]) -> Result<Self, ApiError> {
        let length = length(uri, "limit", PAGE_OF_ANTHROPIC)?;
        match (text(uri, "before_id")?, text(uri, "after_id")?) {
            (Some(_), Some(_)) => {
                Err(ApiError::bad_query("`before_id` and `after_id` cannot both be meant".to_owned()))
            }
            (Some(before), None) => {
                let end = all.partition_point(|model| model.name < before);
                let start = end.saturating_sub(length);
                Ok(Self { models: all[start..end].to_vec(), has_more: start > 0 })
            }
            (None, after) => Ok(Self::behind(after.as_deref(), length, all)),
        }
    }

    fn of_gemini(uri: &Uri, all: &[&'a ModelSettings]) -> Result<Self, ApiError> {
        let length = length(uri, "pageSize", PAGE_OF_GEMINI)?;
        Ok(Self::behind(text(uri, "pageToken")?.as_deref(), length, all))
    }

    fn behind(name: Option<&str>, length: usize, all: &[&'a ModelSettings]) -> Self {
        let start = name.map_or(0, |name| all.partition_point(|model| model.name.as_str() <= name));
        let models: Vec<_> = all[start..].iter().take(length).copied().collect();
        Self { has_more: start + models.len() < all.len(), models }
    }
}

/// How many a page is to hold. More than one may hold are as many as it may.
fn length(uri: &Uri, name: &str, usual: usize) -> Result<usize, ApiError> {
    let Some(written) = query(uri, name) else { return Ok(usual) };
    match written.parse() {
        // Google's own clients write it for want of a number.
        Ok(0) if name == "pageSize" => Ok(usual),
        Ok(length @ 1..) => Ok(LONGEST_PAGE.min(length)),
        _ => Err(ApiError::bad_query(format!("`{name}` is a number from 1 to {LONGEST_PAGE}"))),
    }
}

/// A text of the query. Nothing for an empty one.
fn text(uri: &Uri, name: &str) -> Result<Option<String>, ApiError> {
    let Some(written) = query(uri, name).filter(|written| !written.is_empty()) else { return Ok(None) };
    let read = decoded_in_query(written);
    read.map(Some).ok_or_else(|| ApiError::bad_query(format!("`{name}` cannot be read")))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_client_is_known_by_its_path_and_its_headers() {
        let with = |names: &[HeaderName]| {
            names.iter().map(|name| (name.clone(), HeaderValue::from_static("x"))).collect::<HeaderMap>()
        };
        type Case<'a> = (&'a str, &'a [HeaderName], Option<(Dialect, Option<&'a str>)>);
        let cases: [Case<'_>; 9] = [
            ("/v1/models", &[], Some((Dialect::Openai, None))),
            ("/v1/models/org%2Fchat", &[], Some((Dialect::Openai, Some("org%2Fchat")))),
            ("/v1/models/org/chat", &[], Some((Dialect::Openai, Some("org/chat")))),
            ("/v1/models", &[ANTHROPIC_VERSION], Some((Dialect::Anthropic, None))),
            ("/v1/models", &[X_GOOG_API_KEY], Some((Dialect::Gemini, None))),
            ("/v1beta/models/chat", &[], Some((Dialect::Gemini, Some("chat")))),
            ("/v1/models/", &[], None),
            ("/v1/modelsx", &[], None),
            ("/v2/models", &[], None),
        ];
        for (path, headers, expected) in cases {
            let asked = ModelsAsked::of(path, &with(headers)).map(|asked| (asked.dialect, asked.one));
            assert_eq!(asked, expected, "{path}");
        }
    }

    #[test]
    fn a_page_holds_so_many_and_no_more_than_may() {
        let uri = |query: &str| format!("/v1/models{query}").parse::<Uri>().unwrap();
        let cases = [
            ("", Some(20)),
            ("?limit=3", Some(3)),
            ("?limit=5000", Some(LONGEST_PAGE)),
            ("?limit=0", None),
            ("?limit=-1", None),
            ("?limit=many", None),
        ];
        for (query, expected) in cases {
            assert_eq!(length(&uri(query), "limit", PAGE_OF_ANTHROPIC).ok(), expected, "{query}");
        }
        assert_eq!(length(&uri("?pageSize=0"), "pageSize", PAGE_OF_GEMINI).ok(), Some(50));
    }
}
