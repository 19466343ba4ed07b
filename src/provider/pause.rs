//! How long a provider wants to be left alone.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Returns the time that `Retry-After` names: in seconds, or as a date, which is held against the answer's own.
///
/// Source: RFC 9110, section 10.2.3.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if value.chars().all(|c| c.is_ascii_digit()) && !value.is_empty() {
        // A number that is too large is a wait that is too long.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = rfc2822::parse(value).ok()?.timestamp();
    let now = rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok()?.timestamp();
    Some(Duration::from_secs(u64::try_from(until.as_second() - now.as_second()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn seconds(after: &'static str, date: Option<&'static str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(after));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        asked(&headers).map(|pause| pause.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood_without_a_clock() {
        let (now, later) = ("Fri, 31 Dec 1999 23:59:50 GMT", "Fri, 31 Dec 1999 23:59:59 GMT");
        assert_eq!(seconds("7", None), Some(7));
        assert_eq!(seconds("0", None), Some(0));
        assert_eq!(seconds("99999999999999999999999", None), Some(u64::MAX));
        assert_eq!(seconds(later, Some(now)), Some(9));
        assert_eq!(seconds(now, Some(later)), Some(0));
        for odd in ["", "-1", "soon", "1.5"] {
            assert_eq!(seconds(odd, Some(now)), None, "{odd}");
        }
        assert_eq!(seconds(later, None), None);
    }
}
