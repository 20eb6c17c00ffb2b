//! The surfaces of a provider: what a request to a model asks for.

/// What a request to a model asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Surface {
    /// An answer in a chat, in the dialect's own way.
    #[default]
    Chat,
    /// An answer by the Responses API, as OpenAI defines it. It is stateless here.
    Responses,
    /// A vector for each text, as OpenAI defines it.
    Embeddings,
}

impl Surface {
    /// Every surface, in the order of the documentation.
    pub const ALL: &'static [Self] = &[Self::Chat, Self::Responses, Self::Embeddings];

    /// The word that scenarios use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
        }
    }

    /// The surface of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|surface| surface.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_surface_is_found_by_its_own_name_only() {
        for surface in Surface::ALL {
            assert_eq!(Surface::from_name(surface.name()), Some(*surface));
        }
        assert_eq!(Surface::from_name("Chat"), None);
    }
}
