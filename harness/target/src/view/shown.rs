//! A value as templates see it, which remembers what they read of it.
//!
//! A setting that a scenario asks for and that no template reads would be ignored without a word, so each value that stands
//! for a setting carries the setting's name, and a mark that is set when a template takes it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

/// A value as templates see it.
pub(crate) struct Shown {
    shape: Shape,
}

enum Shape {
    Plain(Value),
    Map(Vec<Part>),
    List(Vec<Part>),
}

/// A part of a map or list.
struct Part {
    /// The name by which templates take it; empty in a list.
    key: Cow<'static, str>,
    /// How the scenario language calls it.
    called: Cow<'static, str>,
    means: Means,
    shown: Arc<Shown>,
    taken: AtomicBool,
}

/// The key of a part that templates do not see.
const OUT_OF_REACH: &str = "";

/// What a part is of the scenario.
enum Means {
    /// A name, a secret, or something that holds settings.
    Nothing,
    /// Settings that the scenario sets, by their names beside this part.
    Settings(Vec<Cow<'static, str>>),
    /// Settings that belong together: where none of them is read, the name of all is told.
    Group,
    /// What another part holds already.
    Again,
}

/// A map in the making.
#[derive(Default)]
pub(crate) struct MapShown(Vec<Part>);

/// A list in the making.
#[derive(Default)]
pub(crate) struct ListShown(Vec<Part>);

impl Shown {
    /// A value without parts.
    pub(crate) fn plain(value: impl Into<Value>) -> Arc<Self> {
        Arc::new(Self { shape: Shape::Plain(value.into()) })
    }

    /// What a template is given.
    pub(crate) fn value(self: &Arc<Self>) -> Value {
        match &self.shape {
            Shape::Plain(value) => value.clone(),
            Shape::Map(_) | Shape::List(_) => Value::from_dyn_object(Arc::clone(self)),
        }
    }

    /// The settings that nobody has read, as the scenario language calls them.
    pub(crate) fn unread(&self) -> Vec<String> {
        let mut told = Vec::new();
        self.tell_unread("", &mut told);
        told
    }

    /// Every setting that the scenario sets, with its value.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let mut told = Vec::new();
        self.tell_settings("", &mut told);
        told
    }

    fn tell_unread(&self, path: &str, told: &mut Vec<String>) {
        for part in self.parts() {
            let below = || joined(path, &part.called);
            match &part.means {
                Means::Settings(names) if !part.is_taken() => {
                    told.extend(names.iter().map(|name| joined(path, name)));
                }
                Means::Group if !part.shown.any(&|part| part.is_taken()) => {
                    if part.shown.any(&|_| true) {
                        told.push(below());
                    }
                }
                Means::Group | Means::Nothing => part.shown.tell_unread(&below(), told),
                Means::Settings(_) | Means::Again => {}
            }
        }
    }

    fn tell_settings(&self, path: &str, told: &mut Vec<(String, String)>) {
        for part in self.parts() {
            match &part.means {
                Means::Settings(names) => {
                    let value = part.shown.value().to_string();
                    told.extend(names.iter().map(|name| (joined(path, name), value.clone())));
                }
                Means::Group | Means::Nothing => {
                    part.shown.tell_settings(&joined(path, &part.called), told);
                }
                Means::Again => {}
            }
        }
    }

    /// Whether a setting somewhere below is like this.
    fn any(&self, like: &dyn Fn(&Part) -> bool) -> bool {
        self.parts().iter().any(|part| match &part.means {
            // One that the scenario leaves unset asks nothing of anybody.
            Means::Settings(names) => !names.is_empty() && like(part),
            Means::Group | Means::Nothing => part.shown.any(like),
            Means::Again => false,
        })
    }

    fn parts(&self) -> &[Part] {
        match &self.shape {
            Shape::Plain(_) => &[],
            Shape::Map(parts) | Shape::List(parts) => parts,
        }
    }
}

impl Part {
    fn new(
        key: impl Into<Cow<'static, str>>,
        called: impl Into<Cow<'static, str>>,
        means: Means,
        shown: Arc<Shown>,
    ) -> Self {
        Self { key: key.into(), called: called.into(), means, shown, taken: AtomicBool::new(false) }
    }

    fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    fn take(&self) -> Value {
        self.taken.store(true, Ordering::Relaxed);
        self.shown.value()
    }
}

