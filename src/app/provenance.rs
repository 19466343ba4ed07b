//! SLSA provenance v1 of a run's output files, <https://slsa.dev/spec/v1.1/provenance>.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::recorder::Recorder;
use crate::{
    base::{
        reason::{Refusal, Result, USAGE},
        time::Timestamp,
    },
    plan::SealedPlan,
    sign::{
        Envelope,
        statement::{Predicate, Subject},
    },
};

/// How the files came to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    build_definition: Value,
    run_details: Value,
}

impl Predicate for Provenance {
    const NAME: &'static str = "slsa-provenance";

    fn predicate_type() -> String {
        "https://slsa.dev/provenance/v1".to_owned()
    }
}

/// Signs the provenance of the files that a run left.
pub(crate) fn envelope(plan: &SealedPlan, run: &str, recorder: &Recorder, now: Timestamp) -> Result<Envelope> {
    if recorder.products.is_empty() {
        return Err(Refusal::new(USAGE, "the plan declares no output file, so there is nothing to give provenance of"));
    }
    let document = plan.plan();
    let digest = |hex: String| json!({ "sha256": hex });
    let provenance = Provenance {
        build_definition: json!({
            "buildType": "https://countersign.dev/run/v1",
            "externalParameters": { "directive": document.directive.path, "inputs": document.inputs },
            "internalParameters": { "plan": plan.digest(), "policy": document.policy_digest },
            "resolvedDependencies": [
                { "name": "plan", "digest": digest(plan.digest().hex()) },
                { "name": "directive", "digest": digest(document.directive.digest.hex()) },
                { "name": "source", "digest": { "gitCommit": document.subject.head_sha } },
            ],
        }),
        run_details: json!({
            "builder": { "id": "https://countersign.dev/execute/v1", "version": { "countersign": env!("CARGO_PKG_VERSION") } },
            "metadata": { "invocationId": run, "finishedOn": now },
        }),
    };
    let subjects = recorder.products.iter().map(|(path, digest)| Subject::new(path, *digest)).collect();
    Envelope::sign(subjects, provenance, &[recorder.signer.as_ref()])
}
