//! `note`: what a person has to say about a plan, and its labels.

use std::{collections::BTreeSet, io::Read as _};

use serde_json::json;

use crate::{
    app::{
        files, ledger,
        named_plan::NamedPlan,
        notes::{self, listed},
        output::Outcome,
        reasons::{NOTE_LABELS, NOTE_TEXT},
        session::{self, Session},
        signer,
        world::World,
    },
    base::{
        ident::Id,
        reason::{IO, LIMIT_SIZE, Refusal, Result, USAGE, typed},
        text::{self, count},
    },
    cli::args::NoteArgs,
    ledger::{Batch, Keep, NewEntry},
    sign::{
        Duty, Envelope,
        predicate::{MAX_CHANGES, MAX_LABELS, MAX_NOTE, Note},
        statement::Subject,
    },
};

/// The most bytes that are read of a text: those of the longest note, and some white space around it.
const MAX_BYTES: usize = 5 * MAX_NOTE;

pub(super) fn run(args: &NoteArgs, world: &mut World) -> Result<Outcome> {
    let text = said(args, world)?.as_deref().map(checked).transpose()?;
    let (add, remove) = (labels(&args.label, "--label")?, labels(&args.unlabel, "--unlabel")?);
    check_changes(&add, &remove)?;
    if text.is_none() && add.is_empty() && remove.is_empty() {
        let nothing = Refusal::new(USAGE, "the note says nothing");
        return Err(nothing.hint("give a text behind the plan, or with --text, or labels with --label and --unlabel"));
    }
    let session = Session::open(world)?;
    // Whether it can still be opened, under the present policy, is no matter where somebody writes about it.
    let plan = NamedPlan::find(&args.plan, world).digest()?;
    let hand = signer::find(&args.signer, &[Duty::Approver, Duty::Planner, Duty::Root], &session, world)?;
    let mut ledger = ledger::open(&session, Keep::Nothing, world.now())?;
    let before = ledger.notes(&plan, 0, world.now())?.labels;
    let after: BTreeSet<Id> = before.difference(&remove).chain(&add).cloned().collect();
    if after.len() > MAX_LABELS {
        return Err(Refusal::new(NOTE_LABELS, format!("{} on a plan", count(after.len() as u64, "label"))));
    }
    let nonce = world.entropy.nonce()?;
    let appended = ledger
        .append(world.clock, |seen| {
            let note = Note {
                plan,
                text: text.clone(),
                add: add.iter().cloned().collect(),
                remove: remove.iter().cloned().collect(),
                noted_by: hand.actor(&session),
                nonce: nonce.clone(),
                ledger: seen.head.clone(),
                noted_at: seen.now,
            };
            let envelope = Envelope::sign(vec![Subject::new("plan", plan)], note, &[hand.signer()])?;
            Ok(Batch { entries: vec![NewEntry { envelope, at: seen.now }], objects: Vec::new() })
        })
        .map_err(|refusal| session::unknown(refusal, &plan))?;
    let seq = appended.head.seq;
    let mut shown =
        format!("noted on {plan}\n  recorded as ledger entry {seq}; it permits nothing and forbids nothing\n");
    shown.push_str(&notes::line(&after));
    let result = json!({
        "plan": plan,
        "notedBy": hand.principal.login,
        "text": text,
        "added": add,
        "removed": remove,
        "labels": after,
        "ledgerSeq": seq,
    });
    let outcome = Outcome::done(result, shown).decision("noted").about(plan.to_string());
    let absent: Vec<&Id> = remove.difference(&before).collect();
    Ok(match absent.is_empty() {
        true => outcome,
        false => outcome.note(&format!("the plan did not have the label {}", listed(absent, usize::MAX))),
    })
}

/// Returns the text as it was given: behind the plan, in a file, or on standard input.
fn said(args: &NoteArgs, world: &mut World) -> Result<Option<String>> {
    let Some(path) = &args.text else { return Ok(args.words.clone()) };
    let too_long = || Refusal::new(NOTE_TEXT, format!("more than {MAX_NOTE} characters"));
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let limit = MAX_BYTES as u64 + 1;
        let stdin = world.console.stdin.as_mut().take(limit).read_to_end(&mut bytes);
        stdin.map_err(|e| Refusal::new(IO, format!("standard input: {e}")))?;
        bytes
    } else {
        files::read(&world.cwd.join(path), MAX_BYTES)
            .map_err(|refusal| if refusal.is(LIMIT_SIZE) { too_long() } else { refusal })?
    };
    if bytes.len() > MAX_BYTES {
        return Err(too_long());
    }
    match text::utf8(&bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err((line, column)) => Err(Refusal::new(NOTE_TEXT, format!("no UTF-8 at line {line}, column {column}"))),
    }
}

/// Checks a text that goes into a note: 1 to 1,000 characters on any number of lines, nothing hidden in it.
fn checked(given: &str) -> Result<String> {
    let trimmed = given.trim();
    let length = trimmed.chars().count();
    if !(1..=MAX_NOTE).contains(&length) {
        return Err(Refusal::new(NOTE_TEXT, count(length as u64, "character")));
    }
    text::check_free(trimmed, true).map_err(|e| Refusal::new(NOTE_TEXT, e.message().to_owned()))?;
    Ok(trimmed.to_owned())
}

fn labels(given: &[String], option: &str) -> Result<BTreeSet<Id>> {
    given.iter().map(|label| typed(label, option)).collect()
}

fn check_changes(add: &BTreeSet<Id>, remove: &BTreeSet<Id>) -> Result<()> {
    let changes = add.len() + remove.len();
    if changes > MAX_CHANGES {
        let what = format!("{} at a time; a note changes at most {MAX_CHANGES}", count(changes as u64, "label"));
        return Err(Refusal::new(USAGE, what).subject("--label"));
    }
    match add.intersection(remove).next() {
        Some(both) => {
            Err(Refusal::new(USAGE, format!("`{both}` stands behind --label and --unlabel")).subject("--label"))
        }
        None => Ok(()),
    }
}
