//! Requests of a scenario as clients send them: bodies in the client's dialect, with the place of the mark.

use dialect::{Dialect, Said, Surface};
use load::{Method, Request};
use record::{NameId, NameTable};
use scenario::{Credential, Get, InTurn, MarkPosition, Protocol, Scenario, Template, Values};
use target::{Lane, Profile, WithoutFallbacks};

use crate::estimate::most_cost;
use crate::trial::bodies::json_of;
use crate::trial::queries::with_query;
use crate::trial::secrets::Secrets;

/// Why a request cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotMake {
    #[error("the profile of `{target}` gives no path for `{endpoint}`")]
    Path { target: String, endpoint: &'static str },
    #[error("{0}")]
    Value(String),
    #[error("nobody serves model `{0}` directly")]
    Upstream(String),
    #[error("the profile of `{target}` says nothing of `{what}`, which the scenario asks for")]
    Unsaid { target: String, what: &'static str },
    #[error("a generated prompt is no text")]
    Text,
    #[error(
        "the model `{0}` is one name too many: a trial tells {MOST_NAMES} names apart, those of models included; let fewer \
         different models be asked for, or send fewer requests"
    )]
    Names(String),
}

/// One use of a request: the first, the second and so on, with what was captured before it.
#[derive(Clone, Copy)]
pub(crate) struct Use<'v> {
    /// Which request of its step or phase it is, counted from 0.
    pub(crate) nth: u64,
    /// Which use of the same request it is, counted from 0.
    pub(crate) turn: u64,
    pub(crate) values: &'v Values,
    /// What was said before in the conversation.
    pub(crate) said: &'v [Said],
}

/// To whom a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressee<'w> {
    Target,
    /// The upstream behind it, by way of nobody.
    Upstream,
    /// A service of the world.
    Service(&'w str),
}

/// So many names a trial may have before its requests name further models. What is left of the table is for what is only seen
/// while it runs, such as the codes of errors.
const MOST_NAMES: u16 = 60_000;

/// Makes the requests of a trial.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) profile: &'a Profile,
    pub(crate) secrets: &'a Secrets,
    pub(crate) names: &'a NameTable,
    pub(crate) seed: u64,
    pub(crate) called: Called<'a>,
}

