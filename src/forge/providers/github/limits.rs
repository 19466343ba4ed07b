//! What an answer means for the next request: go on, wait a little, or refuse with the time to come back.

use std::time::Duration;

use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
        time::Timestamp,
    },
    forge::{
        http::Answer,
        reasons::{DENIED, MISSING, RATE_LIMITED, REDIRECTED, REJECTED, UNREACHABLE},
    },
};

/// How often a read is asked at all.
pub(super) const ATTEMPTS: u32 = 3;
/// The longest that a limit of the forge makes us wait, over all of one request.
const PATIENCE: i64 = 10;

/// What an answer means.
pub(super) enum Verdict {
    /// It is an answer.
    Good,
    /// The forge did nothing and names the seconds to wait.
    Wait(Duration),
    /// The forge failed; whether it did what was asked is open.
    Failed(Refusal),
    /// The forge did nothing, and will do nothing.
    Refused(Refusal),
}

/// Judges an answer; `waited` is what this request has waited for already.
pub(super) fn judge(path: &str, answer: &Answer, waited: Duration) -> Verdict {
    let path = path.split('?').next().unwrap_or_default();
    let said = message(answer);
    let refuse = |reason, text: String| Refusal::new(reason, text).subject(path);
    match answer.status {
        200..=299 | 304 => Verdict::Good,
        301 | 302 | 303 | 307 | 308 => {
            let to = answer.header("location").unwrap_or_default();
            Verdict::Refused(refuse(REDIRECTED, format!("to `{}`", excerpt(to))))
        }
        403 | 429 if let Some(limit) = limited(answer, &said, waited) => match limit {
            Ok(wait) => Verdict::Wait(wait),
            Err(refusal) => Verdict::Refused(refusal.subject(path)),
        },
        401 => Verdict::Refused(refuse(DENIED, format!("the credentials are not taken: {said}"))),
        403 | 451 => Verdict::Refused(refuse(DENIED, said)),
        404 | 410 => Verdict::Refused(refuse(MISSING, format!("{said} ({})", answer.status))),
        500..=599 => Verdict::Failed(refuse(UNREACHABLE, format!("status {}: {said}", answer.status))),
        status => Verdict::Refused(refuse(REJECTED, format!("status {status}: {said}"))),
    }
}

/// Says whether the answer is about a limit, and then how long to wait, or that it is too long.
fn limited(answer: &Answer, said: &str, waited: Duration) -> Option<Result<Duration>> {
    let exhausted = answer.number("x-ratelimit-remaining") == Some(0);
    let secondary =
        answer.header("retry-after").is_some() || said.to_ascii_lowercase().contains("secondary rate limit");
    if answer.status != 429 && !exhausted && !secondary {
        return None;
    }
    if let Some(seconds) = answer.number("retry-after") {
        let total = seconds.saturating_add(i64::try_from(waited.as_secs()).unwrap_or(i64::MAX));
        // A pause of none would be asked for again and again.
        if (0..=PATIENCE).contains(&seconds) && total <= PATIENCE {
            return Some(Ok(Duration::from_secs(seconds.unsigned_abs())));
        }
        return Some(Err(Refusal::new(RATE_LIMITED, format!("too many requests at once: {said}"))
            .hint(format!("try again in {seconds} seconds"))));
    }
    let refusal = Refusal::new(RATE_LIMITED, format!("no requests are left: {said}"));
    Some(Err(match answer.number("x-ratelimit-reset") {
        Some(reset) if exhausted => {
            let reset = Timestamp::from_unix(reset);
            refusal.hint(format!("try again after {reset}"))
        }
        _ => refusal.hint("try again in some minutes"),
    }))
}

/// What the forge says about an answer that is none.
fn message(answer: &Answer) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        message: String,
    }
    match serde_json::from_slice::<Body>(&answer.body) {
        Ok(body) => excerpt(&body.message),
        Err(_) => "no message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn verdict(status: u16, headers: &[(&'static str, &str)], body: &str, waited: u64) -> Verdict {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        judge("/x?y", &Answer { status, headers, body: body.into() }, Duration::from_secs(waited))
    }

    fn refused(verdict: Verdict) -> (&'static str, Vec<String>) {
        match verdict {
            Verdict::Refused(refusal) => (refusal.code(), refusal.hints().map(str::to_owned).collect()),
            _ => panic!("not refused"),
        }
    }

    #[test]
    fn a_limit_with_a_short_pause_is_waited_for_and_one_with_a_long_pause_is_told() {
        assert!(matches!(verdict(429, &[("retry-after", "2")], "", 0), Verdict::Wait(wait) if wait.as_secs() == 2));
        assert!(matches!(verdict(403, &[("retry-after", "1")], "", 9), Verdict::Wait(_)));
        for (pause, waited) in [("11", 0), ("2", 9), ("-1", 0), ("9223372036854775807", 1)] {
            let (code, hints) = refused(verdict(403, &[("retry-after", pause)], "", waited));
            assert_eq!(code, "forge.rate_limited");
            assert!(hints[0].contains(pause), "{hints:?}");
        }
        let limit = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1893499200")];
        let (code, hints) = refused(verdict(403, &limit, "", 0));
        assert_eq!((code, hints[0].as_str()), ("forge.rate_limited", "try again after 2030-01-01T12:00:00Z"));
        let said = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(refused(verdict(403, &[], said, 0)).0, "forge.rate_limited");
        // The twin: a plain refusal is no limit, also where requests are left.
        assert_eq!(refused(verdict(403, &[("x-ratelimit-remaining", "7")], "", 0)).0, "forge.denied");
    }

    #[test]
    fn every_status_has_one_meaning() {
        for (status, code) in [
            (301, "forge.redirected"),
            (401, "forge.denied"),
            (404, "forge.missing"),
            (410, "forge.missing"),
            (422, "forge.rejected"),
            (100, "forge.rejected"),
        ] {
            assert_eq!(refused(verdict(status, &[], "", 0)).0, code, "{status}");
        }
        assert!(matches!(verdict(502, &[], "", 0), Verdict::Failed(_)));
        assert!(matches!(verdict(204, &[], "", 0), Verdict::Good));
    }
}
