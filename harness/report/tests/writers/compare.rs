//! Compares an output with a file. `STORMPROOF_BLESS=1` writes the file anew; review its difference as you review code.

use std::fs;
use std::path::Path;

use similar::TextDiff;

/// Panics with a diff unless the file under `tests/golden/` holds exactly this text.
#[track_caller]
pub(crate) fn assert_golden(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var("STORMPROOF_BLESS").is_ok_and(|value| value == "1") {
        fs::write(&path, text).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; STORMPROOF_BLESS=1 writes it", path.display()));
    if golden != text {
        let diff = TextDiff::from_lines(golden.as_str(), text);
        panic!("{file} differs:\n{}", diff.unified_diff().header("golden", "written"));
    }
}
