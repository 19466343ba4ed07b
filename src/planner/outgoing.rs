//! Texts by which a plan could carry something out: commits, tags, and what programs with network are told.
//!
//! A planner that was talked into it can pack what it read into a name or an address. What it writes there is held to
//! limits of length, and may hold no long random run. That stops what is packed, and not what is written as prose:
//! for that there are people who read the plan.

#[cfg(test)]
mod tests;

use super::{DraftRequest, reasons::PLANNER_EXFILTRATION, scan::random::entropy, taint::is_protected};
use crate::{
    base::{
        ident::is_commit_id,
        reason::{Refusal, Result},
        value::Scalar,
    },
    plan::model::{Proposal, ProposedValue, Written},
};

/// The most characters of a value.
const MAX_VALUE: usize = 2_000;
/// The most characters without white space.
const MAX_WORD: usize = 200;
/// The most ids of commits and digests in a value.
const MAX_DIGESTS: usize = 4;
/// The shortest run that counts, in letters and digits; what stands between them is not counted.
const LEAST_RUN: usize = 24;
/// The most digits in a row of letters and digits that are mostly digits.
const MAX_DIGITS: usize = 32;

/// Whether the policy lets planners write what they like where it goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Within the limits.
    Limit,
    /// Anything.
    Allow,
}

/// Refuses what a planner wrote where it goes out and what is not from the protected base, if it is over the limits.
///
/// # Errors
/// `planner.exfiltration`, with every such value by its place.
pub fn check(request: &DraftRequest<'_>, proposal: &Proposal, outgoing: Outgoing) -> Result<()> {
    if outgoing == Outgoing::Allow {
        return Ok(());
    }
    let mut found = Vec::new();
    for step in &proposal.steps {
        let pipeline = request.catalog.get(&step.pipeline)?;
        for (name, value) in step.with.iter().filter(|(name, _)| pipeline.goes_out(name)) {
            let ProposedValue::Value(Written { value: Scalar::Text(text), origin }) = value else { continue };
            let why = if is_protected(*origin) { None } else { excess(text) };
            found.extend(why.map(|why| format!("step `{}`, input `{name}`: {why}", step.id)));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let refusal = Refusal::new(PLANNER_EXFILTRATION, found.join("; "));
    Err(found.into_iter().fold(refusal, Refusal::hint))
}

/// Says which limit a text is over; nothing where it is within all.
fn excess(text: &str) -> Option<String> {
    if text.chars().count() > MAX_VALUE {
        return Some(format!("more than {MAX_VALUE} characters"));
    }
    let mut digests = 0;
    for word in text.split_whitespace() {
        if word.chars().count() > MAX_WORD {
            return Some(format!("more than {MAX_WORD} characters without a space"));
        }
        // Ids of commits and digests are random, and name what others have.
        let (ids, others): (Vec<&str>, Vec<&str>) =
            word.split(|c: char| !c.is_ascii_alphanumeric()).partition(|run| is_commit_id(run));
        digests += ids.len();
        // Joined, since a sign in between hides nothing.
        if is_packed(&others.concat()) {
            return Some("it holds a long random run of letters and digits".to_owned());
        }
    }
    (digests > MAX_DIGESTS).then(|| format!("more than {MAX_DIGESTS} ids or digests"))
}

/// Tells whether letters and digits look packed: encoded in hex, base32, base64 or as numbers.
fn is_packed(run: &str) -> bool {
    if run.len() < LEAST_RUN {
        return false;
    }
    let bytes = run.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let changes = |differ: fn(u8, u8) -> bool| bytes.windows(2).filter(|pair| differ(pair[0], pair[1])).count();
    let mixed = changes(|one, two| one.is_ascii_digit() != two.is_ascii_digit());
    let cased = changes(|one, two| class(one) != class(two));
    let numbers = digits > MAX_DIGITS;
    // Words and numbers of people change seldom from one to the other.
    let hex = digits >= 4 && mixed * 5 >= run.len() && entropy(run) >= 3.0;
    let letters = run.len() - digits;
    let vowels = bytes.iter().filter(|b| b"aeiouyAEIOUY".contains(b)).count();
    let unspeakable = digits >= 3 && vowels * 4 < letters && entropy(run) >= 3.5;
    let base64 = cased * 20 >= run.len() * 9 && entropy(run) >= 3.5;
    numbers || hex || unspeakable || base64
}

fn class(b: u8) -> u8 {
    match b {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        _ => 2,
    }
}
