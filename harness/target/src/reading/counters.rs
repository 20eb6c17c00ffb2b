//! The counters and states that a profile takes from a target's status.

use record::{MetricSeen, Moment};

use crate::profile::StatusReading;
use crate::reading::value::document;

/// What each field of the profile finds: a counter with the sum of its numbers, or a row for each of its texts.
pub(super) fn of_status(body: &[u8], says: &StatusReading, at: Moment) -> Result<Vec<MetricSeen>, String> {
    let document = document(body)?;
    let mut rows = Vec::new();
    for (name, path) in &says.fields.0 {
        let found = path.path.query(&document).all();
        if found.is_empty() {
            if may_find_nothing(&path.text) {
                continue;
            }
            return Err(format!("`{}` finds nothing", path.text));
        }
        let row = |value, text| MetricSeen { at, name: name.value.clone(), labels: Vec::new(), value, text };
        let numbers: Option<Vec<f64>> = found.iter().map(|value| value.as_f64()).collect();
        let texts: Option<Vec<&str>> = found.iter().map(|value| value.as_str()).collect();
        match (numbers, texts) {
            (Some(numbers), _) => rows.push(row(numbers.iter().sum(), None)),
            (None, Some(texts)) => rows.extend(texts.iter().map(|text| row(0.0, Some((*text).to_owned())))),
            (None, None) => {
                return Err(format!(
                    "`{}` finds something that is neither all numbers nor all texts",
                    path.text
                ));
            }
        }
    }
    Ok(rows)
}

/// Whether a path goes through all of something, of which there may be none.
fn may_find_nothing(path: &str) -> bool {
    path.contains(['*', '?']) || path.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Auth, UrlPath, ValuePath};
    use scenario::{At, Named, Span};

    #[test]
    fn numbers_are_added_to_a_counter_and_each_text_is_a_row() {
        let says = |text: &str| {
            let span = Span::default();
            let path =
                ValuePath { text: text.to_owned(), path: serde_json_path::JsonPath::parse(text).unwrap() };
            let fields = Named(vec![(At { value: "parked".to_owned(), span }, path)]);
            StatusReading { get: UrlPath("/stats".to_owned()), auth: Auth::Admin, fields, span }
        };
        let body =
            br#"{"pools": [{"parked": 2, "state": "open"}, {"parked": 1.5, "state": "shut"}], "up": true}"#;
        for (path, rows) in [
            ("$.pools[*].parked", vec![(3.5, None)]),
            ("$.pools[*].nothing", vec![]),
            ("$.pools[?@.parked > 7].state", vec![]),
            ("$.pools[*].state", vec![(0.0, Some("open")), (0.0, Some("shut"))]),
        ] {
            let read = of_status(body, &says(path), Moment(3)).unwrap();
            let told: Vec<_> = read.iter().map(|row| (row.value, row.text.as_deref())).collect();
            assert_eq!(told, rows, "{path}");
            assert!(read.iter().all(|row| row.name == "parked" && row.at == Moment(3)), "{read:?}");
        }
        for (path, told) in [
            ("$.nothing", "finds nothing"),
            ("$.up", "neither all numbers nor all texts"),
            ("$.pools[0]['parked','state']", "neither all numbers nor all texts"),
        ] {
            assert!(of_status(body, &says(path), Moment(0)).unwrap_err().contains(told), "{path}");
        }
    }
}
