//! Why something of git could not be written, where libgit2 has no words for it.

use std::{io::Write as _, path::Path};

use git2::Error;

/// What libgit2 says where it gave up and noted nothing.
const NOTHING_SAID: [&str; 2] = ["", "no error"];
/// How much is written to find out whether anything can be.
const PROBE: usize = 16 * 1024;

/// Says that something could not be written, and why: in libgit2's words, or where it has none, in those of the operating
/// system.
///
/// `folder` is where it would have been written.
#[must_use]
pub fn failed(what: &str, folder: &Path, error: &Error) -> String {
    let place = folder.display();
    match error.message() {
        said if !NOTHING_SAID.contains(&said) => format!("{what} could not be written: {said}"),
        _ => match probe(folder) {
            Err(why) => format!("{what} could not be written in `{place}`: {why}"),
            Ok(()) => format!("{what} could not be written in `{place}`, and git does not say why"),
        },
    }
}

/// Writes a little where a lot could not be, and takes it away again.
fn probe(folder: &Path) -> std::io::Result<()> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; PROBE])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use git2::{ErrorClass, ErrorCode};

    use super::*;

    fn error(message: &str) -> Error {
        Error::new(ErrorCode::GenericError, ErrorClass::None, message)
    }

    #[test]
    fn what_git_says_is_kept_and_where_it_says_nothing_the_system_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let said = failed("an object", &gone, &error("failed to write out file: No space left on device"));
        assert_eq!(said, "an object could not be written: failed to write out file: No space left on device");
        let asked = failed("an object", &gone, &error("no error"));
        assert!(asked.contains("gone`: No such file or directory"), "{asked}");
        let silent = failed("an object", folder.path(), &error("no error"));
        assert!(silent.ends_with("and git does not say why"), "{silent}");
    }
}
