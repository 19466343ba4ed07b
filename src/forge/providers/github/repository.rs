//! The repository, its references, and what people may do in it.

use serde::Deserialize;

use super::{
    GitHub,
    address::part,
    decode::{self, RawAccount, malformed, nullable, sha, word},
};
use crate::{
    base::{
        reason::{Refusal, Result},
        text::excerpt,
    },
    facts::{
        account::{Account, Permission},
        repository::Repository,
    },
    forge::reasons::{ACCOUNT_MISMATCH, ADDRESS},
};

#[derive(Deserialize)]
struct RawRepository {
    id: u64,
    owner: RawAccount,
    full_name: String,
    default_branch: String,
    private: bool,
    fork: bool,
    archived: bool,
}

#[derive(Deserialize)]
struct RawReference {
    #[serde(rename = "ref")]
    name: String,
    object: RawObject,
}

#[derive(Deserialize)]
struct RawObject {
    #[serde(rename = "type")]
    kind: String,
    sha: String,
}

#[derive(Deserialize)]
struct RawPermission {
    permission: String,
    role_name: String,
    #[serde(deserialize_with = "nullable")]
    user: Option<RawAccount>,
}

#[derive(Deserialize)]
struct RawTeam {
    id: u64,
    slug: String,
}

impl GitHub {
    pub(super) fn read_repository(&self) -> Result<Repository> {
        let answer = self.line.get(&self.line.address.repo(""))?;
        let raw: RawRepository = decode::json("repository", &answer.body)?;
        Ok(Repository {
            id: raw.id,
            owner: raw.owner.account()?,
            full_name: raw.full_name,
            default_branch: raw.default_branch,
            private: raw.private,
            fork: raw.fork,
            archived: raw.archived,
        })
    }

    pub(super) fn read_tip(&self, reference: &str) -> Result<String> {
        let inside = reference
            .strip_prefix("refs/")
            .ok_or_else(|| Refusal::new(ADDRESS, format!("`{}` is no full name of a reference", excerpt(reference))))?;
        let answer = self.line.get(&self.line.address.repo(&format!("/git/ref/{}", part(inside)?)))?;
        let raw: RawReference = decode::json("reference", &answer.body)?;
        if raw.name != reference {
            return Err(malformed("reference", &format!("it is `{}`", raw.name)));
        }
        word("object type", &[("commit", ())], &raw.object.kind)?;
        sha("reference", raw.object.sha)
    }

    pub(super) fn read_permission(&self, account: &Account) -> Result<Permission> {
        let path = self.line.address.repo(&format!("/collaborators/{}/permission", part(&account.login)?));
        let raw: RawPermission = decode::json("permission", &self.line.get(&path)?.body)?;
        // The question went by login, which may be somebody else's by now; the answer is about a number.
        let user = raw.user.ok_or_else(|| malformed("permission", "it is about nobody"))?;
        if user.id != account.id {
            let message = format!("`{}` is account {} now, not {}", excerpt(&account.login), user.id, account.id);
            return Err(Refusal::new(ACCOUNT_MISMATCH, message));
        }
        let role = word("role", &Permission::ALL, &raw.role_name)?;
        // The older field knows fewer words; the two must say the same.
        let coarse = match role {
            Permission::None => "none",
            Permission::Read | Permission::Triage => "read",
            Permission::Write | Permission::Maintain => "write",
            Permission::Admin => "admin",
        };
        if raw.permission != coarse {
            return Err(malformed("permission", &format!("{} and {}", raw.permission, raw.role_name)));
        }
        Ok(role)
    }

    pub(super) fn read_account(&self, id: u64) -> Result<Account> {
        let raw: RawAccount =
            decode::json("account", &self.line.get(&self.line.address.root(&format!("/user/{id}")))?.body)?;
        if raw.id != id {
            return Err(Refusal::new(ACCOUNT_MISMATCH, format!("account {id} was asked for, {} is given", raw.id)));
        }
        raw.account()
    }

    pub(super) fn read_team(&self, id: u64, slug: &str) -> Result<Vec<Account>> {
        let path = self.line.address.root(&format!("/orgs/{}/teams/{}", self.line.address.owner(), part(slug)?));
        let team: RawTeam = decode::json("team", &self.line.get(&path)?.body)?;
        if team.id != id || team.slug != slug {
            let message = format!("team `{}` is {} now, not {id}", excerpt(slug), team.id);
            return Err(Refusal::new(ACCOUNT_MISMATCH, message));
        }
        let members: Vec<RawAccount> = self.line.list("team members", &format!("{path}/members"), None)?;
        members.into_iter().map(RawAccount::account).collect()
    }
}
