//! Reason codes of the commands, and the list of all codes.

use crate::{base::reason::Reason, reasons};

reasons! {
    EVENT_FORM = "event.form", Usage, "the event's file is not what the forge writes", "give the file that GITHUB_EVENT_PATH names";
    VARIABLE_UNREADABLE = "variable.unreadable", Usage, "a variable of Countersign's cannot be read, and might forbid what would be done", "set it to text in UTF-8, or unset it";
    FILE_UNREADABLE = "file.unreadable", Usage, "a file that was named cannot be read", "name a regular file that is there and that you may read";
    OUTPUT_LINK = "output.link", Usage, "a file would be written through a symbolic link", "put a real folder or nothing in its place: a link may lead out of the repository";
    NOT_SET_UP = "setup.missing", Usage, "the repository is not set up", "run `countersign init`, review what it wrote, and commit it";
    ALREADY_SET_UP = "setup.exists", Usage, "the repository is set up already", "use `countersign keys` to change who is in the trust root and with which keys; whether it names a forge stays as it was set up";
    FORGE_NONE = "forge.none", Usage, "the repository was set up without a forge", "whether there is a forge is said when a repository is set up, and stays";
    UNCOMMITTED = "setup.uncommitted", Usage, "a file is not at the protected base commit", "commit it to the base branch: nothing is read from the work tree";
    DIRECTIVE_TWICE = "directive.name_twice", Verification, "two directives have one name, and rules and people know them by that", "rename one of them";
    DIRECTIVE_MISSING = "directive.missing", Usage, "there is no such directive at the base commit", "see `countersign directives list`";
    DEFINITION_INVALID = "definition.invalid", Usage, "a directive, pipeline, policy or input is not valid", "put the places named right";
    WORK_TREE_LINK = "worktree.link", Usage, "a part of a path in the repository is a symbolic link, and links are never followed", "put the file itself in the place of the link";
    WORK_TREE_FILE = "worktree.file", Usage, "something lies where a file or a folder is needed, and is none", "put the file or folder that is needed there";
    PIPELINE_MISSING = "pipeline.missing", Usage, "there is no such pipeline", "see `countersign pipelines list`";
    INPUT_FORM = "input.form", Usage, "an input is not given as name=value", "write -i name=value";
    INPUT_EDITED = "input.edited", Stale, "a text that a planner would be told was edited after it was asked for", "read what it says now, and ask again";
    KEY_AMBIGUOUS = "key.ambiguous", Usage, "it is not clear which key is to sign", "name one with --key or --ssh";
    KEY_NONE = "key.missing", Usage, "none of your keys may sign this", "see `countersign keys show`; have a key enrolled with the duty";
    PLAN_UNKNOWN = "plan.unknown", Usage, "there is no such plan", "give the plan's file, or a digest that `countersign list` shows, of which the first 8 digits are enough";
    PLAN_AMBIGUOUS = "plan.ambiguous", Usage, "several plans have a digest that begins so", "give more of its digits, or all";
    PLAN_DENIED = "policy.denied_plan", Refused, "the policy denies the plan", "see `countersign policy explain PLAN`";
    REJECTED_AT_TERMINAL = "approval.rejected", Refused, "the plan was rejected at the terminal", "draft a new plan";
    REASON_LENGTH = "reason.length", Usage, "a reason is empty, too long, or holds unsafe characters", "give one line of 1 to 1,000 characters";
    NOTE_TEXT = "note.text", Usage, "the text of a note is empty, too long, or holds unsafe characters", "give 1 to 1,000 characters in UTF-8; lines end in a line feed";
    NOTE_LABELS = "note.labels", Usage, "the plan would have too many labels", "a plan has at most 50; take some off with --unlabel";
    RUN_UNKNOWN = "run.unknown", Usage, "there is no such run", "see `countersign history`";
    RUN_LIVE = "run.live", Contended, "a process of this machine is carrying the run out", "wait for it, or stop it with an interrupt; `countersign status RUN` says where it is";
    NOTHING_TO_RESOLVE = "resolve.nothing", Usage, "the step's outcome is not unknown", "see `countersign status RUN`";
    NOTHING_HALTED = "halt.nothing", Usage, "nothing is halted", "see `countersign status`";
    EXPIRY_TOO_LONG = "expiry.too_long", Usage, "the time asked for is longer than directive or policy allow", "ask for less";
    BUNDLE_MALFORMED = "bundle.malformed", Verification, "the bundle is not complete, or its parts do not fit", "make it again with `countersign bundle`";
    OUTPUT_UNWRITABLE = "output.unwritable", Usage, "a file that was asked for cannot be written where it was named", "name a file in a folder that exists and that you may write to";
    OUTPUT_EXISTS = "output.exists", Usage, "a file that would be written is there already", "remove it, or name another";
    CHECKS_FOUND = "check.findings", Usage, "the check found something", "put the places named right";
    SCHEMA_UNKNOWN = "schema.unknown", Usage, "there is no such format", "see `countersign schema` for the list";
    PLAN_ARTIFACT = "plan.artifact", Verification, "what was asked and answered for a plan is not beside its file", "keep the folder `FILE.asked` with the draft; without it nobody can see later what was asked";
    REASON_UNKNOWN = "reasons.unknown", Usage, "there is no such reason code", "see `countersign reasons` for the list";
    RUN_FAILED = "run.failed", StepFailed, "a step failed", "see `countersign status RUN`; after a repair, `countersign execute PLAN --resume RUN`";
    RUN_INDETERMINATE = "run.indeterminate", Indeterminate, "nobody knows how a step ended", "look what happened, then `countersign resolve`";
    DOCTOR_FINDINGS = "doctor.findings", Usage, "something on this machine is not as it must be", "each line says what to do";
    DOCTOR_UNPROTECTED = "doctor.unprotected", Refused, "a protection on the forge is not there, or can be passed by", "each line says what to do, and on which page";
    DOCTOR_UNREAD = "doctor.unread", Verification, "a protection on the forge could not be read, which is never taken for good", "use a token that may read the settings: the line `token.reach` says which";
    RUNNER_FILE = "runner.file_unsafe", Usage, "a file that takes outputs or a summary is not a plain file of ours", "let the runner set the variable; `--ci none` writes neither";
    RUNNER_EXPOSED = "runner.filecommand_exposed", Refused, "a file by which the runner takes orders lies where a step may write", "check out into a folder of its own, apart from the runner's";
    RUNNER_TAMPERED = "runner.filecommand_tampered", Verification, "a file by which the runner takes orders changed during a step", "find out what wrote to it; no later step of the job may be trusted";
    ACTION_INPUT = "action.input", Usage, "an input of the CI step does not fit", "see the inputs in the `action.yml` of the step";
    ACTION_VERSION = "action.version", Usage, "the CI step asks for another version than the one that is installed", "pin the action at the release that has the version";
    CONFIG_KEY = "config.holds_key", Usage, "a configuration holds a key", "take it out, and make a new key where others may have seen this one; name a variable (`key: {env: NAME}`) or a file instead";
    CONFIG_PLACE = "config.place", Usage, "a field stands in a file that may not set it", "set it in your own config.yml; `countersign config show` names the files and what each sets";
    CONFIG_VALUE = "config.value", Usage, "a value of the configuration does not fit", "`countersign schema config` has each field and what it takes";
    CONFIG_KEY_ENDPOINT = "config.key_endpoint", Refused, "the project's file alone says where your key would go", "if that is right, say it yourself: --endpoint URL, or `key` or `endpoint` in your own config.yml";
    CONFIG_KEY_FILE = "config.key_file", Refused, "the file of a key is not private, or no text", "chmod 600 it, and let it hold the key and nothing else";
    PROVIDERS_MISSING = "providers.missing", Usage, "something that the provider needs is not there", "each line says what";
    PLANNER_OVERPRIVILEGED = "planner.overprivileged", Refused, "the environment of a planner holds what a planner must not have", "plan in a job that has the key of its model and nothing else";
    PLANNER_UNTRUSTED = "planner.untrusted_trigger", Refused, "whoever set the job off may not have a planner asked", "let somebody start it who may do what `gates.permission` of the policy asks for; programs never may";
    REQUEST_BRANCH = "change.branch", Usage, "there is no branch to open a change request for", "check a branch out that is not the base, or name one with --branch";
    REQUEST_UNPUSHED = "change.unpushed", Stale, "the branch on the forge is not at the commit that is here", "push it: `git push -u origin HEAD`";
    TRY_FAILED = "try.failed", StepFailed, "the trial did not come to its end", "the line above says which stage refused, and why";
}

