//! How far a requirement is met: pure, and nothing to count never counts as enough.

use std::collections::BTreeMap;

use crate::base::time::{SKEW, Timestamp};

use super::requirement::{
    Candidate, Leaf, Requirement, RequirementKind, RequirementStatus, Separation, SetAside, Uncounted,
};

impl Requirement {
    /// Counts verified approvals against the requirement at the instant `now`.
    ///
    /// A leaf counts distinct people *and* distinct keys: one person with two keys fills one place, and
    /// so do two names of one key. One person may fill places of several leaves; where that is not
    /// wanted, a further leaf asks for the whole number of people. A combinator without parts, a
    /// number of 0, and a number above the parts are never met.
    #[must_use]
    pub fn status(&self, candidates: &[Candidate], now: Timestamp) -> RequirementStatus {
        match self {
            Self::AllOf(parts) => combine(
                RequirementKind::AllOf,
                u32::try_from(parts.len()).unwrap_or(u32::MAX),
                parts,
                self,
                candidates,
                now,
            ),
            Self::AnyOf(parts) => combine(RequirementKind::AnyOf, 1, parts, self, candidates, now),
            Self::KOf { k, of } => combine(RequirementKind::KOf, *k, of, self, candidates, now),
            Self::Leaf(leaf) => count(leaf, candidates, now),
        }
    }
}

impl Requirement {
    /// Tells whether some part counts a person by this very approval, and not by another of theirs.
    ///
    /// `progress` is what [`Requirement::status`] said of approvals that hold this one.
    #[must_use]
    pub fn counts(&self, candidate: &Candidate, progress: &RequirementStatus, now: Timestamp) -> bool {
        match self {
            Self::Leaf(leaf) => {
                progress.counted.contains(&candidate.principal) && objection(leaf, candidate, now).is_none()
            }
            Self::AllOf(parts) | Self::AnyOf(parts) | Self::KOf { of: parts, .. } => {
                parts.iter().zip(&progress.parts).any(|(part, progress)| part.counts(candidate, progress, now))
            }
        }
    }
}

fn combine(
    kind: RequirementKind,
    need: u32,
    parts: &[Requirement],
    whole: &Requirement,
    candidates: &[Candidate],
    now: Timestamp,
) -> RequirementStatus {
    let parts: Vec<RequirementStatus> = parts.iter().map(|part| part.status(candidates, now)).collect();
    let met = parts.iter().filter(|part| part.satisfied).count();
    let have = u32::try_from(met).unwrap_or(u32::MAX);
    let mut counted: Vec<u64> = parts.iter().flat_map(|part| part.counted.iter().copied()).collect();
    counted.sort_unstable();
    counted.dedup();
    RequirementStatus {
        kind,
        asks: whole.words(),
        satisfied: need > 0 && have >= need,
        have,
        need,
        counted,
        set_aside: Vec::new(),
        parts,
    }
}

fn count(leaf: &Leaf, candidates: &[Candidate], now: Timestamp) -> RequirementStatus {
    let mut set_aside = Vec::new();
    let mut fit = Vec::new();
    for candidate in candidates {
        match objection(leaf, candidate, now) {
            Some(why) => set_aside.push(Uncounted { principal: candidate.principal, why }),
            None => fit.push(candidate),
        }
    }
    let counted = distinct(&fit);
    for candidate in fit {
        if !counted.contains(&candidate.principal) {
            set_aside.push(Uncounted { principal: candidate.principal, why: SetAside::Again });
        }
    }
    set_aside.sort_unstable();
    set_aside.dedup();
    let have = u32::try_from(counted.len()).unwrap_or(u32::MAX);
    RequirementStatus {
        kind: RequirementKind::People,
        asks: leaf.words(),
        satisfied: leaf.people > 0 && have >= leaf.people,
        have,
        need: leaf.people,
        counted,
        set_aside,
        parts: Vec::new(),
    }
}

