//! Why a pipeline, or what was bound to its inputs, is refused.

use crate::reasons;

reasons! {
    PIPELINE_ACTION = "pipeline.action", Usage, "an action is not one of the kinds there are, or contradicts itself", "`countersign schema pipeline` has the kinds of action and their fields";
    PIPELINE_EFFECT = "pipeline.effect", Usage, "the actions reach further than the pipeline's effect says, or lack what the effect asks for", "raise the effect, and add evidence and a read-back";
    PIPELINE_OUTPUT = "pipeline.output", Usage, "an output cannot be captured as it says", "outputs come from the last program of `actions`: `from` is stdout, {stdoutLine: PREFIX}, {file: PATH} or {fileDigest: PATH}";
    PIPELINE_SCRIPT = "pipeline.script", Usage, "a script is missing, unused, or not text within its size", "put it beside the pipeline, in a folder of the pipeline's name, and use it in `argv`";
    PIPELINE_PROGRAM = "pipeline.program", Usage, "a program is not in the policy's table", "add the program to `programs` in .countersign/policy.yml";
    PIPELINE_SECRET = "pipeline.secret", Usage, "a secret is not in the policy's list", "add the secret to `secrets` in .countersign/policy.yml";
    PIPELINE_UNKNOWN = "pipeline.unknown", Usage, "there is no such pipeline", "see `countersign pipelines list`";
    PIPELINE_ENDING = "pipeline.ending", Usage, "a file among the pipelines is read by nobody, since its name ends otherwise than in `.yml`", "rename it";
    PIPELINE_DUPLICATE = "pipeline.duplicate", Usage, "two pipelines have the same name", "rename one of them";
}
