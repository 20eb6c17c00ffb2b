//! The fields of what belongs to no exchange: counters, lines of the log, figures of the process, files and programs.

use std::time::Duration;

use record::{Entry, FileSeen, MetricSeen, Moment, ProcessSeen, Ran};
use scenario::{Field, FieldValue};

use crate::fields::{number, text};
use crate::names::TrafficKind;
use crate::scene::Scene;

pub(crate) fn of_entry<'v>(entry: &'v Entry, field: Field, scene: &'v Scene<'v>) -> FieldValue<'v> {
    match (entry, field) {
        (Entry::Metric(_) | Entry::Log { .. } | Entry::Process(_) | Entry::Target { .. }, Field::At) => {
            scene.since_start(moment_of(entry))
        }
        (Entry::Target { .. }, Field::Alive) => FieldValue::Flag(false),
        (Entry::Target { at, .. }, Field::Phase) => scene.phase_at(*at),
        (Entry::Process(process), Field::Phase) => scene.phase_at(process.at),
        (Entry::Log { line, .. }, Field::Text) => FieldValue::Text(line),
        (Entry::Metric(metric), _) => of_metric(metric, field),
        (Entry::Process(process), _) => of_process(process, field),
        (Entry::File(file), _) => of_file(file, field, scene),
        (Entry::Ran(ran), _) => of_ran(ran, field, scene),
        _ => FieldValue::Missing,
    }
}

/// When something was seen.
pub(crate) fn moment_of(entry: &Entry) -> Moment {
    match entry {
        Entry::Metric(metric) => metric.at,
        Entry::Log { at, .. } => *at,
        Entry::Process(process) => process.at,
        Entry::Target { at, .. } => *at,
        Entry::File(file) => file.at,
        Entry::Ran(ran) => ran.at,
        _ => Moment(0),
    }
}

fn of_metric(metric: &MetricSeen, field: Field) -> FieldValue<'_> {
    match field {
        Field::Name => FieldValue::Text(&metric.name),
        // A state that is told in words has no number.
        Field::Value if metric.text.is_some() => FieldValue::Missing,
        Field::Value => FieldValue::Measured(metric.value),
        Field::Text => metric.text.as_deref().map_or(FieldValue::Missing, FieldValue::Text),
        _ => FieldValue::Missing,
    }
}

fn of_process(process: &ProcessSeen, field: Field) -> FieldValue<'static> {
    match field {
        Field::Alive => FieldValue::Flag(true),
        Field::Instance => number(process.instance),
        Field::Memory => FieldValue::Size(process.memory),
        Field::Cpu => FieldValue::Duration(Duration::from_micros(process.cpu_us)),
        Field::Descriptors => number(process.descriptors),
        Field::Sockets => number(process.sockets),
        Field::Threads => number(process.threads),
        _ => FieldValue::Missing,
    }
}

fn of_file<'v>(file: &'v FileSeen, field: Field, scene: &'v Scene<'v>) -> FieldValue<'v> {
    match field {
        Field::Step => scene.traffic(file.traffic, TrafficKind::Step),
        Field::Name => FieldValue::Text(&file.path),
        Field::Size => FieldValue::Size(file.size),
        Field::Text => file.text.as_deref().map_or(FieldValue::Missing, FieldValue::Text),
        _ => FieldValue::Missing,
    }
}

fn of_ran<'v>(ran: &'v Ran, field: Field, scene: &'v Scene<'v>) -> FieldValue<'v> {
    match field {
        Field::Step => scene.traffic(ran.traffic, TrafficKind::Step),
        Field::Took => FieldValue::Duration(Duration::from_micros(ran.took_us)),
        Field::Code => ran.code.map_or(FieldValue::Missing, number),
        Field::Signal => ran.signal.map_or(FieldValue::Missing, number),
        Field::Text => text(&ran.output),
        _ => FieldValue::Missing,
    }
}