fn objection(leaf: &Leaf, candidate: &Candidate, now: Timestamp) -> Option<SetAside> {
    if !candidate.method.is_of_people() {
        Some(SetAside::Policy)
    } else if leaf.barred.contains(&candidate.principal) {
        Some(SetAside::Agent)
    } else if candidate.is_author && leaf.separation == Separation::Strict {
        Some(SetAside::Author)
    } else if !leaf.roles.is_empty() && leaf.roles.is_disjoint(&candidate.roles) {
        Some(SetAside::Role)
    } else if !leaf.methods.is_empty() && !leaf.methods.contains(&candidate.method) {
        Some(SetAside::Method)
    } else if candidate.approved_at > now.plus(SKEW) {
        Some(SetAside::NotYet)
    } else if now.since(candidate.approved_at) > leaf.within_seconds {
        Some(SetAside::TooOld)
    } else {
        None
    }
}

/// Returns the most people that can be paired with keys so that no key stands for two of them.
fn distinct(fit: &[&Candidate]) -> Vec<u64> {
    let mut keys_of: BTreeMap<u64, Vec<&[u8; 32]>> = BTreeMap::new();
    for candidate in fit {
        keys_of.entry(candidate.principal).or_default().push(candidate.key.as_bytes());
    }
    let mut holder: BTreeMap<&[u8; 32], u64> = BTreeMap::new();
    for &principal in keys_of.keys() {
        let mut tried = Vec::new();
        pair(principal, &keys_of, &mut holder, &mut tried);
    }
    let mut counted: Vec<u64> = holder.into_values().collect();
    counted.sort_unstable();
    counted
}

