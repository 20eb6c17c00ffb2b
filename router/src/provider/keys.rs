//! A provider's keys as the settings gave them, and one of them in the hands of whoever sends with it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::ProviderKey;
use crate::pool::KeyIndex;

/// By their places in the pool. They are held all together: if each counted its own holders, a choice among thousands would
/// read and write that count where no cache has it.
#[derive(Debug)]
pub(super) struct Keys(Arc<Vec<ProviderKey>>);

/// A key as it was when it was chosen, whatever new settings say.
#[derive(Clone)]
pub(crate) struct HeldKey {
    keys: Arc<Vec<ProviderKey>>,
    index: KeyIndex,
}

impl Keys {
    pub(super) fn new(keys: &[ProviderKey]) -> Self {
        Self(Arc::new(keys.to_vec()))
    }

    pub(super) fn at(&self, index: KeyIndex) -> &ProviderKey {
        &self.0[index.get()]
    }

    pub(super) fn hold(&self, index: KeyIndex) -> HeldKey {
        HeldKey { keys: Arc::clone(&self.0), index }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyIndex, &ProviderKey)> {
        self.0.iter().enumerate().map(|(place, key)| (KeyIndex::new(place), key))
    }

    /// Puts another key at a place. Whoever holds the one before keeps it.
    pub(super) fn replace(&mut self, index: KeyIndex, key: ProviderKey) {
        Arc::make_mut(&mut self.0)[index.get()] = key;
    }

    /// Adds a key at the next place.
    pub(super) fn add(&mut self, key: ProviderKey) {
        Arc::make_mut(&mut self.0).push(key);
    }
}

impl HeldKey {
    /// Its place in the pool.
    pub(crate) fn index(&self) -> KeyIndex {
        self.index
    }
}

impl Deref for HeldKey {
    type Target = ProviderKey;

    fn deref(&self) -> &ProviderKey {
        &self.keys[self.index.get()]
    }
}

impl fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Platform;
    use crate::secret::Secret;

    fn key(name: &str) -> ProviderKey {
        ProviderKey::new(name.to_owned(), Secret::trimmed(name).unwrap(), false, 1, Platform::Openai)
    }

    #[test]
    fn a_key_that_is_held_stays_what_it_was_when_others_come_in_its_place_and_beside_it() {
        let mut keys = Keys::new(&[key("first"), key("second")]);
        let place = KeyIndex::new(1);
        let before = keys.hold(place);
        keys.replace(place, key("another"));
        keys.add(key("third"));
        assert_eq!((before.name(), before.index()), ("second", place));
        let now: Vec<&str> = keys.iter().map(|(_, key)| key.name()).collect();
        assert_eq!(now, ["first", "another", "third"]);
        assert_eq!((keys.hold(place).name(), keys.at(KeyIndex::new(2)).name()), ("another", "third"));
    }
}
