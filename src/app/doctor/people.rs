//! People of the trust root, against the accounts that have their numbers now.

use super::{
    line::{Line, Standing, holds},
    pages::Pages,
    seen::SeenPerson,
};
use crate::{base::permission::Permission, forge::reasons::MISSING};

/// Judges every person: the number decides, the login is for display and yet should be the same.
pub(super) fn judge(people: &[SeenPerson], least: Permission, pages: &Pages) -> Vec<Line> {
    people
        .iter()
        .flat_map(|person| [Some(account(person, pages)), permission(person, least, pages)])
        .flatten()
        .collect()
}

fn account(person: &SeenPerson, pages: &Pages) -> Line {
    let listed = &person.principal;
    let line = |standing, what: String| Line::new("principal.account", subject(person), standing, what);
    let (line, fix) = match &person.account {
        Err(refusal) if refusal.is(MISSING) => (
            line(Standing::Missing, "there is no such account any more".to_owned()),
            "revoke their keys: countersign keys revoke",
        ),
        Err(refusal) => (Line::unread("principal.account", subject(person), refusal), ""),
        Ok(found) if !found.is_person() => (
            line(Standing::Missing, format!("`{}` is no person, and the trust root says that it is", found.login)),
            "revoke their keys, and enrol the person's own account: countersign keys enrol",
        ),
        // Case is no rename: logins are compared without it.
        Ok(found) if !found.login.eq_ignore_ascii_case(&listed.login) => (
            line(Standing::Weak, format!("the login is `{}` now; another may take the old one", found.login)),
            "look whether it is the same person, and enrol them under the new login",
        ),
        Ok(found) => (line(Standing::Ok, format!("`{}`", found.login)), ""),
    };
    line.fix(fix, pages.access())
}

fn permission(person: &SeenPerson, least: Permission, pages: &Pages) -> Option<Line> {
    let line = match person.permission.as_ref()? {
        Err(refusal) => Line::unread("principal.permission", subject(person), refusal),
        Ok(found) => {
            let what = format!("may `{}`, the policy asks for `{}`", found.word(), least.word());
            Line::new("principal.permission", subject(person), holds(*found >= least, Standing::Weak), what)
        }
    };
    let fix = "give the account that role in the repository, or revoke what it holds: its approvals count nothing";
    Some(line.fix(fix, pages.access()))
}

fn subject(person: &SeenPerson) -> String {
    format!("{} ({})", person.principal.login, person.principal.id)
}