impl MapShown {
    /// A name, a secret, or anything else that is no setting.
    pub(crate) fn name(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.0.push(Part::new(key, key, Means::Nothing, Shown::plain(value)));
        self
    }

    /// A setting under its own name. One that is not set is `none`, and asks nothing of a template.
    pub(crate) fn setting(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        self.setting_called(key, key, value)
    }

    /// A setting that templates see under another name, since its value has a unit there.
    pub(crate) fn setting_called(
        self,
        key: &'static str,
        called: &'static str,
        value: Option<impl Into<Value>>,
    ) -> Self {
        let name = value.is_some().then_some(called);
        self.value_of(key, name, value.map_or_else(|| Value::from(()), Into::into))
    }

    /// A setting that is a list of names. Templates see a list also where it is not set.
    pub(crate) fn list(self, key: &'static str, names: Vec<String>) -> Self {
        self.value_of(key, (!names.is_empty()).then_some(key), Value::from(names))
    }

    /// A value that carries out several settings at once, named as they stand beside it; perhaps none.
    pub(crate) fn value_of<S: Into<Cow<'static, str>>>(
        mut self,
        key: &'static str,
        settings: impl IntoIterator<Item = S>,
        value: Value,
    ) -> Self {
        let settings = settings.into_iter().map(Into::into).collect();
        self.0.push(Part::new(key, key, Means::Settings(settings), Shown::plain(value)));
        self
    }

    /// A setting that is a flag; only one that is up asks something of a template.
    pub(crate) fn flag(self, key: &'static str, up: bool) -> Self {
        self.value_of(key, up.then_some(key), up.into())
    }

    /// Settings that no template is given, and so none can carry out.
    pub(crate) fn out_of_reach(mut self, settings: Vec<String>) -> Self {
        let settings = settings.into_iter().map(Cow::Owned).collect();
        self.0.push(Part::new(OUT_OF_REACH, "", Means::Settings(settings), Shown::plain(())));
        self
    }

    /// What holds settings, under a name of the scenario language.
    pub(crate) fn inside(mut self, key: &'static str, called: &'static str, shown: Arc<Shown>) -> Self {
        self.0.push(Part::new(key, called, Means::Nothing, shown));
        self
    }

    /// Settings that belong together; `none` where they are not set.
    pub(crate) fn group(mut self, key: &'static str, shown: Option<Arc<Shown>>) -> Self {
        let shown = shown.unwrap_or_else(|| Shown::plain(()));
        self.0.push(Part::new(key, key, Means::Group, shown));
        self
    }

    /// A map or list that carries out one setting as soon as it is looked at.
    pub(crate) fn carries_out(
        mut self,
        key: &'static str,
        setting: Option<&'static str>,
        shown: Arc<Shown>,
    ) -> Self {
        let settings = setting.into_iter().map(Cow::Borrowed).collect();
        self.0.push(Part::new(key, key, Means::Settings(settings), shown));
        self
    }

    /// What another part holds already, in another arrangement.
    pub(crate) fn again(mut self, key: &'static str, shown: Arc<Shown>) -> Self {
        self.0.push(Part::new(key, key, Means::Again, shown));
        self
    }

    /// The map.
    pub(crate) fn done(self) -> Arc<Shown> {
        Arc::new(Shown { shape: Shape::Map(self.0) })
    }
}

impl ListShown {
    /// An entry that the scenario calls by a name.
    pub(crate) fn named(&mut self, name: &str, shown: Arc<Shown>) {
        self.0.push(Part::new("", name.to_owned(), Means::Nothing, shown));
    }

    /// An entry that has no name but its place.
    pub(crate) fn next(&mut self, shown: Arc<Shown>) {
        let place = format!("[{}]", self.0.len() + 1);
        self.named(&place, shown);
    }

    /// The list.
    pub(crate) fn done(self) -> Arc<Shown> {
        Arc::new(Shown { shape: Shape::List(self.0) })
    }
}

