//! A collection of items: what is made, read, changed and deleted, the states that an item goes through, and its logs.

mod replays;

use std::collections::{BTreeMap, HashMap};

use http::Method;
use http::header::{ETAG, LOCATION};
use scenario::{ServiceDefect, Versions};
use serde_json::{Map, Value, json};

use crate::service::Defects;
use crate::service::answer::{Answer, Outcome, Refusal};
use crate::service::call::Call;
use crate::service::room::Room;
use crate::service::time::Time;
use replays::Replays;

/// The items of one resource.
#[derive(Debug)]
pub(crate) struct Items {
    name: String,
    path: String,
    rules: scenario::Items,
    defects: Defects,
    /// By number, in the order in which they were made.
    items: BTreeMap<u64, Item>,
    numbers: HashMap<String, u64>,
    made: u64,
    changes: u64,
    steps: u64,
    replays: Replays,
    room: Room,
}

#[derive(Debug)]
struct Item {
    fields: Map<String, Value>,
    version: u64,
    history: Vec<Value>,
    /// The entries of each log, in the order of the logs in the scenario.
    logs: Vec<Vec<Value>>,
    /// The bytes that its room was taken for, entry by entry.
    sizes: Vec<usize>,
}

/// No log and no history of an item is longer.
const MOST_ENTRIES: usize = 10_000;

/// With the defect, one change in so many is lost.
const LOST: u64 = 5;

impl Items {
    /// The collection with what it starts with.
    ///
    /// # Errors
    /// An item that cannot be there, in words.
    pub(crate) fn new(
        (name, path): (&str, &str),
        rules: &scenario::Items,
        defects: Defects,
        time: Time,
    ) -> Result<Self, String> {
        let mut items = Self {
            name: name.to_owned(),
            path: path.to_owned(),
            rules: rules.clone(),
            defects,
            items: BTreeMap::new(),
            numbers: HashMap::new(),
            made: 0,
            changes: 0,
            steps: 0,
            replays: Replays::default(),
            room: Room::new(),
        };
        for first in &rules.starts_with {
            let fields = first.value.0.as_object().cloned().unwrap_or_default();
            let size = first.value.0.to_string().len();
            let inserted = items.insert(fields, (size, true), time);
            inserted.map_err(|_| format!("`{name}` cannot start with {}", first.value.0))?;
        }
        Ok(items)
    }

    /// Does what is asked.
    pub(crate) fn act(&mut self, call: &Call<'_>, time: Time) -> Outcome {
        match (call.path().as_slice(), &call.method) {
            ([], &Method::GET) => self.list(call),
            ([], &Method::POST) => self.create(call, time),
            ([], _) => Err(Refusal::method("GET, HEAD, POST")),
            ([key], &Method::GET) => Ok(self.shown(200, self.item(key)?)),
            ([key], &Method::PUT | &Method::PATCH) => self.change(call, key, time),
            ([key], &Method::DELETE) => self.delete(call, key),
            ([key], _) => self.item(key).and(Err(Refusal::method("GET, HEAD, PUT, PATCH, DELETE"))),
            ([key, "history"], method) if self.rules.states.is_some() => {
                let item = self.item(key)?;
                match *method {
                    Method::GET => Ok(Answer::list(item.history.clone())),
                    _ => Err(Refusal::method("GET, HEAD")),
                }
            }
            ([key, log], method) => {
                let log = self.rules.logs.iter().position(|known| known.value == *log);
                let log = log.ok_or_else(|| Refusal::unknown("such path"))?;
                let item = self.item(key)?;
                match *method {
                    Method::GET => Ok(Answer::list(item.logs[log].clone())),
                    Method::POST => self.add_entry(call, (key, log), time),
                    _ => Err(Refusal::method("GET, HEAD, POST")),
                }
            }
            _ => Err(Refusal::unknown("such path")),
        }
    }

    fn list(&self, call: &Call<'_>) -> Outcome {
        if let Some((field, _)) = call.query.iter().find(|(field, _)| self.rules.type_of(field).is_none()) {
            return Err(Refusal::field((field.clone(), "is not known".to_owned())));
        }
        let fits = |item: &Item| {
            call.query.iter().all(|(field, wanted)| match item.fields.get(field) {
                Some(Value::String(text)) => text == wanted,
                // What is no text is asked for as JSON writes it.
                Some(other) => serde_json::from_str::<Value>(wanted).is_ok_and(|wanted| wanted == *other),
                None => false,
            })
        };
        let items = self.items.values().filter(|item| fits(item));
        Ok(Answer::list(items.map(|item| Value::Object(item.fields.clone()))))
    }

