//! The counters that a profile takes from a target's status.

use record::{MetricSeen, Moment};

use crate::profile::StatusReading;
use crate::reading::value::document;

/// A counter for each field of the profile: the sum of the numbers that its path finds.
pub(super) fn of_status(body: &[u8], says: &StatusReading, at: Moment) -> Result<Vec<MetricSeen>, String> {
    let document = document(body)?;
    let counters = says.fields.0.iter().map(|(name, path)| {
        let found = path.path.query(&document).all();
        if found.is_empty() {
            return Err(format!("`{}` finds nothing", path.text));
        }
        let numbers: Option<Vec<f64>> = found.into_iter().map(serde_json::Value::as_f64).collect();
        let numbers = numbers.ok_or_else(|| format!("`{}` finds something that is no number", path.text))?;
        Ok(MetricSeen { at, name: name.value.clone(), labels: Vec::new(), value: numbers.iter().sum() })
    });
    counters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Auth, UrlPath, ValuePath};
    use scenario::{At, Named, Span};

    #[test]
    fn a_counter_is_the_sum_of_the_numbers_that_its_path_finds() {
        let says = |text: &str| {
            let span = Span::default();
            let path =
                ValuePath { text: text.to_owned(), path: serde_json_path::JsonPath::parse(text).unwrap() };
            let fields = Named(vec![(At { value: "parked".to_owned(), span }, path)]);
            StatusReading { get: UrlPath("/stats".to_owned()), auth: Auth::Admin, fields, span }
        };
        let body = br#"{"pools": [{"parked": 2}, {"parked": 1.5}], "name": "x"}"#;
        let read = of_status(body, &says("$.pools[*].parked"), Moment(3)).unwrap();
        assert_eq!((read[0].name.as_str(), read[0].value, read[0].at), ("parked", 3.5, Moment(3)));
        for (path, told) in [("$.nothing", "finds nothing"), ("$.name", "no number")] {
            assert!(of_status(body, &says(path), Moment(0)).unwrap_err().contains(told), "{path}");
        }
    }
}
