//! Signs for people in a job that holds no key: its CI system vouches for it.

use std::path::PathBuf;

use super::{
    identity::{TokenSource, asked},
    session::Session,
    world::World,
};
use crate::{
    base::{
        digest::Digest,
        reason::{INTERNAL, Refusal, Result},
        time::Timestamp,
    },
    cli::args::IdentityArg,
    forge::Checkout,
    sign::{
        Signer,
        reasons::{OIDC_ISSUER, OIDC_TOKEN_MISSING},
        schemes::{
            Verifier,
            oidc::keyless::{Unvouched, Voucher},
        },
    },
};

/// What signs with a key of its own making, each time another, for which it has the CI system vouch.
struct JobSigner {
    id: Digest,
    source: TokenSource,
    voucher: Voucher,
    /// The work tree of the repository, and the full id of the base commit.
    base: (PathBuf, String),
    now: Timestamp,
}

/// Returns what signs for people in this job, where it holds no key for it and the trust root lets it.
///
/// # Errors
/// `usage.invalid`; where the job was told to show who it is, `oidc.issuer_untrusted` if the trust root lets no job
/// sign, and `oidc.token_missing` if there is nobody to ask for a token.
pub(crate) fn signer(session: &Session, world: &World) -> Result<Option<Box<dyn Signer>>> {
    let root = &session.root;
    let asked = asked(None, world)?;
    if asked == Some(IdentityArg::Key) {
        return Ok(None);
    }
    let now = world.now();
    let standing = root.document().keys.iter().filter(|key| key.stands(now));
    let found = standing.into_iter().find_map(|key| match root.key(&key.id) {
        Some((_, Verifier::Jobs(voucher))) => Some((key.id, voucher.as_ref().clone())),
        _ => None,
    });
    let must = asked == Some(IdentityArg::Oidc);
    let Some((id, voucher)) = found else {
        return match must {
            true => Err(Refusal::new(OIDC_ISSUER, "the trust root lets no job sign without a key")
                .hint("list the issuer's jobs: countersign keys gate")),
            false => Ok(None),
        };
    };
    let source = TokenSource::of(&[voucher.url()], world)?;
    let base = (session.checkout.workdir().to_owned(), session.facts.base_sha.clone());
    match source {
        Some(source) => Ok(Some(Box::new(JobSigner { id, source, voucher, base, now }))),
        None if must => Err(Refusal::new(OIDC_TOKEN_MISSING, "there is nobody to ask for a token")),
        None => Ok(None),
    }
}

impl Signer for JobSigner {
    fn key_id(&self) -> Digest {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        random(seed.as_mut())?;
        let unvouched = Unvouched::sign(&seed, message)?;
        let token = self.source.token(&unvouched.audience())?;
        let signature = unvouched.vouched(&self.voucher, &token, self.now, &mut random)?;
        // What no reader would take is not written: the refusal says which claim is to blame.
        let vouched = self.voucher.verify(message, &signature, self.now)?;
        let (work_tree, base) = &self.base;
        let checkout = Checkout::discover(work_tree)?;
        vouched.job.check_commits(&checkout.in_history(vouched.job.commits(), base))?;
        Ok(signature)
    }
}

fn random(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).map_err(|e| Refusal::new(INTERNAL, format!("no randomness: {e}")))
}