/// What the target calls the models of the scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Called<'a> {
    AsTheyAre,
    /// As its lane has them, where it serves other scenarios too.
    InLane(&'a Lane),
    /// By the one name that it has.
    Always(&'a str),
}

/// The header in which a mark travels besides its place in the body.
pub(crate) const MARK_HEADER: &str = "x-client-request-id";

impl Maker<'_> {
    /// A request to an endpoint of the target. `turn` says whose turn it is where tenants take turns.
    pub(crate) fn get(&self, get: &Get, turn: u64) -> Result<Request, CannotMake> {
        let path = self.profile.path(get.endpoint).ok_or_else(|| CannotMake::Path {
            target: self.profile.name().to_owned(),
            endpoint: get.endpoint.word(),
        })?;
        let tenant = get.tenant.as_ref().map(|tenants| in_turn(tenants, turn));
        let mut request = Request::new(Method::Get, path.to_owned());
        request.tenant = tenant.map_or(NameId::NONE, |tenant| self.names.id(tenant));
        request.authorization = match (get.credential, tenant) {
            // A profile that says nothing of an operator has one who need not say who asks.
            (None, None) if get.endpoint.is_operators() => {
                self.profile.admin_authorization(self.secrets.admin())
            }
            (credential, _) => {
                self.proof(credential.unwrap_or(Credential::Usual), tenant, Dialect::Openai)?
            }
        };
        Ok(request)
    }

    /// One use of a request of the scenario. `name` is its entry in `requests:`.
    pub(crate) fn make(
        &self,
        name: &str,
        asked: &scenario::Request,
        to: Addressee<'_>,
        of: Use<'_>,
    ) -> Result<Request, CannotMake> {
        let dialect = self.dialect(asked, to);
        let tenant = asked.tenant.as_ref().map(|tenants| in_turn(tenants, of.turn));
        let mut request = match asked.model_name() {
            Some(model) => self.model_request(asked, model, dialect, to, of)?,
            None => self.path_request(asked, to, of)?,
        };
        request.name = self.names.id(name);
        request.tenant = tenant.map_or(NameId::NONE, |tenant| self.names.id(tenant));
        request.dialect = dialect;
        request.patience = asked.patience;
        request.cost_micros = most_cost(self.scenario, asked).unwrap_or(0);
        request.path = with_query(request.path, &asked.query, of.values)?;
        if let Some(WithoutFallbacks::Header(name, value)) = self.without_fallbacks(asked, to)? {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
        for (name, value) in &asked.headers.0 {
            request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name.value));
            request.headers.push((name.value.clone(), fill(value, of.values)?));
        }
        if let Some(session) = &asked.session {
            request.headers.push(("x-session-id".to_owned(), fill(session, of.values)?));
        }
        request.authorization = self.authorization(asked, dialect, tenant, to)?;
        if asked.id != MarkPosition::None {
            request.headers.push((MARK_HEADER.to_owned(), Request::mark_place().to_owned()));
        }
        Ok(request)
    }

    /// The dialect of a client: its own, that of the upstream which it asks directly, or the target's first one.
    fn dialect(&self, asked: &scenario::Request, to: Addressee<'_>) -> Dialect {
        let direct = asked.model_name().filter(|_| to == Addressee::Upstream);
        if let Some((_, Protocol::Llm(dialect))) = direct.and_then(|model| self.upstream_of(model)) {
            return dialect;
        }
        let first = self.profile.says.speaks.value.first().copied();
        asked.dialect.as_ref().map(|dialect| dialect.value).or(first).unwrap_or(Dialect::Openai)
    }

    pub(crate) fn upstream_of(&self, model: &str) -> Option<(&str, Protocol)> {
        let name = self.scenario.world.router.models.get(model)?.upstreams().next()?;
        Some((&name.value, self.scenario.world.upstreams.get(&name.value)?.dialect))
    }

    fn model_request(
        &self,
        asked: &scenario::Request,
        model: &str,
        dialect: Dialect,
        to: Addressee<'_>,
        of: Use<'_>,
    ) -> Result<Request, CannotMake> {
        let model = fill(&Template::parse(model).map_err(CannotMake::Value)?, of.values)?;
        let told = self.told(&model, to);
        let body = match &asked.raw_body {
            Some(raw) => self.data(raw, of)?,
            None => self.model_body(asked, told.clone(), dialect, to, of)?,
        };
        let surface = surface(asked.surface);
        let path = match to {
            Addressee::Upstream => dialect.request_path(surface, &told, asked.stream),
            _ => self.profile.request_path(dialect, surface, &told, asked.stream),
        };
        let mut request = Request::new(Method::Post, path);
        request.headers =
            dialect.request_headers().iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        request.body = body;
        request.surface = surface;
        request.streamed = asked.stream;
        request.model = self.names.id(&model);
        if request.model.0 < MOST_NAMES { Ok(request) } else { Err(CannotMake::Names(model)) }
    }

    /// What somebody calls a model. A name that the world does not know is known to nobody.
    fn told(&self, model: &str, to: Addressee<'_>) -> String {
        let settings = self.scenario.world.router.models.get(model);
        let other = match to {
            Addressee::Upstream => settings.and_then(|settings| settings.model.clone()),
            _ if settings.is_none() => None,
            _ => match self.called {
                Called::AsTheyAre => None,
                Called::InLane(lane) => Some(lane.name(model)),
                Called::Always(name) => Some(name.to_owned()),
            },
        };
        other.unwrap_or_else(|| model.to_owned())
    }

    fn path_request(
        &self,
        asked: &scenario::Request,
        to: Addressee<'_>,
        of: Use<'_>,
    ) -> Result<Request, CannotMake> {
        let path = asked.path.as_ref().map_or(Ok(String::new()), |path| fill(path, of.values))?;
        let method = match asked.method {
            scenario::Method::Get => Method::Get,
            scenario::Method::Post => Method::Post,
            scenario::Method::Put => Method::Put,
            scenario::Method::Patch => Method::Patch,
            scenario::Method::Delete => Method::Delete,
        };
        let mut request = Request::new(method, path);
        if let Some(body) = &asked.body {
            request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
            let mut fields = json_of(body, of.values)?;
            if let Some(WithoutFallbacks::Body(further)) = self.without_fallbacks(asked, to)? {
                fields.extend(further.clone());
            }
            request.body = serde_json::Value::Object(fields).to_string().into_bytes();
        }
        if let Some(raw) = &asked.raw_body {
            request.body = self.data(raw, of)?;
        }
        Ok(request)
    }

    /// How the target is told to ask no other model, if it is to be told.
    pub(crate) fn without_fallbacks(
        &self,
        asked: &scenario::Request,
        to: Addressee<'_>,
    ) -> Result<Option<WithoutFallbacks<'_>>, CannotMake> {
        if asked.fallbacks || to != Addressee::Target {
            return Ok(None);
        }
        self.profile.without_fallbacks().map(Some).ok_or_else(|| self.unsaid("fallbacks: false"))
    }

    pub(crate) fn unsaid(&self, what: &'static str) -> CannotMake {
        CannotMake::Unsaid { target: self.profile.name().to_owned(), what }
    }
}

