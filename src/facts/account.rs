//! Who did something, as the forge knows them.

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

/// What somebody may do in a repository, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Read, and order issues.
    Triage,
    /// Push.
    Write,
    /// Push, and change some settings.
    Maintain,
    /// Everything.
    Admin,
}

impl Permission {
    /// Every permission, with the word that files use for it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("none", Self::None),
        ("read", Self::Read),
        ("triage", Self::Triage),
        ("write", Self::Write),
        ("maintain", Self::Maintain),
        ("admin", Self::Admin),
    ];

    /// Returns the word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}
