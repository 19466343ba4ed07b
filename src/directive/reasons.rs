//! Why a directive, or what was given to one, is refused.

use crate::reasons;

reasons! {
    DIRECTIVE_FORMAT = "directive.format", Usage, "the file is not front matter between `---` lines, and text", "begin the file with a `---` line, the fields, and another `---` line";
    DIRECTIVE_STEP = "directive.step", Usage, "the steps of a directive do not fit each other", "correct the step that is named";
    DIRECTIVE_CEILING = "directive.ceiling", Usage, "something lies above the ceiling that the directive sets itself", "raise the ceiling, or take it out";
    DIRECTIVE_PIPELINE = "directive.pipeline", Usage, "a step uses a pipeline that the directive or the repository does not have", "list the pipeline under `pipelines`, and see that it exists";
    DIRECTIVE_WITH = "directive.with", Usage, "what a step hands to its pipeline does not fit the pipeline's inputs", "see `countersign pipelines show NAME` for its inputs";
    DIRECTIVE_ITEMS = "directive.items", Usage, "what a step is to be repeated for is not there, not one line each, or there twice", "see what `forEach` of the step names, at the commit that the plan is for";
    DIRECTIVE_ISSUE = "directive.issue", Usage, "the input that is to be an issue's number cannot be one", "declare the input with `type: integer`";
    DIRECTIVE_PLACE = "directive.place", Usage, "the path of a directive does not lead below `directives/`", "move it there: a directive that lies elsewhere is none, since a step may write there and whoever guards `directives/` does not see it";
    DIRECTIVE_ENDING = "directive.ending", Usage, "a file among the directives is read by nobody, since its name ends otherwise than in `.md`", "rename it";
    INPUT_SPEC = "input.spec", Usage, "the specification of an input contradicts itself", "correct the field that is named";
    INPUT_UNKNOWN = "input.unknown", Usage, "a value was given for an input that there is not", "see the inputs of the directive";
    INPUT_MISSING = "input.missing", Usage, "an input that is required was not given", "give it with `-i NAME=VALUE`";
    TEMPLATE_FORMAT = "template.format", Usage, "a `{{` begins nothing that a template can hold", "write `{{ inputs.NAME }}`, with one space at each side";
    TEMPLATE_PLACE = "template.place", Usage, "a template stands where it would steer execution, or where it means nothing", "`with` of a directive takes {{ inputs.NAME }}, {{ item }} where the step has `forEach`, and {{ steps.ID.outputs.NAME }} as a whole value; a pipeline takes {{ inputs.NAME }}, and {{ scripts.FILE }} and {{ scratch.FILE }} as whole arguments or variables";
}
