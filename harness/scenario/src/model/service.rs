//! Services that keep state: what stands below which path, and the defects that they can be given.

use std::time::Duration;

use serde_json::Value as Json;

use crate::model::{Distribution, JsonData};
use crate::read::{At, Named, Share, Size, part, words};

part! {
    /// What a service keeps below a path: exactly one of `document`, `items`, `slots`, `blobs` and `jobs`.
    "a resource" => Resource {
        /// The path. Everything below it belongs to it. For example `path: /tasks`.
        path: At<String>,
        /// A document that `GET` gives. For example `document: { name: registry, version: "1" }`.
        document: Option<JsonData>,
        /// Things that are made, read, changed and deleted. For example `items: { fields: { title: text } }`.
        items: Option<Items>,
        /// Places that are lent. For example `slots: { count: 4, lasts: 30s }`.
        slots: Option<Slots>,
        /// Files of any kind and size. For example `blobs: { most: 64MiB }`.
        blobs: Option<Blobs>,
        /// Work that takes its time. For example `jobs: { takes: 300ms, result: { passed: 12 } }`.
        jobs: Option<Jobs>,
    }
}

part! {
    /// A collection of JSON items.
    "items" => Items {
        /// The fields that each of them has. For example `fields: { symbol: text, quantity: whole }`.
        fields: Named<FieldType>,
        /// The fields that they may have. Without `fields` and without these, they may have any.
        /// For example `optional: { price: number }`.
        optional: Named<FieldType>,
        /// What fields hold that a new item leaves out. For example `given: { exchange: NFO }`.
        given: Named<JsonData>,
        /// The field that tells them apart. An item that comes without one is given a name. For example `key: symbol`.
        key: String = "id".to_owned(),
        /// The states that they go through; none if missing.
        /// For example `states: { steps: { queued: [running], running: [done], done: [] } }`.
        states: Option<States>,
        /// Lists below each of them to which entries are added. For example `logs: [events, artifacts]`.
        logs: Vec<At<String>>,
        /// Whether changes name the version that they change. For example `versions: required`.
        versions: Versions = Versions::Off,
        /// A header: the same request that comes again with the same one has no second effect.
        /// For example `once_by: idempotency-key`.
        once_by: Option<At<String>>,
        /// The items that are there at the start. For example `starts_with: [{ symbol: NIFTY, last_price: 25840.5 }]`.
        starts_with: Vec<At<JsonData>>,
        /// How many there may be. For example `most: 100`.
        most: u32 = 10_000,
    }
}

words! {
    /// What a field holds.
    "the type of a field" => FieldType {
        /// A text.
        "text" => Text,
        /// Any number.
        "number" => Number,
        /// A whole number.
        "whole" => Whole,
        /// `true` or `false`.
        "flag" => Flag,
        /// A list.
        "list" => List,
        /// A map.
        "map" => Map,
        /// Anything at all.
        "any" => Any,
    }
}

part! {
    /// The states that an item goes through.
    "states" => States {
        /// The field that holds the state. For example `field: status`.
        field: String = "state".to_owned(),
        /// Each state with those that may follow it. A new item is in the first one.
        /// For example `steps: { queued: [running, failed], running: [done, failed], done: [], failed: [] }`.
        steps: Named<Vec<At<String>>>,
    }
}

words! {
    /// Whether changes name the version that they change, in `If-Match`.
    "how versions are looked at" => Versions {
        /// There are none.
        "off" => Off,
        /// A change of another version than the current one is refused.
        "checked" => Checked,
        /// The same, and so is a change that names none.
        "required" => Required,
    }
}

part! {
    /// Places that are lent for a time.
    "slots" => Slots {
        /// How many there are. For example `count: 4`.
        count: u32,
        /// How long one is lent, unless it is renewed. For example `lasts: 30s`.
        lasts: Duration,
    }
}

part! {
    /// Files of any kind and size, which are kept outside the memory.
    "blobs" => Blobs {
        /// How large one may be. For example `most: 64MiB`.
        most: Size = Size { bytes: 64 * 1024 * 1024 },
        /// How much room there is for all of them. For example `room: 1GiB`.
        room: Size = Size { bytes: 1024 * 1024 * 1024 },
    }
}

part! {
    /// Work that takes its time.
    "jobs" => Jobs {
        /// How long one waits before it runs. For example `waits: 100ms`.
        waits: Duration = Duration::ZERO,
        /// How long one runs. For example `takes: 300ms`.
        takes: Distribution,
        /// What comes of it. For example `result: { passed: 12 }`.
        result: JsonData = JsonData(Json::Null),
        /// How many fail, drawn from the seed; none if missing. For example `fails: 10%`.
        fails: Option<Share>,
    }
}

