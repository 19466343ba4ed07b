//! A reader that is asked about one plan: which entries concern it, and what is still taken of all others.
//!
//! Of the entries that a signed checkpoint covers, only those are read that may bear on the plan. All others keep
//! their place: number, time, hash and link of each are verified, and so nothing can be left out or put in. What they
//! say of other plans, and whether it was allowed to be said, is that checkpoint's word, as their signatures are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use memchr::memmem;

use super::{
    record::{DUTIES, Entry, Record},
    state::State,
};
use crate::{
    base::{digest::Digest, reason::Result},
    sign::{
        predicate::{Approval, Checkpoint, Genesis, Halt, Note, Revocation, RevocationTarget},
        statement::{Predicate, predicate_name},
    },
};

/// Kinds that bear on every plan, or name none: they are always read.
static BEAR_ON_ALL: [&str; 4] = [Genesis::NAME, Revocation::NAME, Checkpoint::NAME, Halt::NAME];

/// How much of the end of a statement is looked at for its kind, in letters of base64: enough for the type of the predicate
/// and the plan as its one subject.
const END: usize = 240;

/// The one plan that a reader asks about.
#[derive(Clone, Debug)]
pub(super) struct Focus {
    pub(super) plan: Digest,
    /// What the digest looks like in base64, beginning at each of the three places within four letters.
    mentions: [memmem::Finder<'static>; 3],
}

/// What is kept of an entry that concerns other plans only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PassedOver {
    /// The kind of the entry.
    pub(super) kind: &'static str,
    /// The version of the trust root that an approval names.
    trust_root_version: Option<u64>,
}

impl Focus {
    /// Asks about a plan.
    pub(super) fn on(plan: Digest) -> Self {
        let hex = plan.hex();
        // Without the digits at either end that share a letter of base64 with what stands beside them.
        let whole = [&hex[..63], &hex[2..62], &hex[1..]];
        Self { plan, mentions: whole.map(|digits| memmem::Finder::new(&STANDARD.encode(digits)).into_owned()) }
    }

    /// Tells whether a covered entry concerns other plans only, or bears on none, by the text of its statement in base64.
    ///
    /// A canonical statement has one way to write a digest, so what is about the plan mentions it. A note bears on no
    /// plan, not even on the one that it is about.
    pub(super) fn passes_over(&self, payload: &str) -> Option<PassedOver> {
        let payload = payload.as_bytes();
        let mentioned = self.mentions.iter().any(|mention| mention.find(payload).is_some());
        let mut end = [0; END / 4 * 3];
        let decoded = STANDARD.decode_slice(&payload[payload.len().saturating_sub(END)..], &mut end).ok()?;
        let kind = kind_about_a_plan(&end[..decoded])?;
        let trust_root_version = match kind {
            kind if BEAR_ON_ALL.contains(&kind) || mentioned && kind != Note::NAME => return None,
            Approval::NAME => Some(trust_root_version(&STANDARD.decode(payload).ok()?)?),
            _ => None,
        };
        Some(PassedOver { kind, trust_root_version })
    }

    /// Tells whether an entry that was read bears on the plan, as far as the state knows it.
    fn is_on(&self, record: &Record, state: &State) -> bool {
        match record {
            Record::Plan(record) => record.plan == self.plan || record.supersedes == Some(self.plan),
            Record::Revocation(record) => match &record.target {
                RevocationTarget::Key(_) => true,
                RevocationTarget::Plan(plan) => *plan == self.plan,
                RevocationTarget::Approval(approval) => state.approval(approval).is_some(),
            },
            other => other.plan().is_none_or(|plan| plan == self.plan),
        }
    }
}

impl State {
    /// Takes a verified entry in as [`State::apply`] does, where it bears on the plan that the reader asks about; of
    /// any other, only what bears on all.
    pub(super) fn apply_for(&mut self, focus: Option<&Focus>, entry: &Entry) -> Result<()> {
        match focus {
            Some(focus) if !focus.is_on(&entry.record, self) => {
                self.check_keys(entry)?;
                let trust_root_version = entry.record.trust_root_version();
                self.pass_over(PassedOver { kind: entry.record.kind(), trust_root_version });
                Ok(())
            }
            _ => self.apply(entry),
        }
    }

    /// Takes in what an entry about other plans says beyond them.
    pub(super) fn pass_over(&mut self, passed: PassedOver) {
        self.trust_root_version = self.trust_root_version.max(passed.trust_root_version.unwrap_or_default());
        *self.counts.entry(passed.kind).or_default() += 1;
    }
}

/// Returns the kind of a statement that ends in its kind and in a plan as its one subject, as all about one plan do.
///
/// A quote within a string of JSON stands behind a backslash, so these members are members, and the last ones.
fn kind_about_a_plan(end: &[u8]) -> Option<&'static str> {
    let subject = end.strip_suffix(b"\"},\"name\":\"plan\"}]}")?;
    let (rest, digits) = subject.split_at_checked(subject.len().checked_sub(64)?)?;
    let rest = rest.strip_suffix(b"\",\"subject\":[{\"digest\":{\"sha256\":\"").filter(|_| !digits.contains(&b'"'))?;
    let begin = memchr::memrchr(b'"', rest)? + 1;
    rest[..begin].strip_suffix(b",\"predicateType\":\"")?;
    let kind = predicate_name(std::str::from_utf8(&rest[begin..]).ok()?)?;
    DUTIES.iter().map(|(name, _)| *name).find(|name| *name == kind)
}

/// Returns the version of the trust root that an approval names.
fn trust_root_version(payload: &[u8]) -> Option<u64> {
    let member = b",\"trustRootVersion\":";
    let value = &payload[memmem::find(payload, member)? + member.len()..];
    let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&value[..digits]).ok()?.parse().ok()
}