    fn create(&mut self, call: &Call<'_>, time: Time) -> Outcome {
        let header = self.rules.once_by.as_ref().and_then(|header| call.header(&header.value));
        let header = header.filter(|_| !self.defects.has(ServiceDefect::ForgetsIdempotency));
        if let Some(before) = header.map(|header| self.replays.find(header, call.body)).transpose()?.flatten()
        {
            return Ok(before);
        }
        let number = self.insert(call.map()?, (call.body.len(), false), time)?;
        let item = &self.items[&number];
        let key = item.fields.get(&self.rules.key).and_then(Value::as_str).unwrap_or_default();
        let answer = self.shown(201, item).with(LOCATION, format!("{}/{key}", self.path));
        if let Some(header) = header {
            self.replays.keep(header, call.body, &answer);
        }
        Ok(answer)
    }

    /// Takes an item in, and tells its number. Only at the start may it be in any of the states.
    fn insert(
        &mut self,
        mut fields: Map<String, Value>,
        (size, at_the_start): (usize, bool),
        time: Time,
    ) -> Result<u64, Refusal> {
        for (field, value) in &self.rules.given.0 {
            fields.entry(&field.value).or_insert_with(|| value.0.clone());
        }
        let number = self.made + 1;
        fields.entry(&self.rules.key).or_insert_with(|| format!("{}-{number}", self.name).into());
        let state = self.first_state(&mut fields, at_the_start)?;
        self.rules.wrong_field(&fields).map_or(Ok(()), |wrong| Err(Refusal::field(wrong)))?;
        let key = fields.get(&self.rules.key).and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.numbers.contains_key(&key) {
            return Err(Refusal::conflict("exists", format!("there is a `{key}` already")));
        }
        if self.items.len() >= self.rules.most as usize {
            return Err(Refusal::no_room());
        }
        self.room.take(size)?;
        let history = state.map(|state| json!({ "number": 1, "state": state, "at": time.text() }));
        let item = Item {
            fields,
            version: 1,
            history: history.into_iter().collect(),
            logs: vec![Vec::new(); self.rules.logs.len()],
            sizes: vec![size],
        };
        self.made = number;
        self.items.insert(number, item);
        self.numbers.insert(key, number);
        Ok(number)
    }

    /// The state of a new item.
    fn first_state(
        &self,
        fields: &mut Map<String, Value>,
        at_the_start: bool,
    ) -> Result<Option<String>, Refusal> {
        let Some(states) = &self.rules.states else { return Ok(None) };
        let state = fields.entry(&states.field).or_insert_with(|| states.first().into()).clone();
        let state = known_state(states, &state)?;
        let free = at_the_start || self.defects.has(ServiceDefect::AcceptsIllegalSteps);
        if state != states.first() && !free {
            let message = format!("a new item is `{}` and not `{state}`", states.first());
            return Err(Refusal::conflict("illegal_step", message));
        }
        Ok(Some(state))
    }

    fn change(&mut self, call: &Call<'_>, key: &str, time: Time) -> Outcome {
        let before = self.item(key)?;
        self.check_version(call, before)?;
        let fields = self.changed(call, before)?;
        let step = self.step(before, &fields)?;
        if before.history.len() >= MOST_ENTRIES {
            return Err(Refusal::no_room());
        }
        let version = before.version + 1;
        self.changes += 1;
        if self.defects.has(ServiceDefect::LosesUpdates) && self.changes.is_multiple_of(LOST) {
            let lost = Item { fields, version, history: Vec::new(), logs: Vec::new(), sizes: Vec::new() };
            return Ok(self.shown(200, &lost));
        }
        self.room.take(call.body.len())?;
        self.steps += u64::from(step.is_some());
        let forgotten = self.defects.has(ServiceDefect::ForgetsSteps) && self.steps.is_multiple_of(2);
        let item = self.item_mut(key)?;
        (item.fields, item.version) = (fields, version);
        item.sizes.push(call.body.len());
        if let Some(state) = step.filter(|_| !forgotten) {
            let number = item.history.len() + 1;
            item.history.push(json!({ "number": number, "state": state, "at": time.text() }));
        }
        Ok(self.shown(200, self.item(key)?))
    }

