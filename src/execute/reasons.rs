//! Reason codes of execution.

use crate::reasons;

reasons! {
    SANDBOX_UNAVAILABLE = "sandbox.unavailable", Sandbox, "the kernel cannot enforce the sandbox", "use Linux 6.7 or later with Landlock enabled (lsm=...,landlock) and a container profile that allows it";
    SANDBOX_SETUP = "sandbox.setup", Sandbox, "the sandbox could not be set up, so the program was not started", "run `countersign doctor` on this machine";
    SANDBOX_PROBE = "sandbox.probe", Sandbox, "something that the sandbox forbids succeeded in a trial", "run `countersign doctor` on this machine";
    PROGRAM_MISSING = "program.missing", StepFailed, "the program is not there", "install it, or correct its path in the policy";
    PROGRAM_UNTRUSTED = "program.untrusted", Refused, "the program could have been put there by somebody else", "use a program owned by root or the runner, writable by nobody else, without setuid, outside the checkout";
    PROGRAM_SCRIPT = "program.script", Refused, "the program is a script, which another program interprets", "name the interpreter in the policy, and put the script beside the pipeline";
    PROGRAM_DRIFT = "program.drift", Refused, "the program is not the one that was approved", "review the new version, pin its digest in the policy, and make a new plan";
    PROC_LEAK = "proc.leak", StepFailed, "the program left processes running", "let the program wait for everything it starts";
    PROC_SURVIVORS = "proc.survivors", Sandbox, "processes of a step could not be killed", "end the machine or container; nothing after this step can be trusted there";
    PATH_CREDENTIALS = "path.credentials", Refused, "the repository's configuration holds credentials", "check out with `persist-credentials: false`, or remove the token from .git/config";
    PATH_LINKED = "path.linked", Refused, "a file in a folder that a step may write has another name outside of it, which would change with it", "find out who linked it; copy it, so that it is a file of its own";
    PATH_TOO_MANY = "path.too_many", Limit, "a folder that a step may write holds more than can be looked through before it starts", "declare the folders within it that the step writes";
    SYSTEM_READ = "path.system", Refused, "a path outside the repository is not one that a program may read", "name plain absolute files or folders, never /, /proc, /sys, /dev or a place that holds the checkout";
    SECRET_MISSING = "secret.missing", Refused, "a secret that a step declares was not given", "set the variable of that name, for this command only";
    SECRET_TOO_SHORT = "secret.too_short", Refused, "a secret is too short to be kept out of logs", "use a secret of at least 8 characters";
    SECRET_IN_OUTPUT = "secret.in_output", StepFailed, "an output of the step holds a secret", "let the program print something else";
    SLOT_INVALID = "slot.invalid", Refused, "a value from an earlier step does not fit where the plan puts it", "see the output's type, pattern and length in the plan";
    OUTPUT_MISSING = "output.missing", StepFailed, "a declared output is not there or is empty", "check what the program printed or wrote";
    OUTPUT_INVALID = "output.invalid", StepFailed, "a declared output is not of its type, or too long", "check what the program printed or wrote";
    VERIFICATION_FAILED = "verification.failed", StepFailed, "the step said it was done, and reading back says otherwise", "look at what the step left behind before running anything again";
    VERIFICATION_MISSING = "verification.missing", StepFailed, "a step with a side effect has no read-back", "add `verify` to the pipeline";
    STEP_EXIT = "step.exit", StepFailed, "the program ended with a code the plan does not accept", "see the end of its output";
    STEP_SIGNAL = "step.signal", StepFailed, "a signal ended the program", "see the end of its output, and the limits of the step";
    STEP_TIMEOUT = "step.timeout", StepFailed, "the step ran into its time limit and was killed", "raise `timeout` in the pipeline, or find out what it waits for";
    STEP_LIMIT = "step.limit", StepFailed, "the processes of a program used more together than it may", "raise that limit in the pipeline, or find out what it is used for";
    STEP_FAILED = "step.failed", StepFailed, "a step failed", "see the step's own reason";
    STEP_BLOCKED = "step.blocked", StepFailed, "a step it needs did not succeed", "see the step it needs";
    STEP_INDETERMINATE = "step.indeterminate", Indeterminate, "the step had started, and nobody knows how it ended", "look at what it left behind, then sign a resolution: retry, skip or abort";
    RUN_CANCELLED = "run.cancelled", StepFailed, "the run was interrupted", "go on with `countersign execute PLAN --resume RUN`";
    RUN_HALTED = "run.halted", Refused, "the run was stopped before its next step", "see `countersign status`; go on with --resume when the cause is gone";
    RUN_UNRECORDED = "run.unrecorded", Indeterminate, "what happened could not be recorded, so the run stopped", "make the ledger writable, then sign a resolution";
}
