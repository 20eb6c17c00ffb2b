//! The contract's chapters of rules, inside the command, so that scenarios anywhere can cite them.

/// Each chapter's file and text.
pub(crate) const CHAPTERS: &[(&str, &str)] = &[
    ("scenarios/budget/rules.yaml", include_str!("../scenarios/budget/rules.yaml")),
    ("scenarios/compatibility/rules.yaml", include_str!("../scenarios/compatibility/rules.yaml")),
    ("scenarios/cooldown/rules.yaml", include_str!("../scenarios/cooldown/rules.yaml")),
    ("scenarios/discovery/rules.yaml", include_str!("../scenarios/discovery/rules.yaml")),
    ("scenarios/distribution/rules.yaml", include_str!("../scenarios/distribution/rules.yaml")),
    ("scenarios/exhaustion/rules.yaml", include_str!("../scenarios/exhaustion/rules.yaml")),
    ("scenarios/fallback/rules.yaml", include_str!("../scenarios/fallback/rules.yaml")),
    ("scenarios/health/rules.yaml", include_str!("../scenarios/health/rules.yaml")),
    ("scenarios/isolation/rules.yaml", include_str!("../scenarios/isolation/rules.yaml")),
    ("scenarios/ledger/rules.yaml", include_str!("../scenarios/ledger/rules.yaml")),
    ("scenarios/observability/rules.yaml", include_str!("../scenarios/observability/rules.yaml")),
    ("scenarios/performance/rules.yaml", include_str!("../scenarios/performance/rules.yaml")),
    ("scenarios/protocol/rules.yaml", include_str!("../scenarios/protocol/rules.yaml")),
    ("scenarios/resilience/rules.yaml", include_str!("../scenarios/resilience/rules.yaml")),
    ("scenarios/retry/rules.yaml", include_str!("../scenarios/retry/rules.yaml")),
    ("scenarios/rotation/rules.yaml", include_str!("../scenarios/rotation/rules.yaml")),
    ("scenarios/security/rules.yaml", include_str!("../scenarios/security/rules.yaml")),
    ("scenarios/services/rules.yaml", include_str!("../scenarios/services/rules.yaml")),
    ("scenarios/spike/rules.yaml", include_str!("../scenarios/spike/rules.yaml")),
    ("scenarios/state/rules.yaml", include_str!("../scenarios/state/rules.yaml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chapter_of_the_repository_is_inside() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut chapters: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .filter(|entry| entry.path().join("rules.yaml").exists())
            .map(|entry| format!("scenarios/{}/rules.yaml", entry.file_name().to_string_lossy()))
            .collect();
        chapters.sort();
        let inside: Vec<&str> = CHAPTERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(inside, chapters);
    }
}
