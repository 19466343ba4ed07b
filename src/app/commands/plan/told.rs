//! What `plan` says of a plan that was drafted.

use serde_json::json;

use super::Drafted;
use crate::{
    app::{
        output::Outcome,
        session::{Session, short},
    },
    base::{
        digest::Digest,
        shell,
        text::{count, visible},
    },
    cli::{args::PlanArgs, outputs::is_stdout},
};

/// Says what was drafted, whether it is recorded, and what comes next.
pub(super) fn shown(args: &PlanArgs, drafted: &Drafted, seq: Option<u64>, session: &Session) -> Outcome {
    let Drafted { plan, directive, seed, notes, since, .. } = drafted;
    let document = plan.plan();
    let here = session.checkout.workdir().join(directive.path().as_str());
    let stale = std::fs::read(&here).is_ok_and(|bytes| Digest::of(&bytes) != directive.digest());
    let mut text = format!(
        "plan {}\n  {} · {} · effect {} · expires {}\n",
        plan.digest(),
        visible(directive.title()),
        count(document.steps.len(), "step"),
        document.effect.word(),
        document.expires_at,
    );
    if stale {
        text.push_str(&format!(
            "  note: {} differs in your work tree; the plan uses {}\n",
            directive.path(),
            match document.directive.commit == document.subject.base_sha {
                true => format!("{} ({})", document.subject.base_ref, short(&document.subject.base_sha)),
                false => format!("the change request ({})", short(&document.directive.commit)),
            },
        ));
    }
    for note in notes {
        text.push_str(&format!("  note: {}\n", visible(note)));
    }
    if let Some(since) = since {
        text.push_str(&format!("since revision {}:\n{since}\n", document.revision.saturating_sub(1)));
    }
    let file = args.out.as_deref().filter(|out| !is_stdout(out));
    let named = match (file, args.draft) {
        (Some(file), _) => shell::path(file),
        // A draft is on no ledger, so that its digest finds nothing.
        (None, true) => "FILE".to_owned(),
        (None, false) => plan.digest().to_string(),
    };
    text.push_str(&match seq {
        Some(seq) => format!("  recorded as ledger entry {seq}\nnext: countersign review {named}\n"),
        None if args.draft => format!("  a draft; next: countersign propose {named}\n"),
        None => "  not recorded: nobody can approve it\n".to_owned(),
    });
    let result = json!({
        "planDigest": plan.digest(),
        "planPath": args.out.as_ref().map(|out| out.display().to_string()),
        "directive": directive.name(),
        "steps": document.steps.len(),
        "effect": document.effect.word(),
        "revision": document.revision,
        "parent": document.parent,
        "createdAt": document.created_at,
        "expiresAt": document.expires_at,
        "planner": document.planner.kind,
        "model": document.planner.model,
        "usage": document.planner.usage,
        "notes": notes,
        "changes": since,
        "seed": hex::encode(seed),
        "ledgerSeq": seq,
    });
    Outcome::done(result, text).about(plan.digest().to_string()).plan(plan)
}
