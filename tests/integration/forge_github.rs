//! The GitHub provider against the model: what it reads is true, what goes wrong is refused, what it writes is once.

use countersign::{
    base::secret::Secret,
    forge::{
        Forge as _,
        http::Settings,
        providers::github::{Credentials, GitHub},
    },
};

use super::forge_model::ForgeModel;

fn settings() -> Settings {
    Settings {
        timeout: std::time::Duration::from_secs(20),
        pause: std::time::Duration::from_millis(1),
        ..Settings::default()
    }
}

/// The provider as somebody sees the model.
fn as_of(model: &ForgeModel, login: &str) -> GitHub {
    let token = Credentials::Token(Secret::new(format!("token-of-{login}")));
    GitHub::new(&model.host(), "acme/infra", token, settings()).unwrap()
}

#[test]
fn the_repository_is_read() {
    let model = ForgeModel::start();
    let forge = as_of(&model, "ada");
    let repository = forge.repository().unwrap();
    assert_eq!((repository.id, repository.full_name.as_str()), (7000, "acme/infra"));
}
