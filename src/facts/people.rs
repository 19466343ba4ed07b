//! Who a commit's message names beside those who made it.

/// Returns the address in a line `Co-authored-by: Name <address>`, of whatever case its key is.
///
/// A name may hold a `<`: the last one begins the address.
#[must_use]
pub fn co_author(line: &str) -> Option<&str> {
    let (key, value) = line.split_once(':')?;
    if !key.trim().eq_ignore_ascii_case("co-authored-by") {
        return None;
    }
    let (_, rest) = value.rsplit_once('<')?;
    Some(rest.split_once('>')?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_co_authors_are_found_in_trailers() {
        assert_eq!(co_author("Co-authored-by: Ada <ada@example.com>"), Some("ada@example.com"));
        assert_eq!(co_author("CO-AUTHORED-BY:A <B> <c@d.e>"), Some("c@d.e"));
        for other in ["Signed-off-by: Ada <ada@example.com>", "Co-authored-by: ada@example.com", "", "co-authored-by"] {
            assert_eq!(co_author(other), None, "{other}");
        }
    }
}
