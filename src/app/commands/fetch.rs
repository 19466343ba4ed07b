//! `fetch`: takes the archive that a run of CI left behind, by its digest, and by nothing else.
//!
//! Whoever could start a job in that run chose the archive's name; the digest is what its uploader told. Nothing is
//! unpacked: the bytes are written as they are, once they have the digest.

use serde_json::json;

use crate::{
    app::{forge, output::Outcome, outputs, session::Session, world::World},
    base::{
        reason::{Result, typed},
        text::{count, visible},
    },
    cli::args::FetchArgs,
    forge::reasons::{DENIED, MISSING},
};

/// The largest archive, in bytes.
const MAX_ARCHIVE: usize = 64 << 20;

pub(super) fn run(args: &FetchArgs, world: &World) -> Result<Outcome> {
    let session = Session::open(world)?;
    let digest = typed(&args.digest, "--digest")?;
    let forge = forge::need(&session, world)?;
    let artifact = forge.artifact(args.run, &digest).map_err(|refusal| match refusal.reason() {
        DENIED => refusal.hint("the token needs `actions: read`"),
        MISSING => refusal.hint(
            "the job that uploaded it tells its digest (`artifact-digest`); archives are deleted after their days",
        ),
        _ => refusal,
    })?;
    let bytes = forge.download(&artifact, MAX_ARCHIVE)?;
    outputs::write(&args.out, &bytes, world)?;
    let name = visible(&artifact.name);
    let text = format!(
        "{digest}\n  `{name}` of run {}, {}: {}\n",
        artifact.run,
        count(bytes.len(), "byte"),
        outputs::shown(&args.out)
    );
    let result = json!({
        "artifact": artifact.id,
        "name": artifact.name,
        "digest": digest,
        "size": bytes.len(),
        "workflowRun": artifact.run,
        "headSha": artifact.head_sha,
        // Of a fork, where they differ.
        "fromFork": artifact.head_repo_id != artifact.repo_id,
        "path": args.out,
    });
    Ok(Outcome::done(result, text).decision("fetched").about(digest.to_string()))
}
