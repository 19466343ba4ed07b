//! Asks the forge whether the job's token may write to the repository.

use super::{ASKED, OF_PEOPLE, Place, Reach};
use crate::{
    app::{session::Session, world::World},
    base::secret::Secret,
    ledger::{Address, Remote},
};

/// Asks by the way of a push that sends nothing, which is the one question that every token has an answer to.
///
/// It tells about the repository's content only. Asked only in a job, and only about a token that is not refused
/// already; no answer, for whatever reason, is [`Reach::Unknown`]. The token is shown to the host that the trust root
/// names, and to no other.
pub(crate) fn ask(session: &Session, world: &World) -> Reach {
    let document = session.root.document();
    let token = world.env.text(ASKED).filter(|token| !OF_PEOPLE.iter().any(|begin| token.starts_with(begin)));
    let (Some(token), Place::Job, Some(_)) = (token, Place::of(&world.env), document.forge) else {
        return Reach::Unknown;
    };
    // As the forge's interface is spoken to: without TLS on this machine alone.
    let here = ["127.0.0.1:", "localhost:"].iter().any(|begin| document.host.starts_with(begin));
    let scheme = if here { "http" } else { "https" };
    let Ok(address) = Address::parse(&format!("{scheme}://{}/{}.git", document.host, document.repo)) else {
        return Reach::Unknown;
    };
    let remote = Remote::new(address).with_token(&Secret::new(token.to_owned()));
    match remote.may_write(session.checkout.git_dir(), &session.facts.base_sha) {
        Ok(true) => Reach::Writes,
        Ok(false) => Reach::ReadOnly,
        Err(_) => Reach::Unknown,
    }
}
