//! What a phase measures: counts, and histograms in microseconds. Failures count in the distributions as answers do.
//!
//! Values go into the recorders of the present part of the phase, of about a second; when it is over they are added to those of the
//! whole and told to the evidence. Nothing is lost between the two, nor between several workers.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use record::{
    Entry, ExchangeRow, Fact, FactSender, Measured, Metric, Moment, NOT_REACHED, NameId, Outcome,
    PhaseFigures, PhasePart, StreamFigures,
};

/// An hour: nothing waits longer.
const HIGHEST_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// How long a part of a phase is.
const PART: Duration = Duration::from_secs(1);

/// What one worker of a phase has measured.
#[derive(Debug)]
pub(super) struct Figures {
    counts: Counts,
    whole: Recorders,
    part: Recorders,
    began: Moment,
    /// Whether values are recorded at all.
    records: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    failed: u64,
    queued: u64,
    clamped: u64,
    streams: u64,
    without_content: u64,
}

/// A histogram for each metric.
#[derive(Debug)]
struct Recorders([Histogram<u64>; Metric::ALL.len()]);

/// What is known of a stream when it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamTimes {
    /// When the first byte of the response came.
    pub(crate) first_byte: Option<Moment>,
    /// When the last content came.
    pub(crate) last_content: Option<Moment>,
}

impl Figures {
    pub(super) fn new(began: Moment) -> Self {
        Self {
            counts: Counts::default(),
            whole: Recorders::new(),
            part: Recorders::new(),
            began,
            records: true,
        }
    }

    /// With values, or with counts alone.
    pub(super) fn with_values(self, records: bool) -> Self {
        Self { records, ..self }
    }

    /// The driver has given a request its connection, so much later than it could have. `queued` says that it had to wait for one.
    pub(super) fn begun(&mut self, late_us: u32, queued: bool) {
        self.counts.queued += u64::from(queued);
        self.record(Metric::Lateness, late_us);
    }

    /// An exchange is over. One that was abandoned counts as failed, but how long it would have taken is not known.
    pub(super) fn ended(&mut self, row: &ExchangeRow) {
        self.counts.sent += u64::from(row.sent != NOT_REACHED);
        self.counts.failed += u64::from(row.outcome != Outcome::Complete);
        if row.outcome == Outcome::Abandoned {
            return;
        }
        self.record(Metric::Response, row.ended);
        if row.sent != NOT_REACHED {
            self.record(Metric::Service, row.ended.saturating_sub(row.sent));
        }
    }

    /// The response of an exchange is over, whole or not. What is no stream is none of these figures' business.
    pub(super) fn streamed(&mut self, row: &ExchangeRow, times: StreamTimes) {
        if !row.streamed && row.contents == 0 {
            return;
        }
        self.counts.streams += 1;
        if let Some(first) = times.first_byte {
            self.record(Metric::FirstByte, first.micros_after(row.intended));
        }
        let (Some(last), true) = (times.last_content, row.first_content != NOT_REACHED) else {
            self.counts.without_content += 1;
            return;
        };
        self.record(Metric::FirstContent, row.first_content);
        // Without usage every content counts as a token.
        let tokens = if row.output_tokens == NOT_REACHED { row.contents } else { row.output_tokens };
        if let Some(behind) = tokens.checked_sub(1).filter(|behind| *behind > 0) {
            let all = last.micros_after(row.intended).saturating_sub(row.first_content);
            self.record(Metric::PerToken, all / behind);
        }
    }

    /// So long after the one before it a content of a stream came.
    pub(super) fn gap(&mut self, gap_us: u32) {
        self.record(Metric::Gap, gap_us);
    }

    /// How many values were beyond the histograms' range, and stand in them as its end.
    pub(super) fn clamped(&self) -> u64 {
        self.counts.clamped
    }

    /// Tells the part that is over by now, if one is.
    pub(super) fn turn(&mut self, now: Moment, (traffic, facts): (NameId, &FactSender)) {
        if now.since(self.began) >= PART {
            self.end_part(now, (traffic, facts));
        }
    }

    /// Ends the present part.
    pub(super) fn end_part(&mut self, now: Moment, (traffic, facts): (NameId, &FactSender)) {
        let from = std::mem::replace(&mut self.began, now);
        let measured = self.part.measured();
        if measured.is_empty() {
            return;
        }
        self.whole.add(&self.part);
        self.part.clear();
        let part = PhasePart { traffic, from, to: now, measured };
        facts.send(Fact::Entry(Box::new(Entry::Part(part))));
    }

