//! What belongs to one start of a target and not to its world.

use crate::topology::IMAGINED_ADMIN;

/// The values of one start.
#[derive(Clone, Copy)]
pub(crate) struct StartView<'a> {
    /// Which instance it is, from 1.
    pub(crate) instance: u8,
    pub(crate) dir: &'a str,
    pub(crate) port: u16,
    pub(crate) profile_dir: &'a str,
    pub(crate) stormproof: &'a str,
    pub(crate) admin_key: &'a str,
    /// What the instances share, if the world asks for it and the profile says how.
    pub(crate) store: Option<&'a StoreView>,
}

impl StartView<'_> {
    /// A start that never happens: enough to see what templates make of a world.
    pub(crate) fn imagined() -> Self {
        Self {
            instance: 1,
            dir: "/",
            port: 1,
            profile_dir: "/",
            stormproof: "stormproof",
            admin_key: IMAGINED_ADMIN,
            store: None,
        }
    }
}

/// What the instances of a target share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreView {
    pub(crate) kind: &'static str,
    /// The folder that all of them can write to.
    pub(crate) dir: String,
    /// The port on loopback of a store that is a server.
    pub(crate) port: Option<u16>,
}
