//! JSON Schemas of every format, generated from the types; the files under `schemas/` are these.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::Value;

use super::{bundle::Bundle, pipeline_v1::PipelineV1, schema_written};
use crate::{
    event::{RunEvent, StepOutcome},
    plan::{diff::PlanDiff, model::Plan, view::View},
    policy::explain::DecisionV1,
    report::{events_v1::EventLine, json_v1::Envelope},
    review::{opinion::Opinion, report::ReviewV1},
    sign::{
        predicate::{
            Approval, Checkpoint, Claim, Genesis, Halt, Note, Outcome, PlanRecord, Rejection, Resolution, ReviewRecord,
            Revocation, StepFinished, StepStarted, TrustRootUpdate, Verification,
        },
        statement::Statement,
        trust::Document,
    },
    verify::svr::VerificationResult,
};

/// Where the schemas are published.
const BASE: &str = "https://countersign.dev/schema/";

/// Makes one entry: the name of the file, and the schema of the type.
fn entry<T: JsonSchema>(name: &'static str, title: &str) -> (&'static str, Schema) {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), Value::String(format!("{BASE}{name}.json")));
    schema.insert("title".to_owned(), Value::String(title.to_owned()));
    (name, schema)
}

/// Makes one entry of a file that people write.
fn written(name: &'static str, title: &str, mut schema: Value) -> (&'static str, Schema) {
    schema["$schema"] = Value::String("https://json-schema.org/draft/2020-12/schema".to_owned());
    schema["$id"] = Value::String(format!("{BASE}{name}.json"));
    schema["title"] = Value::String(title.to_owned());
    (name, Schema::try_from(schema).unwrap_or_default())
}

/// Returns the schema of every format, under the name that `schema NAME` takes.
#[must_use]
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        written("directive", "Directive: front matter", schema_written::directive()),
        written("pipeline", "Pipeline", schema_written::pipeline()),
        written("policy", "Policy", schema_written::policy()),
        written("config", "Configuration", schema_written::config()),
        entry::<Document>("trust-root", "Trust root"),
        entry::<Bundle>("bundle", "Evidence bundle"),
        entry::<DecisionV1>("decision", "Decision of a policy"),
        entry::<ReviewV1>("review", "Review of a plan"),
        entry::<Opinion>("opinion", "Opinion of a second reviewer"),
        entry::<Statement<VerificationResult>>("statement-svr", "Statement: verification result"),
        entry::<Plan>("plan", "Plan"),
        entry::<View>("view", "View of a plan"),
        entry::<PlanDiff>("plan-diff", "Difference of two plans"),
        entry::<RunEvent>("run-event", "Event of a run"),
        entry::<StepOutcome>("step-outcome", "Outcome of a step"),
        entry::<PipelineV1>("pipeline-shown", "Pipeline as `pipelines show` prints it"),
        entry::<Envelope>("output", "Output of a command"),
        entry::<EventLine>("event", "Line of an event stream"),
        entry::<Statement<Genesis>>("statement-genesis", "Statement: first entry of a ledger"),
        entry::<Statement<TrustRootUpdate>>("statement-trust-root", "Statement: version of a trust root"),
        entry::<Statement<PlanRecord>>("statement-plan", "Statement: plan recorded"),
        entry::<Statement<ReviewRecord>>("statement-review", "Statement: policy decision"),
        entry::<Statement<Approval>>("statement-approval", "Statement: approval"),
        entry::<Statement<Rejection>>("statement-rejection", "Statement: rejection"),
        entry::<Statement<Revocation>>("statement-revocation", "Statement: revocation"),
        entry::<Statement<Claim>>("statement-claim", "Statement: claim of a run"),
        entry::<Statement<StepStarted>>("statement-step-started", "Statement: step about to act"),
        entry::<Statement<StepFinished>>("statement-step-finished", "Statement: attempt of a step ended"),
        entry::<Statement<Verification>>("statement-verification", "Statement: work read back"),
        entry::<Statement<Outcome>>("statement-outcome", "Statement: run over"),
        entry::<Statement<Checkpoint>>("statement-checkpoint", "Statement: ledger verified up to here"),
        entry::<Statement<Halt>>("statement-halt", "Statement: everything stops, or goes on"),
        entry::<Statement<Resolution>>("statement-resolution", "Statement: unknown outcome resolved"),
        entry::<Statement<Note>>("statement-note", "Statement: note and labels of a person on a plan"),
    ]
}