    /// The fields that an item would have after a change. Its key and its state stay unless it says otherwise.
    fn changed(&self, call: &Call<'_>, before: &Item) -> Result<Map<String, Value>, Refusal> {
        let mut said = call.map()?;
        let mut fields = if call.method == Method::PUT { Map::new() } else { before.fields.clone() };
        if call.method == Method::PATCH {
            // In a change of parts, nothing takes a field away.
            said.retain(|field, value| {
                if value.is_null() {
                    fields.shift_remove(field);
                }
                !value.is_null()
            });
        }
        fields.append(&mut said);
        let state = self.rules.states.as_ref().map(|states| &states.field);
        for own in [Some(&self.rules.key), state].into_iter().flatten() {
            if let Some(value) = before.fields.get(own) {
                fields.entry(own).or_insert_with(|| value.clone());
            }
        }
        self.rules.wrong_field(&fields).map_or(Ok(()), |wrong| Err(Refusal::field(wrong)))?;
        if fields.get(&self.rules.key) != before.fields.get(&self.rules.key) {
            return Err(Refusal::field((self.rules.key.clone(), "cannot be changed".to_owned())));
        }
        Ok(fields)
    }

    /// The step that a change makes, if it makes one.
    fn step(&self, before: &Item, fields: &Map<String, Value>) -> Result<Option<String>, Refusal> {
        let Some(states) = &self.rules.states else { return Ok(None) };
        let from = before.fields.get(&states.field).and_then(Value::as_str).unwrap_or_default();
        let to = known_state(states, fields.get(&states.field).unwrap_or(&Value::Null))?;
        if from == to {
            return Ok(None);
        }
        if !states.leads(from, &to) && !self.defects.has(ServiceDefect::AcceptsIllegalSteps) {
            let message = format!("no step leads from `{from}` to `{to}`");
            return Err(Refusal::conflict("illegal_step", message));
        }
        Ok(Some(to))
    }

    fn delete(&mut self, call: &Call<'_>, key: &str) -> Outcome {
        self.check_version(call, self.item(key)?)?;
        if let Some(item) = self.numbers.remove(key).and_then(|number| self.items.remove(&number)) {
            item.sizes.iter().for_each(|size| self.room.give_back(*size));
        }
        Ok(Answer::empty(204))
    }

    fn add_entry(&mut self, call: &Call<'_>, (key, log): (&str, usize), time: Time) -> Outcome {
        let entry = call.json()?;
        let own = self.numbers.get(key).copied();
        let last = self.items.last_key_value().map(|(number, _)| *number);
        let wrong = self.defects.has(ServiceDefect::LogsToTheWrongItem);
        let number = if wrong { last } else { own };
        let item = number.and_then(|number| self.items.get_mut(&number));
        let item = item.ok_or_else(|| Refusal::unknown("such item"))?;
        if item.logs[log].len() >= MOST_ENTRIES {
            return Err(Refusal::no_room());
        }
        self.room.take(call.body.len())?;
        item.sizes.push(call.body.len());
        let entry = json!({ "number": item.logs[log].len() + 1, "at": time.text(), "entry": entry });
        item.logs[log].push(entry.clone());
        Ok(Answer::json(201, &entry))
    }

    /// Refuses a change of another version than the current one.
    fn check_version(&self, call: &Call<'_>, item: &Item) -> Result<(), Refusal> {
        if self.rules.versions == Versions::Off || self.defects.has(ServiceDefect::IgnoresVersions) {
            return Ok(());
        }
        let current = tag(item.version);
        match call.header("if-match") {
            Some(named) if named.split(',').any(|named| ["*", &current].contains(&named.trim())) => Ok(()),
            Some(_) => {
                let message = format!("the current version is {}", item.version);
                Err(Refusal::new(412, "stale_version", message).with(ETAG, current))
            }
            None if self.rules.versions == Versions::Required => {
                let message = "`If-Match` names the version that is changed";
                Err(Refusal::new(428, "version_required", message).with(ETAG, current))
            }
            None => Ok(()),
        }
    }

    fn shown(&self, status: u16, item: &Item) -> Answer {
        let answer = Answer::json(status, &Value::Object(item.fields.clone()));
        match self.rules.versions {
            Versions::Off => answer,
            Versions::Checked | Versions::Required => answer.with(ETAG, tag(item.version)),
        }
    }

    fn item(&self, key: &str) -> Result<&Item, Refusal> {
        let item = self.numbers.get(key).and_then(|number| self.items.get(number));
        item.ok_or_else(|| Refusal::unknown("such item"))
    }

    fn item_mut(&mut self, key: &str) -> Result<&mut Item, Refusal> {
        let item = self.numbers.get(key).and_then(|number| self.items.get_mut(number));
        item.ok_or_else(|| Refusal::unknown("such item"))
    }
}

fn known_state(states: &scenario::States, state: &Value) -> Result<String, Refusal> {
    let known = state.as_str().filter(|state| states.knows(state));
    known.map(str::to_owned).ok_or_else(|| {
        let known: Vec<&str> = states.steps.names().collect();
        Refusal::field((states.field.clone(), format!("is none of {}", known.join(", "))))
    })
}

fn tag(version: u64) -> String {
    format!("\"{version}\"")
}