/// Finds the person a key, moving those who hold one already to another of theirs where that helps.
fn pair<'k>(
    principal: u64,
    keys_of: &BTreeMap<u64, Vec<&'k [u8; 32]>>,
    holder: &mut BTreeMap<&'k [u8; 32], u64>,
    tried: &mut Vec<&'k [u8; 32]>,
) -> bool {
    for &key in keys_of.get(&principal).map(Vec::as_slice).unwrap_or_default() {
        if tried.contains(&key) {
            continue;
        }
        tried.push(key);
        let free = match holder.get(key) {
            None => true,
            Some(&other) => pair(other, keys_of, holder, tried),
        };
        if free {
            holder.insert(key, principal);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::{digest::Digest, ident::Id, method::Method};

    fn id(text: &str) -> Id {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn leaf(people: u32, roles: &[&str]) -> Requirement {
        Requirement::Leaf(Leaf {
            people,
            roles: roles.iter().map(|role| id(role)).collect(),
            methods: BTreeSet::new(),
            separation: Separation::Strict,
            within_seconds: 3600,
            barred: BTreeSet::from([99]),
        })
    }

    fn by(principal: u64, key: &str, roles: &[&str]) -> Candidate {
        Candidate {
            principal,
            key: Digest::of(key.as_bytes()),
            roles: roles.iter().map(|role| id(role)).collect(),
            method: Method::Key,
            approved_at: now().plus(-60),
            is_author: false,
        }
    }

    #[test]
    fn a12_one_key_under_two_names_and_two_keys_of_one_person_fill_one_place() {
        let two = leaf(2, &[]);
        assert_eq!(two.status(&[by(1, "a", &[]), by(2, "a", &[])], now()).have, 1);
        assert_eq!(two.status(&[by(1, "a", &[]), by(1, "b", &[])], now()).have, 1);
        assert!(two.status(&[by(1, "a", &[]), by(2, "b", &[])], now()).satisfied);
    }

    #[test]
    fn b19_people_and_keys_are_paired_as_far_as_they_go() {
        let three = leaf(3, &[]);
        // Three people and three keys, but two of the people share their only key.
        let shared = [by(1, "a", &[]), by(2, "a", &[]), by(3, "b", &[]), by(3, "c", &[])];
        assert_eq!(three.status(&shared, now()).have, 2);
        // The first person has another key, and so everybody has one.
        let enough = [by(1, "a", &[]), by(1, "c", &[]), by(2, "a", &[]), by(3, "c", &[]), by(3, "b", &[])];
        assert!(three.status(&enough, now()).satisfied);
    }

    #[test]
    fn a26_an_approval_counts_from_a_minute_ahead_to_its_last_second() {
        let aged = |seconds: i64| {
            let mut candidate = by(1, "a", &[]);
            candidate.approved_at = now().plus(-seconds);
            leaf(1, &[]).status(&[candidate], now()).satisfied
        };
        assert!(aged(-60) && !aged(-61), "a clock may be a minute ahead");
        assert!(aged(3_600) && !aged(3_601), "the requirement is within an hour");
    }

    #[test]
    fn b20_a_number_of_none_is_never_met() {
        assert!(!leaf(0, &[]).status(&[by(1, "a", &[])], now()).satisfied);
        assert!(!Requirement::KOf { k: 0, of: vec![leaf(1, &[])] }.status(&[by(1, "a", &[])], now()).satisfied);
        assert!(!Requirement::KOf { k: 2, of: vec![leaf(1, &[])] }.status(&[by(1, "a", &[])], now()).satisfied);
    }

    #[test]
    fn b21_nothing_to_count_is_never_enough() {
        assert!(!leaf(1, &[]).status(&[], now()).satisfied);
        for empty in [Requirement::AllOf(vec![]), Requirement::AnyOf(vec![]), Requirement::KOf { k: 1, of: vec![] }] {
            assert!(!empty.status(&[by(1, "a", &[])], now()).satisfied, "{empty:?}");
        }
    }

    #[test]
    fn those_who_do_not_count_are_set_aside_with_the_reason() {
        let Requirement::Leaf(mut asked) = leaf(1, &["lead"]) else { panic!("not a leaf") };
        asked.methods.insert(Method::Key);
        let requirement = Requirement::Leaf(asked);
        let mut policy = by(1, "a", &["lead"]);
        policy.method = Method::Policy;
        let mut author = by(2, "b", &["lead"]);
        author.is_author = true;
        let mut old = by(4, "d", &["lead"]);
        old.approved_at = now().plus(-3601);
        let mut early = by(5, "e", &["lead"]);
        early.approved_at = now().plus(61);
        let mut other = by(6, "f", &["lead"]);
        other.method = Method::Comment;
        let status = requirement
            .status(&[policy, author, by(3, "c", &["owner"]), old, early, other, by(99, "g", &["lead"])], now());
        assert!(!status.satisfied);
        assert_eq!(
            status.set_aside.iter().map(|one| (one.principal, one.why)).collect::<Vec<_>>(),
            [
                (1, SetAside::Policy),
                (2, SetAside::Author),
                (3, SetAside::Role),
                (4, SetAside::TooOld),
                (5, SetAside::NotYet),
                (6, SetAside::Method),
                (99, SetAside::Agent),
            ]
        );
    }

    #[test]
    fn combinators_count_their_parts() {
        let tree = Requirement::AllOf(vec![
            leaf(1, &["owner"]),
            Requirement::KOf { k: 1, of: vec![leaf(1, &["lead"]), leaf(2, &[])] },
        ]);
        assert!(!tree.status(&[by(1, "a", &["owner"])], now()).satisfied);
        assert!(tree.status(&[by(1, "a", &["owner"]), by(2, "b", &["lead"])], now()).satisfied);
        assert!(tree.status(&[by(1, "a", &["owner"]), by(2, "b", &[])], now()).satisfied);
        let status = tree.status(&[by(1, "a", &["owner"])], now());
        assert_eq!((status.have, status.need, status.parts.len()), (1, 2, 2));
        assert!(
            Requirement::AnyOf(vec![leaf(2, &[]), leaf(1, &["owner"])])
                .status(&[by(1, "a", &["owner"])], now())
                .satisfied
        );
    }

    #[test]
    fn a_gate_leaves_only_its_methods() {
        let ssh = leaf(1, &[]).limited_to(&[Method::Ssh, Method::Policy]).unwrap();
        assert!(!ssh.status(&[by(1, "a", &[])], now()).satisfied);
        assert_eq!(leaf(1, &[]).limited_to(&[Method::Policy]), None);
        assert_eq!(ssh.limited_to(&[Method::Key]), None);
    }
}
