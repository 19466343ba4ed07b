//! Reason codes of the ledger.

use crate::reasons;

reasons! {
    LEDGER_MISSING = "ledger.missing", Verification, "the ledger is not there", "make it with `countersign init`, or fetch its branch; if it was there before, find out who deleted it";
    LEDGER_EXISTS = "ledger.exists", Usage, "the ledger is there already", "use the one that exists";
    LEDGER_SHALLOW = "ledger.shallow", Verification, "the repository is a shallow clone", "fetch the whole history: `fetch-depth: 0` or `git fetch --unshallow`";
    LEDGER_CORRUPT = "ledger.corrupt", Verification, "the ledger's branch does not have the form of a ledger", "somebody wrote to the branch by hand; restore it from a copy and find out who";
    LEDGER_CHAIN = "ledger.chain", Verification, "an entry does not follow from the one before it", "the ledger was altered; restore it from a copy and find out who";
    LEDGER_TRANSPLANT = "ledger.transplant", Verification, "the ledger belongs to another repository", "use the ledger whose genesis the trust root pins";
    LEDGER_TIME = "ledger.time", Verification, "an entry's time runs backwards or lies in the future", "check the clocks of the machines that write";
    LEDGER_UNKNOWN_KIND = "ledger.unknown_kind", Verification, "an entry holds a kind of statement that has no place in a ledger", "use a version of countersign that knows the kind";
    LEDGER_ACTOR = "ledger.actor", Verification, "a statement names another person than the one whose key signed it", "sign with a key of the person the statement names";
    LEDGER_DUPLICATE = "ledger.duplicate", Stale, "the statement is in the ledger already", "make a new statement; an old one cannot be used twice";
    LEDGER_HEAD = "ledger.head_unknown", Verification, "a statement names a place in the ledger that is not there", "make the statement anew on the present ledger";
    LEDGER_ROLLBACK = "ledger.rollback", Verification, "the ledger lacks an entry that was seen before", "the ledger was set back; restore the newest copy and find out who";
    LEDGER_EQUIVOCATION = "ledger.equivocation", Verification, "two different ledgers were shown for the same place", "stop, compare the copies, and find out who holds the key that signed both";
    LEDGER_CHECKPOINT_OLD = "ledger.checkpoint_old", Stale, "the checkpoint is older than one already known", "make a checkpoint of the present ledger";
    LEDGER_NO_ENTRY = "ledger.no_entry", Verification, "the ledger has no entry of that number", "`countersign ledger log` shows the newest entries, with their numbers";
    LEDGER_UNKNOWN_SUBJECT = "ledger.unknown_subject", Verification, "a statement is about a plan, approval or run that the ledger does not hold", "record it first";
    LEDGER_TERMINAL = "ledger.terminal", Stale, "the plan or run is over and nothing can be added to it", "make a new plan";
    LEDGER_ORDER = "ledger.order", Verification, "an entry does not follow from the state of its run", "see `countersign status` for what may come next";
    LEDGER_FENCED = "ledger.fenced", Stale, "another executor has taken over the run", "stop; the later claim goes on with the run";
    LEDGER_BUSY = "ledger.busy", Contended, "another run of the plan is not over yet", "`countersign status PLAN` says where it is; wait for it, or where its job is gone resolve or resume it";
    LEDGER_HALTED = "ledger.halted", Refused, "the repository is halted", "`countersign status` says by whom and why; an approver lifts it with `countersign halt --lift --reason '...'`";
    LEDGER_REVOKED = "ledger.revoked", Refused, "the approval was taken back", "ask for a new approval";
    LEDGER_CONTENDED = "ledger.contended", Contended, "others kept writing to the ledger first", "try again";
    LEDGER_LOCKED = "ledger.locked", Contended, "the ledger's reference is locked by another process", "try again; if no process runs, remove the stale `.lock` file beside the reference";
    LEDGER_WRITE = "ledger.write_failed", Internal, "the entry could not be recorded", "nothing was recorded; check the disk and the permissions of the repository";
    LEDGER_REFUSED = "ledger.refused", Refused, "the remote does not take the entry", "nothing was recorded; see what protects the ledger's branch there, and whether what signs in may write it";
    LEDGER_UNREACHABLE = "ledger.unreachable", Contended, "the remote ledger cannot be reached", "check the network and the credentials";
    LEDGER_CREDENTIALS = "ledger.credentials", Usage, "the remote ledger does not let this job in", "give a token that may write there as COUNTERSIGN_GIT_TOKEN or GITHUB_TOKEN (`contents: write`); it is shown only to the host that the trust root names";
    LEDGER_UNCERTAIN = "ledger.uncertain", Indeterminate, "nobody knows whether the remote took the entry", "read the ledger when the remote answers again, before anything else";
    LEDGER_REMOTE = "ledger.remote", Usage, "the remote of the ledger is not one that is spoken to", "give an https:// URL without a name or password on the host that the trust root names, an ssh:// URL, or an absolute path";
    LEDGER_OBJECT = "ledger.object", Verification, "an object of the ledger does not have the digest it is stored under", "the ledger was altered; restore it from a copy and find out who";
    REPLAY_TOKEN = "replay.jti", Refused, "the token of the CI job let another claim in already", "each claim needs a token of its own; start the job anew";
    RUN_INDETERMINATE = "indeterminate", Indeterminate, "a step started and nobody knows how it ended", "look at the world, then sign a resolution with `countersign resolve`";
}
