//! What the drafting of a plan used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the model was paid for one plan: all its questions together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Usage {
    /// Tokens that were sent, those that a provider had in its cache included.
    pub input_tokens: u64,
    /// Of the tokens sent, those that a provider read from its cache; none where nobody said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cached_tokens: Option<u64>,
    /// Of the tokens sent, those that a provider wrote to its cache; none where nobody said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cache_write_tokens: Option<u64>,
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
        // Nothing can be read from a cache, or written to one, that was not sent.
        let of_cache = self.cached_tokens.unwrap_or(0).checked_add(self.cache_write_tokens.unwrap_or(0));
        let within = of_cache.is_some_and(|tokens| tokens <= self.input_tokens);
        small
            && within
            && self.money_micros.is_some() == self.currency.is_some()
            && self.currency.as_ref().is_none_or(letters)
    }

    /// Returns the same usage with every number small enough for a plan.
    #[must_use]
    pub fn clamped(self) -> Self {
        let input_tokens = self.input_tokens.min(MAX);
        let (cached_tokens, cache_write_tokens) = of_cache(input_tokens, self.cached_tokens, self.cache_write_tokens);
        Self {
            input_tokens,
            cached_tokens,
            cache_write_tokens,
            output_tokens: self.output_tokens.min(MAX),
            requests: self.requests.min(MAX),
            millis: self.millis.min(MAX),
            money_micros: self.money_micros.map(|money| money.min(MAX)),
            ..self
        }
    }
}

/// Bounds what is told of a provider's cache, read and written, by the tokens that were sent.
///
/// Where both together are more, what was written counts first: it is what costs more.
#[must_use]
pub fn of_cache(sent: u64, read: Option<u64>, written: Option<u64>) -> (Option<u64>, Option<u64>) {
    let written = written.map(|tokens| tokens.min(sent));
    let left = sent - written.unwrap_or(0);
    (read.map(|tokens| tokens.min(left)), written)
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
    fn usage(input: u64, cached: Option<u64>, written: Option<u64>) -> Usage {
        Usage {
            input_tokens: input,
            cached_tokens: cached,
            cache_write_tokens: written,
            output_tokens: 1,
            estimated: false,
            requests: 1,
            millis: 1,
            money_micros: None,
            currency: None,
        }
    }

    #[test]
    fn we20_no_more_comes_from_a_cache_than_was_sent() {
        for (input, cached, written, fits) in [
            (10, None, None, true),
            (10, Some(10), None, true),
            (10, Some(4), Some(6), true),
            (10, Some(11), None, false),
            (10, Some(5), Some(6), false),
            (10, Some(u64::MAX), Some(u64::MAX), false),
        ] {
            let usage = usage(input, cached, written);
            assert_eq!(usage.is_in_form(), fits, "{usage:?}");
            assert!(usage.clamped().is_in_form());
        }
    }

    #[test]
    fn we24_a_usage_without_a_cache_has_the_bytes_that_it_always_had() {
        let text = serde_json::to_string(&usage(10, None, None)).unwrap();
        assert_eq!(text, r#"{"inputTokens":10,"outputTokens":1,"estimated":false,"requests":1,"millis":1}"#);
        assert_eq!(serde_json::from_str::<Usage>(&text).unwrap(), usage(10, None, None));
        for bad in ["-1", "\"5\"", "1.5"] {
            let text = text.replace("\"outputTokens\"", &format!("\"cachedTokens\":{bad},\"outputTokens\""));
            assert!(serde_json::from_str::<Usage>(&text).is_err(), "{text}");
        }
    }
}