/// Returns every reason code of every room, in order of the code.
#[must_use]
pub fn all() -> Vec<Reason> {
    let rooms: [&[Reason]; 21] = [
        ALL,
        super::keys::reasons::ALL,
        crate::approval::reasons::ALL,
        crate::base::launch::ALL,
        crate::base::reason::ALL,
        crate::base::value::ALL,
        crate::base::yaml::ALL,
        crate::directive::reasons::ALL,
        crate::execute::reasons::ALL,
        crate::forge::reasons::ALL,
        crate::ledger::reasons::ALL,
        crate::pipeline::reasons::ALL,
        crate::plan::reasons::ALL,
        crate::plan::view::reasons::ALL,
        crate::planner::reasons::ALL,
        crate::policy::reasons::ALL,
        crate::provider::reasons::ALL,
        crate::review::reasons::ALL,
        crate::sign::reasons::ALL,
        crate::step::reasons::ALL,
        crate::verify::reasons::ALL,
    ];
    let mut reasons: Vec<Reason> = rooms.concat();
    reasons.sort_by_key(|reason| reason.code);
    reasons
}

/// Returns the reason of a code.
pub(crate) fn find(code: &str) -> Option<Reason> {
    all().into_iter().find(|reason| reason.code == code)
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_unique_and_well_formed() {
        let all = super::all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].code, pair[1].code, "a code is declared twice");
        }
        for reason in all {
            let fits = reason.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
            assert!(fits, "{}", reason.code);
            assert!(!reason.summary.is_empty() && !reason.hint.is_empty(), "{}", reason.code);
            assert!(!reason.summary.ends_with('.') && !reason.hint.ends_with('.'), "{}", reason.code);
        }
    }
    /// Who has only the binary has no folder of documents.
    #[test]
    fn no_hint_points_to_a_document_that_only_the_source_has() {
        for reason in super::all() {
            assert!(!reason.hint.contains("docs/"), "{}: {}", reason.code, reason.hint);
        }
    }
}
