//! Where a target tells its clients of an exchange: the headers of an answer, by the target's profile.

use serde::{Deserialize, Serialize};

/// The headers of an answer in which a target tells of the exchange; none where it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldHeaders {
    /// Who served it.
    pub served_by: Option<String>,
    /// What it cost.
    pub cost: Option<(String, MoneyUnit)>,
    /// How many attempts it took.
    pub attempts: Option<(String, Counting)>,
    /// The key that served it.
    pub key: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// The unit of an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyUnit {
    /// Dollars: `0.000123`.
    Usd,
    /// Millionths of a dollar: `123`.
    Micros,
}

/// What a number of attempts counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// Every attempt, the first one too.
    Attempts,
    /// Those behind the first one.
    Retries,
}