/// The surface, in the words of dialects.
pub(crate) fn surface(surface: scenario::Surface) -> Surface {
    match surface {
        scenario::Surface::Chat => Surface::Chat,
        scenario::Surface::Responses => Surface::Responses,
        scenario::Surface::Embeddings => Surface::Embeddings,
    }
}

pub(crate) fn in_turn(names: &InTurn, nth: u64) -> &str {
    let count = names.0.len().max(1) as u64;
    names.0.get(usize::try_from(nth % count).unwrap_or(0)).map_or("", |name| name.value.as_str())
}

pub(crate) fn fill(template: &Template, values: &Values) -> Result<String, CannotMake> {
    template.fill(values).map_err(CannotMake::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{Parts, profile};
    use record::fact_channel;

    const WORLD: &str = "  router: { models: { m: { pool: u, model: m-1 }, n: { pool: v } } }\n  tenants: { acme: {}, globex: {} }";

    /// What the request `it` becomes in its so-manieth use.
    fn made(it: &str, to: Addressee<'_>, nth: u64, said: &[Said]) -> Result<Request, CannotMake> {
        made_with(&NameTable::new(fact_channel().0), it, to, nth, said)
    }

    /// The same with this table of names.
    fn made_with(
        names: &NameTable,
        it: &str,
        to: Addressee<'_>,
        nth: u64,
        said: &[Said],
    ) -> Result<Request, CannotMake> {
        let (requests, traffic) = (format!("  it: {it}"), "  - { step: s, send: it }");
        let suite = Parts { world: WORLD, requests: &requests, traffic, ..Parts::default() }.suite();
        let scenario = &suite.scenarios[0].cases[0].scenario;
        let profile = profile("authorization: { header: authorization, value: 'Bearer {{ tenant_key }}' }");
        let secrets = Secrets::new(&scenario.world, 7);
        let maker = Maker {
            scenario,
            profile: &profile,
            secrets: &secrets,
            names,
            seed: 1,
            called: Called::AsTheyAre,
        };
        let asked = scenario.requests.get("it").unwrap();
        let mut values = Values::default();
        values.set_number("exchange", "nth", nth + 1);
        maker.make("it", asked, to, Use { nth, turn: nth, values: &values, said })
    }

    fn body(request: &Request) -> serde_json::Value {
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn tenants_take_their_turns_and_each_has_its_own_key() {
        let it = "{ model: m, prompt: ping, tenant: { cycle: [acme, globex] } }";
        let keys: Vec<_> =
            (0..3).map(|nth| made(it, Addressee::Target, nth, &[]).unwrap().authorization).collect();
        assert_eq!(keys[0], keys[2]);
        assert_ne!(keys[0], keys[1]);
        assert!(keys[0].as_ref().unwrap().1.starts_with("Bearer sk-sp-tenant-"));
    }

    #[test]
    fn a_credential_is_none_wrong_malformed_or_usual() {
        let credential = |word: &str| {
            let it = format!("{{ model: m, prompt: ping, tenant: acme, credential: {word} }}");
            made(&it, Addressee::Target, 0, &[]).unwrap().authorization.map(|(_, value)| value)
        };
        assert_eq!(credential("none"), None);
        assert_eq!(credential("malformed").as_deref(), Some("Bearer"));
        let (wrong, usual) = (credential("wrong").unwrap(), credential("usual").unwrap());
        assert!(wrong.contains("nobody") && usual.contains("tenant"));
    }

    #[test]
    fn the_mark_stands_where_it_is_wanted() {
        let place = Request::mark_place();
        for (id, prompt, user, header) in [
            ("prompt-end", format!("ping {place}"), None, true),
            ("prompt-start", format!("{place} ping"), None, true),
            ("header", "ping".to_owned(), None, true),
            ("user", "ping".to_owned(), Some(place), true),
            ("none", "ping".to_owned(), None, false),
        ] {
            let it = format!("{{ model: m, prompt: ping, id: {id} }}");
            let made = made(&it, Addressee::Target, 0, &[]).unwrap();
            assert_eq!(body(&made)["messages"][0]["content"], prompt, "{id}");
            assert_eq!(body(&made)["user"].as_str(), user, "{id}");
            assert_eq!(made.headers.iter().any(|(name, _)| name == MARK_HEADER), header, "{id}");
        }
    }

    #[test]
    fn the_target_is_asked_by_the_public_name_and_an_upstream_by_its_own() {
        let it = "{ model: m, prompt: ping }";
        assert_eq!(body(&made(it, Addressee::Target, 0, &[]).unwrap())["model"], "m");
        assert_eq!(body(&made(it, Addressee::Upstream, 0, &[]).unwrap())["model"], "m-1");
    }

    #[test]
    fn the_name_of_a_model_is_filled_in_for_each_request() {
        let names = NameTable::new(fact_channel().0);
        let it = "{ model: 'x-{{ exchange.nth }}?', prompt: ping }";
        let made = |nth| made_with(&names, it, Addressee::Target, nth, &[]);
        let (first, second) = (made(0).unwrap(), made(1).unwrap());
        assert_eq!(
            (body(&first)["model"].as_str(), body(&second)["model"].as_str()),
            (Some("x-1"), Some("x-2"))
        );
        assert_eq!((first.model, second.model), (names.id("x-1"), names.id("x-2")));
        for name in 0..u32::from(MOST_NAMES) {
            assert!(names.id(&format!("name {name}")).is_some());
        }
        assert!(made(1).is_ok(), "a name that is known takes no room");
        let told = made(2).unwrap_err().to_string();
        assert!(told.contains("`x-3` is one name too many: a trial tells 60000 names apart"), "{told}");
    }

    #[test]
    fn a_turn_of_a_conversation_carries_what_was_said_before() {
        let said = [(false, "hello"), (true, "what is it?")]
            .map(|(by_assistant, text)| Said { by_assistant, text: text.to_owned() });
        let it = "{ model: m, prompt: nothing, system: be brief }";
        let made = made(it, Addressee::Target, 0, &said).unwrap();
        let roles: Vec<_> =
            body(&made)["messages"].as_array().unwrap().iter().map(|it| it["role"].clone()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
    }
}
