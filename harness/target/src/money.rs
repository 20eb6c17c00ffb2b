//! Amounts of money as targets write them, in the units of profiles.

use crate::profile::MoneyUnit;

/// The millionths of a dollar in a number. `None` if it is no number, or too large for an amount of money.
pub(crate) fn micros(text: &str, unit: MoneyUnit) -> Option<i64> {
    record::money_micros(text, unit.into())
}

impl From<MoneyUnit> for record::MoneyUnit {
    fn from(unit: MoneyUnit) -> Self {
        match unit {
            MoneyUnit::Usd => Self::Usd,
            MoneyUnit::Micros => Self::Micros,
        }
    }
}
