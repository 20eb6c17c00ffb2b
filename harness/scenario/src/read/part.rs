//! The macros that define a piece of the language once: the type with its documentation, its reading and its schema.

/// A map with fixed keys. `name as "key": Type = default` where the key is no Rust name or has a default. `$what` is how
/// a message calls it.
#[macro_export]
macro_rules! part {
    (
        $(#[doc = $about:literal])*
        $what:literal => $name:ident {
            $($(#[doc = $doc:literal])* $field:ident $(as $key:literal)?: $ty:ty $(= $default:expr)?,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $ty,)*
            /// Where it stands.
            pub span: $crate::Span,
        }

        impl $crate::Read for $name {
            fn read(node: &$crate::Node, problems: &mut Vec<$crate::Problem>) -> Option<Self> {
                let mut fields = $crate::Fields::of(node, $what, problems)?;
                $(let $field: Option<$ty> =
                    $crate::part!(@take fields problems ($crate::part!(@key $field $($key)?)) $($default)?);)*
                fields.finish($what, problems);
                Some(Self { $($field: $field?,)* span: node.span })
            }

            fn schema(book: &mut $crate::SchemaBook) -> serde_json::Value {
                book.define(stringify!($name), |book| {
                    let mut object = book.object(concat!($($about),*));
                    $(
                        let required = $crate::part!(@required $ty; $($default)?);
                        let schema = <$ty as $crate::Read>::schema(book);
                        object.property($crate::part!(@key $field $($key)?), concat!($($doc),*), schema, required);
                    )*
                    object.finish()
                })
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@take $fields:ident $problems:ident ($key:expr)) => { $fields.take($key, $problems) };
    (@take $fields:ident $problems:ident ($key:expr) $default:expr) => {
        $fields.take_or($key, || $default, $problems)
    };
    (@required $ty:ty;) => { <$ty as $crate::Read>::absent().is_none() };
    (@required $ty:ty; $default:expr) => { false };
}

/// A map with exactly one key, which says what its value is.
#[macro_export]
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        $what:literal => $name:ident {
            $($(#[doc = $doc:literal])* $key:literal => $variant:ident($ty:ty),)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $($(#[doc = $doc])* $variant($ty),)* }

        impl $name {
            /// The keys of which exactly one must be there.
            pub(crate) const KEYS: &'static [&'static str] = &[$($key),*];

            /// The value under the key that was found, if it is one of this choice.
            pub(crate) fn read_entry(
                entry: &$crate::Entry,
                problems: &mut Vec<$crate::Problem>,
            ) -> Option<Self> {
                match entry.key.as_str() {
                    $($key => <$ty as $crate::Read>::read(&entry.node, problems).map(Self::$variant),)*
                    other => {
                        problems.push(
                            $crate::Problem::new(entry.key_span, format!("unknown key `{other}` in {}", $what))
                                .nearest(other, Self::KEYS.iter().copied()),
                        );
                        None
                    }
                }
            }

            /// The schema of each variant's value by its key, for choices that stand among other keys.
            pub(crate) fn properties(
                book: &mut $crate::SchemaBook,
            ) -> Vec<(&'static str, &'static str, serde_json::Value)> {
                vec![$(($key, concat!($($doc),*), <$ty as $crate::Read>::schema(book))),*]
            }
        }

        impl $crate::Read for $name {
            fn read(node: &$crate::Node, problems: &mut Vec<$crate::Problem>) -> Option<Self> {
                match node.entries() {
                    Some([entry]) => Self::read_entry(entry, problems),
                    _ => {
                        problems.push(
                            $crate::Problem::new(
                                node.span,
                                format!("{} where {} is wanted", node.described(), $what),
                            )
                            .help(format!("write a map with exactly one of: {}", Self::KEYS.join(", "))),
                        );
                        None
                    }
                }
            }

            fn schema(book: &mut $crate::SchemaBook) -> serde_json::Value {
                let properties = Self::properties(book);
                $crate::SchemaBook::one_of(concat!($($about),*), properties)
            }
        }
    };
}

/// A closed list of words.
#[macro_export]
macro_rules! words {
    (
        $(#[doc = $about:literal])*
        $what:literal => $name:ident { $($(#[doc = $doc:literal])* $word:literal => $variant:ident,)* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// Every word with what it means.
            pub const ALL: &'static [(&'static str, Self, &'static str)] =
                &[$(($word, Self::$variant, concat!($($doc),*))),*];

            /// The word itself.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl $crate::Read for $name {
            fn read(node: &$crate::Node, problems: &mut Vec<$crate::Problem>) -> Option<Self> {
                match node.text() {
                    $(Some($word) => Some(Self::$variant),)*
                    _ => {
                        problems.push(
                            $crate::Problem::new(
                                node.span,
                                format!("{} where {} is wanted", node.described(), $what),
                            )
                            .nearest(node.text().unwrap_or_default(), Self::ALL.iter().map(|(word, ..)| *word)),
                        );
                        None
                    }
                }
            }

            fn schema(_: &mut $crate::SchemaBook) -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),*], "description": concat!($($about),*).trim() })
            }
        }
    };
}

pub(crate) use {choice, part, words};
