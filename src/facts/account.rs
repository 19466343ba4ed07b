//! Who did something, as the forge knows them.

pub use crate::base::permission::Permission;

/// Who did something on a forge; the number is the identity, the login is display.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Numeric id on the forge; never used for somebody else.
    pub id: u64,
    /// Login, which may be renamed and taken by another.
    pub login: String,
    /// What kind of account it is.
    pub kind: AccountKind,
}

/// What kind of account somebody has; only a user may stand for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountKind {
    /// A user, as far as the forge says; its login must not end in `[bot]`.
    User,
    /// A program: an app, a bot, a service account, an access token's user.
    Bot,
    /// An organisation or group.
    Organization,
    /// An account that is gone or was never there: a placeholder.
    Placeholder,
}

impl Account {
    /// Tells whether the account may stand for a person.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.kind == AccountKind::User && !self.login.to_ascii_lowercase().ends_with("[bot]")
    }
}
