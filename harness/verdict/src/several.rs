//! A value that a field has several of, taken out of a body or a header.

use scenario::FieldValue;
use serde_json::Value;

/// A text, a number or a flag.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    /// The value of a header.
    Header(String),
    Number(i64),
    /// A whole number above those of `Number`.
    Large(u64),
    Fraction(f64),
    Flag(bool),
    Null,
}

impl Scalar {
    /// A value of a JSON text. A list or a map is compared as its text.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Flag(*flag),
            Value::String(text) => Self::Text(text.clone()),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => Self::Number(number),
                (None, Some(number), _) => Self::Large(number),
                (None, None, Some(number)) => Self::Fraction(number),
                (None, None, None) => Self::Text(number.to_string()),
            },
            Value::Null => Self::Null,
            Value::Array(_) | Value::Object(_) => Self::Text(value.to_string()),
        }
    }

    pub(crate) fn value(&self) -> FieldValue<'_> {
        match self {
            Self::Text(text) => FieldValue::Text(text),
            Self::Header(text) => FieldValue::Header(text),
            Self::Number(number) => FieldValue::Number(*number),
            Self::Large(number) => FieldValue::Large(*number),
            Self::Fraction(number) => FieldValue::Measured(*number),
            Self::Flag(flag) => FieldValue::Flag(*flag),
            Self::Null => FieldValue::Null,
        }
    }
}
