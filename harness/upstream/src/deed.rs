//! What an entry of script or timeline does with a request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use record::NameId;
use scenario::{BrokenStream, ConnectionFate, Deed, Reply, Share, StreamEnd};

use crate::preparation::Preparation;
use crate::reply_rule::{ReplyRule, named};

/// A deed, made ready.
#[derive(Debug)]
pub(crate) enum DeedRule {
    Reply(ReplyRule),
    Broken(BrokenRule),
    Connection(ConnectionFate),
    /// Replies that are given in turn, and how many have been given.
    Loop(Vec<ReplyRule>, AtomicUsize),
}

/// What is done with one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Done<'r> {
    /// It is given a reply.
    Reply(&'r ReplyRule),
    /// It is given a reply that breaks off.
    Broken(&'r BrokenRule),
    /// It is given no reply.
    Connection(ConnectionFate),
}

/// A reply that breaks off.
#[derive(Debug)]
pub(crate) struct BrokenRule {
    pub(crate) of: ReplyRule,
    pub(crate) place: BreakPlace,
    pub(crate) end: StreamEnd,
    /// After so long it goes on, for an end that is none for good.
    pub(crate) lasts: Option<Duration>,
    /// The error that is told, for the ends that tell one.
    pub(crate) error: dialect::ErrorName,
    pub(crate) error_number: NameId,
}

/// Where a reply breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BreakPlace {
    /// After so many contents.
    Contents(u64),
    /// After this share of them.
    Share(Share),
    /// After so many bytes of the body.
    Bytes(u64),
    /// After so long since the head.
    After(Duration),
}

const HALF: Share = Share { millionths: 500_000 };

impl DeedRule {
    /// A deed, made ready. `place` says where in the upstream it stands, `normal` is what the upstream replies otherwise.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn new(
        deed: Option<Deed<'_>>,
        (place, normal): (&str, &Reply),
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        Ok(match deed {
            Some(Deed::Reply(reply)) => Self::Reply(ReplyRule::new(reply, place, preparation)?),
            Some(Deed::Stream(broken)) => {
                Self::Broken(BrokenRule::new(broken, (place, normal), preparation)?)
            }
            Some(Deed::Connection(ConnectionFate::ResetInBody)) => {
                let of =
                    preparation.breaking_off(|preparation| ReplyRule::new(normal, place, preparation))?;
                let error = scenario::ErrorName::ServerError;
                Self::Broken(BrokenRule {
                    of,
                    place: BreakPlace::Share(HALF),
                    end: StreamEnd::Reset,
                    lasts: None,
                    error: named(error)?,
                    error_number: NameId::NONE,
                })
            }
            Some(Deed::Connection(fate)) => Self::Connection(fate),
            Some(Deed::Loop(replies)) => {
                let made = replies.iter().map(|reply| ReplyRule::new(reply, place, preparation));
                Self::Loop(made.collect::<Result<_, String>>()?, AtomicUsize::new(0))
            }
            None => return Err(format!("`{place}` does not do exactly one thing")),
        })
    }

    /// Does it with a request.
    pub(crate) fn done(&self) -> Done<'_> {
        match self {
            Self::Reply(reply) => Done::Reply(reply),
            Self::Broken(broken) => Done::Broken(broken),
            Self::Connection(fate) => Done::Connection(*fate),
            Self::Loop(replies, given) => {
                Done::Reply(&replies[given.fetch_add(1, Ordering::Relaxed) % replies.len()])
            }
        }
    }
}

impl<'r> Done<'r> {
    /// The reply that is given, whole or not.
    pub(crate) fn reply(self) -> Option<&'r ReplyRule> {
        match self {
            Self::Reply(reply) => Some(reply),
            Self::Broken(broken) => Some(&broken.of),
            Self::Connection(_) => None,
        }
    }
}

impl BrokenRule {
    fn new(
        broken: &BrokenStream,
        (place, normal): (&str, &Reply),
        preparation: &mut Preparation<'_>,
    ) -> Result<Self, String> {
        let reply = broken.of.as_ref().unwrap_or(normal);
        let of = |preparation: &mut Preparation<'_>| ReplyRule::new(reply, place, preparation);
        let of = if broken.lasts.is_some() { of(preparation) } else { preparation.breaking_off(of) }?;
        let place = match (broken.after_contents, broken.after_share, broken.after_bytes, broken.after) {
            (Some(contents), None, None, None) => BreakPlace::Contents(contents.into()),
            (None, Some(share), None, None) => BreakPlace::Share(share),
            (None, None, Some(bytes), None) => BreakPlace::Bytes(bytes.into()),
            (None, None, None, Some(after)) => BreakPlace::After(after),
            _ => return Err(format!("`{place}` does not break at exactly one place")),
        };
        let error_number = preparation.names.id(broken.error.word());
        Ok(Self {
            of,
            place,
            end: broken.then,
            lasts: broken.lasts,
            error: named(broken.error)?,
            error_number,
        })
    }
}
