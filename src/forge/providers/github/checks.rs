//! Checks on commits.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    GitHub,
    address::part,
    decode::{self, RawId, nullable, unknown, word},
    line::Ask,
    write::{once, same},
};
use crate::{
    base::reason::Result,
    facts::check::{Annotation, AnnotationLevel, CheckDraft, CheckRun, CheckState, Conclusion},
    forge::http::Answer,
};

/// GitHub takes no more remarks in one request.
const MAX_ANNOTATIONS: usize = 50;

const CONCLUSIONS: [(&str, Conclusion); 8] = [
    ("success", Conclusion::Success),
    ("failure", Conclusion::Failure),
    ("neutral", Conclusion::Neutral),
    ("cancelled", Conclusion::Cancelled),
    ("skipped", Conclusion::Skipped),
    ("timed_out", Conclusion::TimedOut),
    ("action_required", Conclusion::ActionRequired),
    ("stale", Conclusion::Stale),
];

#[derive(Deserialize)]
struct RawChecks {
    total_count: u64,
    check_runs: Vec<RawCheck>,
}

#[derive(Deserialize)]
struct RawCheck {
    id: u64,
    name: String,
    head_sha: String,
    #[serde(deserialize_with = "nullable")]
    external_id: Option<String>,
    #[serde(deserialize_with = "nullable")]
    app: Option<RawId>,
    status: String,
    #[serde(deserialize_with = "nullable")]
    conclusion: Option<String>,
}

impl RawCheck {
    fn check(self) -> Result<CheckRun> {
        let state = match (self.status.as_str(), self.conclusion) {
            ("queued" | "waiting" | "requested" | "pending", None) => CheckState::Queued,
            ("in_progress", None) => CheckState::InProgress,
            ("completed", Some(found)) => CheckState::Completed(word("conclusion", &CONCLUSIONS, &found)?),
            (status, conclusion) => return Err(unknown("check status", &format!("{status} {conclusion:?}"))),
        };
        Ok(CheckRun {
            id: self.id,
            name: self.name,
            head_sha: self.head_sha,
            external_id: self.external_id.unwrap_or_default(),
            app_id: self.app.map(|app| app.id),
            state,
        })
    }
}

impl GitHub {
    pub(super) fn post_check(&self, draft: &CheckDraft) -> Result<u64> {
        let path = self.line.address.repo("/check-runs");
        let mut body = content(draft, draft.annotations.chunks(MAX_ANNOTATIONS).next().unwrap_or_default());
        body["head_sha"] = json!(draft.head_sha);
        let read = |answer: &Answer| {
            let raw: RawCheck = decode::json("check", &answer.body)?;
            same("check", &raw.head_sha, &draft.head_sha)?;
            Ok(raw.id)
        };
        let look = || {
            let checks = self.read_checks(&draft.head_sha)?;
            let ours = |one: &CheckRun| one.name == draft.name && one.external_id == draft.external_id;
            Ok(checks.into_iter().find(ours).map(|one| one.id))
        };
        let id = once(|| self.line.write(Ask::Post(&body), &path), read, look)?;
        for more in draft.annotations.chunks(MAX_ANNOTATIONS).skip(1) {
            self.patch(id, &content(draft, more))?;
        }
        Ok(id)
    }

    pub(super) fn patch_check(&self, id: u64, draft: &CheckDraft) -> Result<()> {
        let mut chunks = draft.annotations.chunks(MAX_ANNOTATIONS);
        self.patch(id, &content(draft, chunks.next().unwrap_or_default()))?;
        chunks.try_for_each(|more| self.patch(id, &content(draft, more)))
    }

    /// Remarks are added, not replaced: without them the second of two is the first.
    fn patch(&self, id: u64, body: &Value) -> Result<()> {
        let path = self.line.address.repo(&format!("/check-runs/{id}"));
        let adds = body["output"]["annotations"].as_array().is_some_and(|all| !all.is_empty());
        let look = || if adds { super::write::blind("a remark")() } else { Ok(None) };
        let read = |answer: &Answer| same("check", &decode::json::<RawId>("check", &answer.body)?.id, &id);
        once(|| self.line.write(Ask::Patch(body), &path), read, look)
    }

    pub(super) fn read_checks(&self, sha: &str) -> Result<Vec<CheckRun>> {
        let path = self.line.address.repo(&format!("/commits/{}/check-runs", part(sha)?));
        let raw = self.line.counted("checks", &path, |raw: RawChecks| (raw.total_count, raw.check_runs))?;
        raw.into_iter().map(RawCheck::check).collect()
    }
}

fn content(draft: &CheckDraft, annotations: &[Annotation]) -> Value {
    let remarks: Vec<Value> = annotations.iter().map(remark).collect();
    let mut body = json!({
        "name": draft.name,
        "external_id": draft.external_id,
        "output": { "title": draft.title, "summary": draft.summary, "annotations": remarks },
    });
    if let Some(url) = &draft.url {
        body["details_url"] = json!(url);
    }
    let status = match draft.state {
        CheckState::Queued => "queued",
        CheckState::InProgress => "in_progress",
        CheckState::Completed(conclusion) => {
            let found = CONCLUSIONS.iter().find(|(_, one)| *one == conclusion);
            body["conclusion"] = json!(found.map(|(word, _)| *word));
            "completed"
        }
    };
    body["status"] = json!(status);
    body
}

fn remark(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        AnnotationLevel::Notice => "notice",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Failure => "failure",
    };
    json!({
        "path": annotation.path,
        "start_line": annotation.first_line,
        "end_line": annotation.last_line,
        "annotation_level": level,
        "title": annotation.title,
        "message": annotation.message,
    })
}