impl Object for Shown {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match &self.shape {
            Shape::Plain(_) => ObjectRepr::Plain,
            Shape::Map(_) => ObjectRepr::Map,
            Shape::List(_) => ObjectRepr::Seq,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match &self.shape {
            Shape::Plain(_) => None,
            Shape::Map(parts) => {
                let key = key.as_str()?;
                let mut seen = parts.iter().filter(|part| part.key != OUT_OF_REACH);
                seen.find(|part| part.key == key).map(Part::take)
            }
            Shape::List(parts) => parts.get(key.as_usize()?).map(Part::take),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &self.shape {
            Shape::Plain(_) => Enumerator::NonEnumerable,
            Shape::Map(parts) => {
                let seen = parts.iter().filter(|part| part.key != OUT_OF_REACH);
                Enumerator::Values(seen.map(|part| Value::from(part.key.as_ref())).collect())
            }
            Shape::List(parts) => Enumerator::Seq(parts.len()),
        }
    }
}

/// It may hold secrets, so nothing of it is shown.
impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<what templates see>")
    }
}

/// A name below another; a place such as `[2]` is joined without a dot.
fn joined(path: &str, name: &str) -> String {
    if path.is_empty() || name.starts_with('[') { format!("{path}{name}") } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::Environment;

    fn some() -> Arc<Shown> {
        let queue = MapShown::default().setting("max", Some(5)).setting_called("wait_ms", "wait", Some(250));
        let mut limits = ListShown::default();
        limits.next(MapShown::default().setting("requests", Some(1)).setting("tokens", None::<u32>).done());
        limits.next(MapShown::default().setting("requests", Some(2)).setting("tokens", Some(3)).done());
        let model = MapShown::default()
            .name("name", "chat")
            .setting("retries", Some(2))
            .setting("window", None::<u32>)
            .value_of("secret", ["padding", "same_as"], Value::from(" x "))
            .flag("bold", false)
            .flag("meek", true)
            .out_of_reach(vec!["keys.first.weight".to_owned()])
            .group("queue", Some(queue.done()))
            .group("backoff", None)
            .group("limits", Some(limits.done()))
            .done();
        let mut models = ListShown::default();
        models.named("chat", Arc::clone(&model));
        let (models, again) = (models.done(), Arc::clone(&model));
        MapShown::default().inside("models", "router.models", models).again("first", again).done()
    }

    #[test]
    fn what_a_template_does_not_read_is_told_in_the_words_of_the_language() {
        let all = [
            "router.models.chat.retries",
            "router.models.chat.padding",
            "router.models.chat.same_as",
            "router.models.chat.meek",
            "router.models.chat.keys.first.weight",
            "router.models.chat.queue",
            "router.models.chat.limits",
        ];
        let never = all[4];
        let without_meek: Vec<&str> = all.iter().copied().filter(|name| !name.ends_with("meek")).collect();
        for (template, unread) in [
            ("", &all[..]),
            ("{{ models[0].name }}{% if models[0].queue is not none %}1{% endif %}", &all),
            ("{{ models | tojson }}", &[never]),
            ("{{ first | tojson }}", &[never]),
            ("{% for m in models %}{{ m.retries }}{{ m.secret }}{% endfor %}", &all[3..]),
            ("{{ models[0].bold }}{{ models[0].meek }}{{ models[0]['']  is undefined }}", &without_meek),
            (
                "{% for m in models %}{% set q = m.queue %}{{ q.max }}{% for l in m.limits %}{{ l.requests }}{% endfor %}{% endfor %}",
                &[
                    "router.models.chat.retries",
                    "router.models.chat.padding",
                    "router.models.chat.same_as",
                    "router.models.chat.meek",
                    never,
                    "router.models.chat.queue.wait",
                    "router.models.chat.limits[2].tokens",
                ],
            ),
        ] {
            let shown = some();
            Environment::new().render_str(template, shown.value()).unwrap();
            assert_eq!(shown.unread(), unread, "{template}");
        }
    }

    #[test]
    fn a_value_looks_like_any_map_or_list_to_a_template() {
        for (template, text) in [
            ("{{ models | length }} {{ models[0].queue.max }} {{ models[0]['name'] }}", "1 5 chat"),
            ("{{ models[0].queue | tojson }}", r#"{"max": 5, "wait_ms": 250}"#),
            ("{{ models | map(attribute='name') | list }}", "['chat']"),
            ("{{ models[0].window is none }} {{ models[0].nothing is undefined }}", "True True"),
            ("{% if models[0].queue %}q{% endif %}{% if models[0].backoff %}b{% endif %}", "q"),
            ("{% for key in models[0].queue %}{{ key }} {% endfor %}", "max wait_ms "),
        ] {
            let rendered = Environment::new().render_str(template, some().value()).unwrap();
            assert_eq!(rendered, text, "{template}");
        }
        assert_eq!(format!("{:?}", some()), "<what templates see>");
    }
}
