//! What a person or a program may be called where somebody types it: trust roots that exist are read as they are.

use crate::base::{
    reason::{Refusal, Result, USAGE},
    text::excerpt,
};

/// The most bytes of a login.
const MAX_LOGIN: usize = 100;
/// The most bytes of an address.
const MAX_EMAIL: usize = 254;

/// Refuses a login that is no name: 1 to 100 letters, digits and `. _ - @ + [ ]`, the first a letter or a digit.
///
/// # Errors
/// `usage.invalid`, which names `--login`.
pub(crate) fn check_login(login: &str) -> Result<()> {
    let fits = login.len() <= MAX_LOGIN
        && login.starts_with(|c: char| c.is_ascii_alphanumeric())
        && login.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+[]".contains(&b));
    if fits {
        return Ok(());
    }
    Err(Refusal::new(USAGE, format!("--login: `{}` is no login", excerpt(login)))
        .subject("--login")
        .hint("give 1 to 100 letters, digits and . _ - @ + [ ], the first a letter or a digit"))
}

/// Refuses what is no address: printable ASCII around one `@`.
///
/// # Errors
/// `usage.invalid`, which names `--email`.
pub(crate) fn check_email(email: &str) -> Result<()> {
    let parts: Vec<&str> = email.split('@').collect();
    let plain = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_graphic());
    if email.len() <= MAX_EMAIL && parts.len() == 2 && parts.iter().all(plain) {
        return Ok(());
    }
    Err(Refusal::new(USAGE, format!("--email: `{}` is no address", excerpt(email)))
        .subject("--email")
        .hint("give the address under which the person commits, NAME@HOST"))
}
