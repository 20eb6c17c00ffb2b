//! Places that are lent for a time, with the files of whoever holds them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method};
use record::Moment;
use scenario::ServiceDefect;
use serde_json::{Value, json};

use crate::service::Defects;
use crate::service::answer::{Answer, AnswerBody, Outcome, Refusal};
use crate::service::call::Call;
use crate::service::room::Room;
use crate::service::time::Time;

/// The slots of one resource.
#[derive(Debug)]
pub(crate) struct Slots {
    path: String,
    lasts: Duration,
    defects: Defects,
    slots: Vec<Slot>,
    leases: u64,
    /// The slot that was lent last.
    last: Option<usize>,
    room: Room,
}

#[derive(Debug, Default)]
struct Slot {
    lease: Option<Lease>,
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct Lease {
    number: u64,
    holder: Value,
    ends: Moment,
}

#[derive(Debug)]
struct File {
    bytes: Bytes,
    kind: HeaderValue,
}

/// A slot has no more files.
const MOST_FILES: usize = 1_000;

impl Slots {
    pub(crate) fn new(path: &str, slots: &scenario::Slots, defects: Defects) -> Self {
        Self {
            path: path.to_owned(),
            lasts: slots.lasts,
            defects,
            slots: (0..slots.count).map(|_| Slot::default()).collect(),
            leases: 0,
            last: None,
            room: Room::new(),
        }
    }

    /// Does what is asked.
    pub(crate) fn act(&mut self, call: &Call<'_>, time: Time) -> Outcome {
        self.end_leases(time.now);
        match (call.path().as_slice(), &call.method) {
            ([], &Method::GET) => Ok(self.all(time)),
            ([], &Method::POST) => self.lease(call, time),
            ([], _) => Err(Refusal::method("GET, HEAD, POST")),
            ([id, below @ ..], method) => {
                let index = self.index(id)?;
                match (below, method) {
                    ([], &Method::GET) => Ok(Answer::json(200, &self.shown(index, time))),
                    ([], &Method::DELETE) => self.release(index),
                    ([], _) => Err(Refusal::method("GET, HEAD, DELETE")),
                    (["renewal"], &Method::POST) => self.renew(index, time),
                    (["renewal"], _) => Err(Refusal::method("POST")),
                    (["files"], &Method::GET) => {
                        self.lease_of(index)?;
                        Ok(Answer::list(self.slots[index].files.keys().map(|name| json!(name))))
                    }
                    (["files"], _) => Err(Refusal::method("GET, HEAD")),
                    (["files", name], &Method::GET) => self.read(index, name),
                    (["files", name], &Method::PUT) => self.write(call, (index, name)),
                    (["files", _], _) => Err(Refusal::method("GET, HEAD, PUT")),
                    _ => Err(Refusal::unknown("such path")),
                }
            }
        }
    }

    fn lease(&mut self, call: &Call<'_>, time: Time) -> Outcome {
        let holder = call.map_if_any()?.remove("holder").unwrap_or(Value::Null);
        let again = self.defects.has(ServiceDefect::LeasesOneSlotTwice) && self.leases % 2 == 1;
        let free = self.slots.iter().position(|slot| slot.lease.is_none());
        let Some(index) = self.last.filter(|_| again).or(free) else {
            let next = self.slots.iter().filter_map(|slot| slot.lease.as_ref()).map(|lease| lease.ends).min();
            let next = next.filter(|_| !self.defects.has(ServiceDefect::NeverEndsALease));
            let next = next.unwrap_or(Moment(u64::MAX));
            let refusal = Refusal::new(503, "none_free", "every slot is leased");
            return Err(refusal.later(time.seconds_until(next).clamp(1, 3_600), next));
        };
        if !self.defects.has(ServiceDefect::KeepsSlotFiles) {
            self.wipe(index);
        }
        self.leases += 1;
        self.last = Some(index);
        let ends = time.now.after(self.lasts);
        self.slots[index].lease = Some(Lease { number: self.leases, holder, ends });
        let location = format!("{}/{}", self.path, id_of(index));
        Ok(Answer::json(201, &self.shown(index, time)).with(LOCATION, location))
    }

