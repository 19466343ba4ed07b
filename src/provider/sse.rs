//! Server-sent events, read from all bytes of a stream.

/// Returns the data of every event that is whole: one whose blank line is there.
///
/// Lines end with CR, LF or both; comments, names, ids and times to come back do not count.
/// Source: HTML Living Standard, section 9.2.6.
pub(super) fn events(stream: &str) -> Vec<String> {
    let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream);
    let mut events = Vec::new();
    let mut data: Option<String> = None;
    let mut rest = stream;
    // What stands behind the last end of a line is no line yet.
    while let Some(end) = rest.find(['\r', '\n']) {
        let line = &rest[..end];
        let after = &rest[end..];
        rest = after.strip_prefix("\r\n").unwrap_or(&after[1..]);
        if line.is_empty() {
            events.extend(data.take());
        } else if let Some(value) = field(line) {
            match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => data = Some(value.to_owned()),
            }
        }
    }
    events
}

/// Returns what a line adds to the data of its event.
fn field(line: &str) -> Option<&str> {
    let value = match line.strip_prefix("data")? {
        "" => "",
        rest => rest.strip_prefix(':')?,
    };
    Some(value.strip_prefix(' ').unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_the_standard_says() {
        assert_eq!(events("data: a\n\ndata: b\n\n"), ["a", "b"]);
        assert_eq!(events("\u{feff}: comment\r\nevent: x\r\ndata: a\r\ndata:b\r\n\r\n"), ["a\nb"]);
        assert_eq!(events("data: a\r\rid: 1\rretry: 5\r\rdata\r\r"), ["a", ""]);
        assert_eq!(events("data:  two spaces\n\n"), [" two spaces"]);
        assert_eq!(events("database: x\n\n"), Vec::<String>::new());
    }

    #[test]
    fn an_event_that_is_not_whole_does_not_count() {
        for cut in ["data: a\n\ndata: b", "data: a\n\ndata: b\n"] {
            assert_eq!(events(cut), ["a"]);
        }
    }
}
