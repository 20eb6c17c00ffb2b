//! Percentile distributions.

use stormproof_report::histogram::distributions;

use crate::compare::assert_golden;
use crate::runs;

#[test]
fn every_phase_has_its_distributions() {
    let written: Vec<_> = distributions(&runs::passing()).into_iter().map(Result::unwrap).collect();
    let names: Vec<_> = written.iter().map(|distribution| distribution.file_name.as_str()).collect();
    assert_eq!(
        names,
        [
            "scenarios-performance-steady.steady-load.response.hgrm",
            "scenarios-performance-steady.steady-load.service.hgrm",
            "scenarios-performance-steady.steady-load.lateness.hgrm",
        ]
    );
    assert_golden("response.hgrm", &written[0].text);
    assert_golden("empty.hgrm", &written[1].text);
    assert_golden("lateness.hgrm", &written[2].text);
}

#[test]
fn milliseconds_and_counts_are_right_and_never_fall() {
    let written = distributions(&runs::passing());
    let text = &written[0].as_ref().unwrap().text;
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(2)
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(|cell| cell.parse().unwrap()).collect())
        .collect();
    for pair in rows.windows(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(before, after)| before <= after), "{pair:?}");
    }
    // One sample on each millisecond from 1 to 1000: half of them are at most 500 ms.
    let median = rows.iter().find(|row| row[1] >= 0.5).unwrap();
    assert!((median[0] - 500.0).abs() < 1.0 && (median[2] - 500.0).abs() <= 1.0, "{median:?}");
    let last = rows.last().unwrap();
    assert!(last[1] == 1.0 && last[2] == 1_000.0 && last.len() == 3, "{last:?}");
}

#[test]
fn an_unreadable_histogram_costs_its_own_file_only() {
    let mut run = runs::passing();
    run.trials[0].phases[0].service = String::from("not base64!");
    let written = distributions(&run);
    let error = written[1].as_ref().unwrap_err().to_string();
    assert_eq!(
        error,
        "phase `Steady load` of `scenarios/performance/steady.yaml` has no readable service histogram"
    );
    assert!(written[0].is_ok() && written[2].is_ok());
}