    /// With what another worker of the phase has measured.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.counts = self.counts.with(other.counts);
        for recorders in [&other.whole, &other.part] {
            self.whole.add(recorders);
        }
        self
    }

    /// All of it, once every part is ended.
    pub(super) fn finish(self, traffic: NameId, planned: u64) -> PhaseFigures {
        let Counts { sent, failed, queued, streams, without_content, .. } = self.counts;
        let of = |metric| serialised(self.whole.of(metric));
        PhaseFigures {
            traffic,
            planned,
            sent,
            failed,
            queued,
            late_p99_us: self.whole.of(Metric::Lateness).value_at_quantile(0.99),
            response: of(Metric::Response),
            service: of(Metric::Service),
            lateness: of(Metric::Lateness),
            streams: (streams > 0).then(|| StreamFigures {
                asked: streams,
                without_content,
                first_byte: of(Metric::FirstByte),
                first_content: of(Metric::FirstContent),
                gap: of(Metric::Gap),
                per_token: of(Metric::PerToken),
            }),
        }
    }

    fn record(&mut self, metric: Metric, micros: u32) {
        if !self.records {
            return;
        }
        let micros = u64::from(micros);
        self.counts.clamped += u64::from(micros > HIGHEST_US);
        let recorded = self.part.of_mut(metric).record(micros.min(HIGHEST_US));
        recorded.expect("a histogram that grows takes every value");
    }
}

impl Counts {
    fn with(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            failed: self.failed + other.failed,
            queued: self.queued + other.queued,
            clamped: self.clamped + other.clamped,
            streams: self.streams + other.streams,
            without_content: self.without_content + other.without_content,
        }
    }
}

impl Recorders {
    fn new() -> Self {
        Self(Metric::ALL.map(|_| Histogram::new(SIGNIFICANT_DIGITS).expect("these digits make a histogram")))
    }

    fn of(&self, metric: Metric) -> &Histogram<u64> {
        &self.0[metric as usize]
    }

    fn of_mut(&mut self, metric: Metric) -> &mut Histogram<u64> {
        &mut self.0[metric as usize]
    }

    fn add(&mut self, other: &Self) {
        for (own, others) in self.0.iter_mut().zip(&other.0).filter(|(_, others)| !others.is_empty()) {
            own.add(others).expect("a histogram that grows takes every value of another");
        }
    }

    fn clear(&mut self) {
        self.0.iter_mut().filter(|histogram| !histogram.is_empty()).for_each(Histogram::reset);
    }

    /// Those that hold something.
    fn measured(&self) -> Vec<Measured> {
        let held = Metric::ALL.into_iter().filter(|metric| !self.of(*metric).is_empty());
        held.map(|metric| Measured { metric, histogram: serialised(self.of(metric)) }).collect()
    }
}