/// Returns the text of a schema's file: keys in order, two spaces of indent, and one line feed at the end.
#[must_use]
pub fn text(schema: &Schema) -> String {
    format!("{:#}\n", sorted(schema.as_value()))
}

/// Puts keys in order: whether maps keep theirs depends on what other crates switch on.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: std::collections::BTreeMap<_, _> = members.iter().collect();
            Value::Object(members.into_iter().map(|(key, inner)| (key.clone(), sorted(inner))).collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::digest::Digest,
        plan::{diff::diff, view::testing::sample},
    };

    fn folder() -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the one switch that rewrites the checked-in files")]
    fn the_checked_in_schemas_are_those_of_the_types() {
        let bless = std::env::var("COUNTERSIGN_BLESS").is_ok_and(|value| value == "1");
        let mut known = Vec::new();
        for (name, schema) in all() {
            let file = folder().join(format!("{name}.json"));
            if bless {
                std::fs::write(&file, text(&schema)).unwrap();
            }
            let stored = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(
                stored == text(&schema),
                "schemas/{name}.json is not what the types say; write it again with: COUNTERSIGN_BLESS=1 cargo test --lib app::schema"
            );
            known.push(format!("{name}.json"));
        }
        for entry in std::fs::read_dir(folder()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(known.contains(&name), "schemas/{name} belongs to no type; remove it");
        }
    }

    #[test]
    fn each_schema_has_its_own_name_id_and_title() {
        let (mut names, mut titles) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        for (name, schema) in all() {
            assert_eq!(schema.get("$id").unwrap(), &format!("https://countersign.dev/schema/{name}.json"));
            assert!(names.insert(name) && titles.insert(schema.get("title").unwrap().to_string()), "{name}");
            jsonschema::validator_for(schema.as_value()).unwrap();
        }
    }

    #[track_caller]
    fn validator(name: &str) -> jsonschema::Validator {
        let (_, schema) = all().into_iter().find(|(n, _)| *n == name).unwrap();
        jsonschema::validator_for(schema.as_value()).unwrap()
    }

    #[test]
    fn a_plan_fits_its_schema_and_a_changed_one_does_not() {
        let validator = validator("plan");
        let plan = serde_json::to_value(sample()).unwrap();
        assert!(
            validator.is_valid(&plan),
            "{:?}",
            validator.iter_errors(&plan).map(|e| e.to_string()).collect::<Vec<_>>()
        );
        for (field, value) in [
            ("unknown", Value::from(1)),
            ("nonce", Value::from(1)),
            ("effect", Value::from("anything")),
            ("policyDigest", Value::from("sha256:00")),
            ("createdAt", Value::from("yesterday")),
        ] {
            let mut bad = plan.clone();
            bad[field] = value;
            assert!(!validator.is_valid(&bad), "{field}");
        }
        let mut bad = plan.clone();
        bad.as_object_mut().unwrap().remove("steps");
        assert!(!validator.is_valid(&bad));
    }

    #[test]
    fn what_is_printed_fits_its_schema() {
        let shown = View::new(&sample(), Digest::of(b"plan"));
        assert!(validator("view").is_valid(&serde_json::from_str(&shown.json().unwrap()).unwrap()));
        let mut other = sample();
        other.scripts[0].content.push('x');
        let found = diff(&sample(), &other);
        assert!(validator("plan-diff").is_valid(&serde_json::to_value(found).unwrap()));
        let envelope = Envelope::done("plan", Value::Null);
        assert!(validator("output").is_valid(&serde_json::to_value(envelope).unwrap()));
        for event in crate::report::tests::events() {
            assert!(validator("run-event").is_valid(&serde_json::to_value(event).unwrap()));
        }
    }
}
