//! Instants to the second in UTC, and the clock they come from.

use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::reason::{Refusal, TIME_FORMAT, TIME_LENGTH};

/// How far the clocks of two machines may differ, in seconds.
pub const SKEW: i64 = 60;

/// A second in UTC, years 1970 to 9999, written `YYYY-MM-DDTHH:MM:SSZ` and no other way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last second that has a four-digit year.
    const MAX: i64 = 253_402_300_799;

    /// Makes a timestamp from seconds since 1970-01-01T00:00:00Z, clamped to the years 1970 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(0, Self::MAX))
    }

    /// Returns seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Returns the instant `seconds` later (earlier where negative), clamped.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// Returns the seconds from `earlier` to this, negative where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_second(self.0).map_err(|_| fmt::Error)?;
        let t = jiff::tz::Offset::UTC.to_datetime(instant);
        let (year, month, day, hour, minute, second) = (t.year(), t.month(), t.day(), t.hour(), t.minute(), t.second());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(TIME_FORMAT, format!("not a time: `{}`", super::text::excerpt(text)));
        let shape = b"dddd-dd-ddTdd:dd:ddZ";
        let fits = text.len() == shape.len()
            && text.bytes().zip(shape).all(|(c, s)| if *s == b'd' { c.is_ascii_digit() } else { c == *s });
        // A leap second parses elsewhere and means another second there; it has no place here.
        if !fits || &text[17..19] == "60" {
            return Err(refuse());
        }
        // The shape is checked, so what is left to ask is the calendar.
        let number =
            |range: std::ops::Range<usize>| text[range].bytes().fold(0, |n, digit| n * 10 + i16::from(digit - b'0'));
        let small = |at: usize| number(at..at + 2) as i8;
        let civil = jiff::civil::DateTime::new(number(0..4), small(5), small(8), small(11), small(14), small(17), 0);
        let instant = civil.and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil)).map_err(|_| refuse())?;
        if !(0..=Self::MAX).contains(&instant.as_second()) {
            return Err(refuse());
        }
        Ok(Self(instant.as_second()))
    }
}

impl Timestamp {
    /// Reads the date of an HTTP message, RFC 9110 section 5.6.7, in the form that all write today.
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        let (date, "GMT") = text.rsplit_once(' ')? else { return None };
        let fields = jiff::fmt::strtime::parse("%a, %d %b %Y %H:%M:%S", date).ok()?;
        let seconds = fields.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
        (0..=Self::MAX).contains(&seconds).then_some(Self(seconds))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::spelled::deserialize(deserializer)
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
            "description": "UTC, to the second."
        })
    }
}

/// Where the time comes from: the machine, or a fixed instant in tests.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Always this instant.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the present second.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(self) -> Timestamp {
        match self {
            Self::Fixed(t) => t,
            Self::System => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_unix(i64::try_from(since.as_secs()).unwrap_or(Timestamp::MAX))
            }
        }
    }
}

/// Parses a length of time such as `90s`, `30m`, `24h` or `7d`; returns seconds, at least 1.
///
/// # Errors
/// `time.length` for any other text.
pub fn parse_duration(text: &str) -> Result<i64, Refusal> {
    let refuse = || Refusal::new(TIME_LENGTH, format!("not a length of time: `{}`", super::text::excerpt(text)));
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refuse)?;
    let scale = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(refuse()),
    };
    if number.is_empty() || number.len() > 9 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(refuse());
    }
    let seconds = number.parse::<i64>().map_err(|_| refuse())? * scale;
    if seconds == 0 { Err(refuse()) } else { Ok(seconds) }
}

/// Shows a length of time as [`parse_duration`] reads it, every unit that it needs: `30d`, `1m 30s`, `1d 12h`.
#[must_use]
pub fn shown_duration(seconds: i64) -> String {
    let mut rest = seconds.max(0);
    let mut parts = Vec::new();
    for (scale, unit) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= scale {
            parts.push(format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_message_is_read_in_the_one_form_that_all_write() {
        let date = Timestamp::from_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.to_string(), "1994-11-06T08:49:37Z");
        for bad in [
            "",
            "GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "1994-11-06T08:49:37Z GMT",
            "Wed, 06 Nov 1895 08:49:37 GMT",
        ] {
            assert_eq!(Timestamp::from_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_one_form_parses() {
        let t: Timestamp = "2026-11-20T14:45:00Z".parse().unwrap();
        assert_eq!(t.to_string(), "2026-11-20T14:45:00Z");
        for bad in [
            "2026-11-20T14:45:00z",
            "2026-11-20t14:45:00Z",
            "2026-11-20T14:45:00+00:00",
            "2026-11-20T14:45:00.0Z",
            "2026-11-20 14:45:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-20T23:59:60Z",
            "10000-01-01T00:00:00Z",
            "-001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-20T14:45Z",
            "",
        ] {
            assert_eq!(bad.parse::<Timestamp>().unwrap_err().code(), "time.format", "{bad}");
        }
    }

    proptest::proptest! {
        /// The calendar's own reader and writer say the same of every second.
        #[test]
        fn every_second_is_written_and_read_as_the_calendar_says(second in 0..=Timestamp::MAX) {
            let t = Timestamp::from_unix(second);
            let expected = jiff::Timestamp::from_second(second).unwrap();
            assert_eq!(t.to_string(), expected.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            assert_eq!(t.to_string().parse::<Timestamp>().unwrap(), t);
        }
    }

    #[test]
    fn a_length_of_time_is_shown_in_its_own_units() {
        for (seconds, shown) in
            [(0, "0s"), (59, "59s"), (90, "1m 30s"), (3600, "1h"), (129_600, "1d 12h"), (8_553_600, "99d")]
        {
            assert_eq!(shown_duration(seconds), shown);
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("90s").unwrap(), 90);
        assert_eq!(parse_duration("7d").unwrap(), 604_800);
        for bad in ["", "h", "0h", "1w", "-1h", "1.5h", "1 h", "99999999999h", "é"] {
            assert_eq!(parse_duration(bad).unwrap_err().code(), "time.length", "{bad}");
        }
    }
}
