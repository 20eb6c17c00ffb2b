//! Stages and the flags that switch them off: hermetic scenarios always run, the others run where a flag says so.

use scenario::{At, Stage};

/// Which stages run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gates {
    open: Vec<Stage>,
    shut: Vec<Stage>,
}

/// A flag with a value that is neither true nor false.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{flag}` is `{value}`: write `true` or `1` to skip these scenarios, `false` or `0` to run them")]
pub struct FlagError {
    flag: &'static str,
    value: String,
}

/// The flag of each stage. Set to true it skips the stage; unset or empty it does too, since each needs something that a
/// machine may not have.
const FLAGS: [(&str, Stage); 7] = [
    ("SKIP_INTEGRATION_TESTS", Stage::Integration),
    ("SKIP_LLM_TESTS", Stage::Llm),
    ("SKIP_E2E_TESTS", Stage::E2e),
    ("SKIP_GPU_TESTS", Stage::Gpu),
    ("SKIP_COMPOSE_TESTS", Stage::Compose),
    ("SKIP_PERFORMANCE_TESTS", Stage::Performance),
    ("SKIP_STRESS_TESTS", Stage::Stress),
];

impl Gates {
    /// The gates as some variables set them.
    ///
    /// # Errors
    ///
    /// If a flag is neither true nor false.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, FlagError> {
        let mut gates = Self::default();
        for (flag, stage) in FLAGS {
            match variable(flag).as_deref() {
                Some("false" | "0") => gates.open.push(stage),
                Some("true" | "1") => gates.shut.push(stage),
                None | Some("") => {}
                Some(other) => return Err(FlagError { flag, value: other.to_owned() }),
            }
        }
        Ok(gates)
    }

    /// Why a scenario does not run, by its stage and its tags. A flag that is set to true also skips what bears the
    /// stage's name as a tag, hermetic or not.
    #[must_use]
    pub fn reason(&self, stage: Stage, tags: &[At<String>]) -> Option<String> {
        let flag = |stage: Stage| FLAGS.iter().find(|(_, of)| *of == stage).map_or("", |(flag, _)| *flag);
        if stage != Stage::Hermetic && !self.open.contains(&stage) {
            return Some(format!("stage {} is off: set {}=false to run it", stage.word(), flag(stage)));
        }
        let tagged = self.shut.iter().find(|stage| tags.iter().any(|tag| tag.value == stage.word()))?;
        Some(format!("tag {} is off: {} is true", tagged.word(), flag(*tagged)))
    }
}

#[cfg(test)]
mod tests {
    use scenario::Span;

    use super::*;

    fn gates(flag: &str, value: &str) -> Result<Gates, FlagError> {
        Gates::from_variables(|name| (name == flag).then(|| value.to_owned()))
    }

    #[test]
    fn hermetic_scenarios_run_whatever_the_flags_unless_they_bear_the_tag() {
        let shut = gates("SKIP_LLM_TESTS", "true").unwrap();
        assert_eq!(shut.reason(Stage::Hermetic, &[]), None);
        let tag = At { value: "llm".to_owned(), span: Span::default() };
        assert!(shut.reason(Stage::Hermetic, &[tag]).is_some());
    }

    #[test]
    fn a_stage_runs_only_where_its_flag_says_so() {
        for (value, runs) in [("false", true), ("0", true), ("true", false), ("1", false), ("", false)] {
            let gates = gates("SKIP_GPU_TESTS", value).unwrap();
            assert_eq!(gates.reason(Stage::Gpu, &[]).is_none(), runs, "{value}");
        }
        assert!(Gates::default().reason(Stage::Gpu, &[]).unwrap().contains("SKIP_GPU_TESTS=false"));
    }

    #[test]
    fn a_flag_that_is_neither_true_nor_false_is_refused() {
        assert!(gates("SKIP_GPU_TESTS", "maybe").unwrap_err().to_string().contains("`maybe`"));
    }
}
