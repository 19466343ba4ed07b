//! Who we are towards GitHub: a token, or an app's installation in this repository only.

use octocrab::{Octocrab, models::AppId};

use crate::{
    base::{
        reason::{Refusal, Result},
        secret::Secret,
    },
    forge::{
        http::chain,
        reasons::{CREDENTIALS, TOKEN_MISSING},
    },
};

/// What a provider may show to the forge.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A token: of a job, of an app's installation, of a person.
    Token(Secret),
    /// An app; the provider asks for a token that is good for this repository only.
    App {
        /// Numeric id of the app.
        id: u64,
        /// Its private key, RSA in PEM.
        key: Secret,
    },
}

impl Credentials {
    /// Refuses what could not stand in a header.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Token(token) if token.expose().is_empty() => Err(Refusal::new(TOKEN_MISSING, "the token is empty")),
            Self::Token(token) if !token.expose().bytes().all(|b| b.is_ascii_graphic()) => {
                Err(Refusal::new(CREDENTIALS, "the token holds other characters than printable ASCII"))
            }
            Self::Token(_) => Ok(()),
            Self::App { key, .. } => encoding_key(key).map(drop),
        }
    }
}

/// Makes the client that shows a token with every request; call it inside the runtime.
///
/// It is built without octocrab's retries, which would send a write again, and without its redirects.
pub(super) fn with_token(http: reqwest::Client, origin: &str, token: &Secret) -> Result<Octocrab> {
    finish(Octocrab::builder().personal_token(token.expose().to_owned()), http, origin)
}

/// Makes the client that stands for the app itself; it is good for asking for an installation's token.
pub(super) fn with_key(http: reqwest::Client, origin: &str, id: u64, key: &Secret) -> Result<Octocrab> {
    finish(Octocrab::builder().app(AppId(id), encoding_key(key)?), http, origin)
}

type Builder = octocrab::OctocrabBuilder<
    octocrab::NoSvc,
    octocrab::DefaultOctocrabBuilderConfig,
    octocrab::NoAuth,
    octocrab::NotLayerReady,
>;

fn finish(builder: Builder, http: reqwest::Client, origin: &str) -> Result<Octocrab> {
    let built = builder.base_uri(origin).and_then(|builder| {
        builder.add_header(reqwest::header::ACCEPT, "application/vnd.github+json".to_owned()).build_with_reqwest(http)
    });
    built.map_err(|e| Refusal::new(CREDENTIALS, chain(&e)))
}

fn encoding_key(key: &Secret) -> Result<octocrab::auth::EncodingKey> {
    octocrab::auth::EncodingKey::from_rsa_pem(key.expose().as_bytes())
        .map_err(|e| Refusal::new(CREDENTIALS, format!("the app's key: {}", chain(&e))))
}
