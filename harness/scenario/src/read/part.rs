//! The macros that define a piece of the language once: the type with its documentation, its reading and its schema.
//!
//! The documentation of a key ends with an example in the language's own notation: "For example `keys: 4`." The schema takes
//! it apart, and shows an example only if the reader accepts it.

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

        impl $name {
            /// Its keys with their schemas, also for where they stand among other keys.
            pub(crate) fn properties(book: &mut $crate::SchemaBook) -> Vec<$crate::Property> {
                vec![$(
                    $crate::Property::of::<$ty>(book, $crate::part!(@key $field $($key)?), concat!($($doc),*))
                        .required($crate::part!(@required $ty; $($default)?))
                        .default($crate::part!(@shown $ty; $($default)?))
                ),*]
            }
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
                    let mut object = $crate::ObjectSchema::new($what, concat!($($about),*));
                    for property in Self::properties(book) {
                        object.put(property);
                    }
                    object.finish()
                })
            }

            fn show(&self) -> Option<serde_json::Value> {
                let mut shown = serde_json::Map::new();
                $(if let Some(value) = $crate::part!(@changed self.$field, $($default)?) {
                    shown.insert($crate::part!(@key $field $($key)?).to_owned(), value);
                })*
                (!shown.is_empty()).then_some(serde_json::Value::Object(shown))
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
    (@shown $ty:ty;) => { None };
    (@shown $ty:ty; $default:expr) => {{
        let default: $ty = $default;
        $crate::Read::show(&default)
    }};
    (@changed $value:expr,) => { $crate::Read::show(&$value) };
    (@changed $value:expr, $default:expr) => {
        if $value == $default { None } else { $crate::Read::show(&$value) }
    };
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

            /// Its keys with their schemas, for choices that stand among other keys.
            pub(crate) fn properties(book: &mut $crate::SchemaBook) -> Vec<$crate::Property> {
                vec![$($crate::Property::of::<$ty>(book, $key, concat!($($doc),*))),*]
            }
        }

        impl $crate::Read for $name {
            fn read(node: &$crate::Node, problems: &mut Vec<$crate::Problem>) -> Option<Self> {
                match node.entries() {
                    Some([entry]) => Self::read_entry(entry, problems),
                    entries => {
                        let message = match entries {
                            Some(entries) => {
                                format!("{}: exactly one key is wanted, not {}", $what, entries.len())
                            }
                            None => format!("{} where {} is wanted", node.described(), $what),
                        };
                        let keys: Vec<String> = Self::KEYS.iter().map(|key| format!("`{key}`")).collect();
                        let help = format!("write a map with exactly one of: {}", keys.join(", "));
                        problems.push($crate::Problem::new(node.span, message).help(help));
                        None
                    }
                }
            }

            fn schema(book: &mut $crate::SchemaBook) -> serde_json::Value {
                book.define(stringify!($name), |book| {
                    $crate::SchemaBook::one_of($what, concat!($($about),*), Self::properties(book))
                })
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

            fn schema(book: &mut $crate::SchemaBook) -> serde_json::Value {
                let words = Self::ALL.iter().map(|(word, _, doc)| (*word, *doc));
                book.define(stringify!($name), |_| {
                    $crate::SchemaBook::words($what, concat!($($about),*), words)
                })
            }

            fn show(&self) -> Option<serde_json::Value> {
                Some(self.word().into())
            }
        }
    };
}

pub(crate) use {choice, part, words};