fn serialised(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(histogram, &mut bytes).expect("a vector takes every byte");
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;
    use record::{ExchangeId, fact_channel};

    const TRAFFIC: NameId = NameId(4);

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000_000)
    }

    fn row(ended: u32) -> ExchangeRow {
        let mut row = ExchangeRow::opened(ExchangeId(0), TRAFFIC, NameId(0), at(0));
        (row.sent, row.ended, row.outcome) = (5, ended, Outcome::Complete);
        row
    }

    fn histogram(text: &str) -> Histogram<u64> {
        Deserializer::new().deserialize(&mut STANDARD.decode(text).unwrap().as_slice()).unwrap()
    }

    /// A worker's figures of some exchanges, a part for each three.
    fn measured(ends: &[u32], facts: &FactSender) -> Figures {
        let mut figures = Figures::new(at(0));
        for (nth, ended) in (1..).zip(ends) {
            figures.begun(ended % 7, false);
            figures.ended(&row(*ended));
            if nth % 3 == 0 {
                figures.turn(at(nth * 1_000), (TRAFFIC, facts));
            }
        }
        figures.end_part(at(1_000_000), (TRAFFIC, facts));
        figures
    }

    #[test]
    fn parts_and_workers_add_up_without_loss() {
        let ends: Vec<u32> = (0..1_000_u32).map(|n| n * n * 4_001 % 3_900_000_000).collect();
        let (facts, received) = fact_channel();
        let (one, other) = ends.split_at(317);
        let joined = measured(one, &facts).with(&measured(other, &facts)).finish(TRAFFIC, 1_000);
        drop(facts);
        let (untold, _) = fact_channel();
        let alone = measured(&ends, &untold).finish(TRAFFIC, 1_000);
        assert_eq!((joined.sent, joined.failed), (1_000, 0));
        for (joined, alone) in [
            (&joined.response, &alone.response),
            (&joined.service, &alone.service),
            (&joined.lateness, &alone.lateness),
        ] {
            assert!(histogram(joined) == histogram(alone));
            assert_eq!(histogram(joined).len(), 1_000);
        }
        let mut parts = Recorders::new();
        for fact in received.iter() {
            let Fact::Entry(entry) = fact else { panic!("only parts are told") };
            let Entry::Part(part) = *entry else { panic!("only parts are told") };
            assert!(part.from < part.to && part.traffic == TRAFFIC);
            for Measured { metric, histogram: text } in part.measured {
                parts.of_mut(metric).add(histogram(&text)).unwrap();
            }
        }
        for (metric, whole) in [(Metric::Response, &joined.response), (Metric::Lateness, &joined.lateness)] {
            assert!(parts.of(metric) == &histogram(whole), "{metric:?}");
        }
    }

    #[test]
    fn three_digits_are_kept_however_long_it_takes() {
        let (facts, _received) = fact_channel();
        for micros in [1, 999, 123_456, 2_000_000, 3_599_000_000] {
            let response = histogram(&measured(&[micros], &facts).finish(TRAFFIC, 1).response);
            let (seen, wanted) = (response.max() as f64, f64::from(micros));
            assert!((seen - wanted).abs() <= wanted / 1_000.0, "{seen} for {wanted}");
        }
    }

    #[test]
    fn what_is_beyond_an_hour_stands_at_its_end_and_is_told() {
        let mut figures = Figures::new(at(0));
        figures.ended(&row(4_000_000_000));
        assert_eq!(figures.clamped(), 2, "the response and the service time");
        let (facts, _received) = fact_channel();
        figures.end_part(at(1), (TRAFFIC, &facts));
        let response = histogram(&figures.finish(TRAFFIC, 1).response);
        assert!(response.max() >= HIGHEST_US && response.max() < HIGHEST_US + HIGHEST_US / 500);
    }

    #[test]
    fn a_stream_s_tokens_are_counted_behind_the_first_one() {
        let (facts, _received) = fact_channel();
        for (contents, tokens, expected) in
            [(11, NOT_REACHED, Some(9_000)), (11, 31, Some(3_000)), (1, NOT_REACHED, None), (1, 1, None)]
        {
            let mut figures = Figures::new(at(0));
            let mut row = row(200_000);
            (row.streamed, row.contents, row.output_tokens, row.first_content) =
                (true, contents, tokens, 10_000);
            figures.streamed(&row, StreamTimes { first_byte: Some(at(9)), last_content: Some(at(100)) });
            figures.end_part(at(1_000), (TRAFFIC, &facts));
            let streams = figures.finish(TRAFFIC, 1).streams.unwrap();
            let per_token = histogram(&streams.per_token);
            assert_eq!(
                (!per_token.is_empty()).then(|| per_token.min() / 10 * 10),
                expected.map(|us| us / 10 * 10)
            );
            assert_eq!((streams.asked, streams.without_content), (1, 0));
        }
    }

    #[test]
    fn a_stream_without_content_is_counted_and_has_no_time_to_its_first() {
        let (facts, _received) = fact_channel();
        let mut figures = Figures::new(at(0));
        let mut silent = row(100);
        silent.streamed = true;
        figures.streamed(&silent, StreamTimes { first_byte: Some(at(1)), last_content: None });
        figures.streamed(&row(100), StreamTimes::default());
        figures.end_part(at(1_000), (TRAFFIC, &facts));
        let streams = figures.finish(TRAFFIC, 2).streams.unwrap();
        assert_eq!((streams.asked, streams.without_content), (1, 1));
        let lengths = [&streams.first_byte, &streams.first_content].map(|text| histogram(text).len());
        assert_eq!(lengths, [1, 0]);
    }
}