    fn release(&mut self, index: usize) -> Outcome {
        self.lease_of(index)?;
        self.slots[index].lease = None;
        Ok(Answer::json(200, &json!({ "id": id_of(index), "state": "free" })))
    }

    fn renew(&mut self, index: usize, time: Time) -> Outcome {
        let lasts = self.lasts;
        self.lease_of(index)?.ends = time.now.after(lasts);
        Ok(Answer::json(200, &self.shown(index, time)))
    }

    fn read(&mut self, index: usize, name: &str) -> Outcome {
        self.lease_of(index)?;
        let file = self.slots[index].files.get(name).ok_or_else(|| Refusal::unknown("such file"))?;
        let headers = vec![(CONTENT_TYPE, file.kind.clone())];
        Ok(Answer { status: 200, headers, body: AnswerBody::Bytes(file.bytes.clone()) })
    }

    fn write(&mut self, call: &Call<'_>, (index, name): (usize, &str)) -> Outcome {
        self.lease_of(index)?;
        let files = &mut self.slots[index].files;
        if name.is_empty() || (files.len() >= MOST_FILES && !files.contains_key(name)) {
            return Err(Refusal::no_room());
        }
        self.room.take(call.body.len())?;
        let kind = call.header("content-type").and_then(|kind| HeaderValue::from_str(kind).ok());
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let file = File { bytes: Bytes::copy_from_slice(call.body), kind };
        let before = files.insert(name.to_owned(), file);
        let status = if before.is_some() { 200 } else { 201 };
        before.iter().for_each(|before| self.room.give_back(before.bytes.len()));
        Ok(Answer::json(status, &json!({ "name": name, "size": call.body.len() })))
    }

    fn wipe(&mut self, index: usize) {
        for file in std::mem::take(&mut self.slots[index].files).values() {
            self.room.give_back(file.bytes.len());
        }
    }

    /// Leases that have run out are over.
    fn end_leases(&mut self, now: Moment) {
        if !self.defects.has(ServiceDefect::NeverEndsALease) {
            for slot in &mut self.slots {
                slot.lease.take_if(|lease| lease.ends <= now);
            }
        }
    }

    fn lease_of(&mut self, index: usize) -> Result<&mut Lease, Refusal> {
        let lease = self.slots[index].lease.as_mut();
        lease.ok_or_else(|| Refusal::conflict("not_leased", format!("`{}` is not leased", id_of(index))))
    }

    fn index(&self, id: &str) -> Result<usize, Refusal> {
        let number = id.strip_prefix("slot-").and_then(|number| number.parse::<usize>().ok());
        let index = number.and_then(|number| number.checked_sub(1));
        let index = index.filter(|index| *index < self.slots.len() && id_of(*index) == id);
        index.ok_or_else(|| Refusal::unknown("such slot"))
    }

    fn all(&self, time: Time) -> Answer {
        let leased = self.slots.iter().filter(|slot| slot.lease.is_some()).count();
        let slots: Vec<Value> = (0..self.slots.len()).map(|index| self.shown(index, time)).collect();
        let (count, free) = (slots.len(), slots.len() - leased);
        Answer::json(200, &json!({ "count": count, "free": free, "leased": leased, "items": slots }))
    }

    fn shown(&self, index: usize, time: Time) -> Value {
        let (id, path) = (id_of(index), format!("{}/{}", self.path, id_of(index)));
        match &self.slots[index].lease {
            None => json!({ "id": id, "path": path, "state": "free" }),
            Some(lease) => json!({
                "id": id, "path": path, "state": "leased", "lease": lease.number, "holder": lease.holder,
                "ends_at": time.text_of(lease.ends), "ends_in_ms": time.millis_until(lease.ends),
            }),
        }
    }
}

fn id_of(index: usize) -> String {
    format!("slot-{}", index + 1)
}
