//! What the drafting of a plan used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the model was paid for one plan: all its questions together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Usage {
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that came back.
    pub output_tokens: u64,
    /// Whether some of the tokens are an estimate by bytes, since the provider does not say.
    pub estimated: bool,
    /// Requests, repeated ones included.
    pub requests: u64,
    /// What the provider took, in milliseconds.
    pub millis: u64,
    /// What it cost, in millionths of `currency`; none where no price is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub money_micros: Option<u64>,
    /// Three upper-case letters; there where `moneyMicros` is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
}

/// The largest number that a plan may hold.
const MAX: u64 = (1 << 53) - 1;

impl Usage {
    /// Tells whether every field is in its one form.
    #[must_use]
    pub fn is_in_form(&self) -> bool {
        let numbers = [self.input_tokens, self.output_tokens, self.requests, self.millis];
        let small = numbers.into_iter().chain(self.money_micros).all(|number| number <= MAX);
        let letters = |currency: &String| currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
        small && self.money_micros.is_some() == self.currency.is_some() && self.currency.as_ref().is_none_or(letters)
    }

    /// Returns the same usage with every number small enough for a plan.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            input_tokens: self.input_tokens.min(MAX),
            output_tokens: self.output_tokens.min(MAX),
            requests: self.requests.min(MAX),
            millis: self.millis.min(MAX),
            money_micros: self.money_micros.map(|money| money.min(MAX)),
            ..self
        }
    }
}

/// Writes millionths as a decimal number without needless zeros, such as `0.0125`.
#[must_use]
pub fn decimal(micros: u64) -> String {
    let (whole, part) = (micros / 1_000_000, micros % 1_000_000);
    let digits = format!("{part:06}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { whole.to_string() } else { format!("{whole}.{digits}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_exactly() {
        for (micros, shown) in [(0, "0"), (12_500, "0.0125"), (1_000_000, "1"), (1_000_001, "1.000001")] {
            assert_eq!(decimal(micros), shown);
        }
    }
}