words! {
    /// What a service does wrong.
    "a defect of a service" => ServiceDefect {
        /// Every second lease is for the slot that was lent last.
        "leases-one-slot-twice" => LeasesOneSlotTwice,
        /// A lease that has run out goes on.
        "never-ends-a-lease" => NeverEndsALease,
        /// The next holder of a slot finds the files of the one before.
        "keeps-slot-files" => KeepsSlotFiles,
        /// Every state may follow every other.
        "accepts-illegal-steps" => AcceptsIllegalSteps,
        /// Every second step is left out of the history.
        "forgets-steps" => ForgetsSteps,
        /// Every fifth change is confirmed and not kept.
        "loses-updates" => LosesUpdates,
        /// Entries of a log go to the item that was made last.
        "logs-to-the-wrong-item" => LogsToTheWrongItem,
        /// The same request that comes again is carried out again.
        "forgets-idempotency" => ForgetsIdempotency,
        /// A change of a version that is gone is carried out.
        "ignores-versions" => IgnoresVersions,
        /// Files are treated as texts.
        "corrupts-text" => CorruptsText,
        /// What came of an upload that broke off is there.
        "shows-partial-uploads" => ShowsPartialUploads,
        /// A job that was asked for goes on for ever.
        "never-finishes-jobs" => NeverFinishesJobs,
        /// Its plans refuse nothing.
        "keeps-no-limit" => KeepsNoLimit,
        /// Its documents are given whatever else it would reply, such as that it is down.
        "claims-to-be-healthy" => ClaimsToBeHealthy,
        /// Whatever is wrong with a request is told as an error of the service.
        "tells-every-error-as-500" => TellsEveryErrorAs500,
    }
}

/// The kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ResourceKind<'a> {
    /// A document.
    Document(&'a Json),
    /// A collection of items.
    Items(&'a Items),
    /// Places that are lent.
    Slots(&'a Slots),
    /// Files.
    Blobs(&'a Blobs),
    /// Work that takes its time.
    Jobs(&'a Jobs),
}

impl Resource {
    /// Its kind. Checked when the scenario is read: a resource has exactly one.
    #[must_use]
    pub fn kind(&self) -> Option<ResourceKind<'_>> {
        let kinds = [
            self.document.as_ref().map(|document| ResourceKind::Document(&document.0)),
            self.items.as_ref().map(ResourceKind::Items),
            self.slots.as_ref().map(ResourceKind::Slots),
            self.blobs.as_ref().map(ResourceKind::Blobs),
            self.jobs.as_ref().map(ResourceKind::Jobs),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next()) {
            (Some(kind), None) => Some(kind),
            _ => None,
        }
    }

    /// The parts of its path.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.value.split('/').filter(|segment| !segment.is_empty())
    }
}

impl Items {
    /// The type of a field; none for one that no item has.
    #[must_use]
    pub fn type_of(&self, field: &str) -> Option<FieldType> {
        let own = (field == self.key).then_some(FieldType::Text);
        let of_state = self.states.as_ref().filter(|states| states.field == field).map(|_| FieldType::Text);
        let free = (self.fields.0.is_empty() && self.optional.0.is_empty()).then_some(FieldType::Any);
        let said = self.fields.get(field).or_else(|| self.optional.get(field)).copied();
        said.or(own).or(of_state).or(free)
    }

    /// The field of an item that is wrong, and what is wrong with it.
    #[must_use]
    pub fn wrong_field(&self, item: &serde_json::Map<String, Json>) -> Option<(String, String)> {
        for (field, value) in item {
            let why = match self.type_of(field) {
                None => "is not known".to_owned(),
                Some(kind) if !kind.takes(value) => format!("is no {}", kind.word()),
                Some(_) if *field == self.key && !is_name(value) => {
                    "is no name: 1 to 200 letters, digits, `-`, `_`, `.` and `:`".to_owned()
                }
                Some(_) => continue,
            };
            return Some((field.clone(), why));
        }
        let missing = self.fields.names().find(|field| *field != self.key && !item.contains_key(*field));
        missing.map(|field| (field.to_owned(), "is missing".to_owned()))
    }
}

/// Whether a value can stand in a path.
fn is_name(value: &Json) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    value.as_str().is_some_and(|name| (1..=200).contains(&name.len()) && name.chars().all(allowed))
}

impl FieldType {
    /// Whether a value is of this type.
    #[must_use]
    pub fn takes(self, value: &Json) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Whole => value.is_i64() || value.is_u64(),
            Self::Flag => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Map => value.is_object(),
            Self::Any => true,
        }
    }
}

impl States {
    /// The state of a new item.
    #[must_use]
    pub fn first(&self) -> &str {
        self.steps.names().next().unwrap_or_default()
    }

    /// Whether there is such a state.
    #[must_use]
    pub fn knows(&self, state: &str) -> bool {
        self.steps.get(state).is_some()
    }

    /// Whether one state may follow another.
    #[must_use]
    pub fn leads(&self, from: &str, to: &str) -> bool {
        self.steps.get(from).is_some_and(|next| next.iter().any(|state| state.value == to))
    }
}

impl ServiceDefect {
    /// The defect of that name.
    #[must_use]
    pub fn from_word(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(word, ..)| *word == name).map(|(_, defect, _)| *defect)
    }
}
