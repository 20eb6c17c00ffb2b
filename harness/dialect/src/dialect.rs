//! The dialects by name, with the paths under which each is spoken.

/// A provider's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Chat completions as OpenAI defines them.
    Openai,
}

impl Dialect {
    /// Every dialect, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Openai];

    /// The word that scenarios and profiles use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
        }
    }

    /// The dialect of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dialect| dialect.name() == name)
    }

    /// Where a chat request is posted, unless a profile says otherwise.
    #[must_use]
    pub fn chat_path(self) -> &'static str {
        match self {
            Self::Openai => "/v1/chat/completions",
        }
    }

    /// Where the models are listed, unless a profile says otherwise.
    #[must_use]
    pub fn models_path(self) -> &'static str {
        match self {
            Self::Openai => "/v1/models",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_found_by_its_own_name_only() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::from_name(dialect.name()), Some(*dialect));
        }
        assert_eq!(Dialect::from_name("OpenAI"), None);
    }
}
