//! Where a repository is, and who sets it up.

use crate::{
    app::{forge::TOKEN, person, world::World},
    approval::reasons::APPROVER_NOT_PERSON,
    base::{
        ident::Id,
        reason::{Refusal, Result, USAGE},
        secret::Secret,
        text::visible,
    },
    cli::args::InitArgs,
    forge::{
        Checkout,
        http::Settings,
        providers::{self, github::Credentials},
        reasons::TOKEN_MISSING,
    },
    sign::trust::{ForgeKind, LOCAL},
};

/// Where the repository is: on this machine alone, or on a forge.
pub(super) struct Place {
    pub(super) forge: Option<ForgeKind>,
    pub(super) host: String,
    pub(super) repo_id: String,
    pub(super) owner_id: String,
    pub(super) repo: String,
    /// The account of who sets it up; 1 where there is no forge.
    pub(super) account: u64,
    pub(super) login: Option<String>,
    pub(super) branch: Option<String>,
}

impl Place {
    pub(super) fn local(checkout: &Checkout, world: &World) -> Result<Self> {
        let repo = checkout.workdir().file_name().map_or_else(String::new, |name| visible(&name.to_string_lossy()));
        Ok(Self {
            forge: None,
            host: LOCAL.to_owned(),
            repo_id: world.entropy.nonce()?,
            owner_id: "0".to_owned(),
            repo,
            account: 1,
            login: None,
            branch: None,
        })
    }

    /// Asks GitHub who owns the repository, and whose token this is.
    pub(super) fn on_github(args: &InitArgs, checkout: &Checkout, world: &World) -> Result<Self> {
        let origin = checkout.origin().as_deref().and_then(origin_of);
        let (from_host, from_name) = origin.map_or((None, None), |(host, name)| (Some(host), Some(name)));
        let missing = |what: &str, option: &str| {
            Refusal::new(USAGE, format!("{what} is not known: git has no remote `origin` on a forge"))
                .hint(format!("give {option}"))
        };
        let host = args.host.clone().or(from_host).ok_or_else(|| missing("the forge's host", "--host"))?;
        let name = args.repository.clone().or(from_name).ok_or_else(|| missing("the repository", "--repository"))?;
        let token = world.env.text(TOKEN).ok_or_else(|| {
            Refusal::new(TOKEN_MISSING, format!("the variable {TOKEN} is not set")).hint(
                "set it to a token of your own that may read the repository: your account goes into the trust root",
            )
        })?;
        let credentials = Credentials::Token(Secret::new(token.to_owned()));
        let forge = providers::connect(&host, &name, credentials, Settings::default(), |name| world.env.text(name))?;
        let (repository, account) = (forge.repository()?, forge.whoami()?);
        if !account.is_person() {
            let what = format!("the token is that of {}, a program", visible(&account.login));
            return Err(Refusal::new(APPROVER_NOT_PERSON, what).hint("use a token of your own"));
        }
        Ok(Self {
            forge: Some(ForgeKind::Github),
            host,
            repo_id: repository.id.to_string(),
            owner_id: repository.owner.id.to_string(),
            repo: repository.full_name,
            account: account.id,
            login: Some(account.login),
            branch: Some(repository.default_branch),
        })
    }
}

/// Takes host and `owner/name` out of an address of a git remote.
fn origin_of(url: &str) -> Option<(String, String)> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("ssh://git@"));
    let rest = rest.or_else(|| url.strip_prefix("http://127.0.0.1:").map(|_| &url["http://".len()..]));
    let (host, path) = match rest {
        Some(rest) => rest.split_once('/')?,
        None => url.strip_prefix("git@")?.split_once(':')?,
    };
    let host = host.rsplit('@').next()?;
    let name = path.trim_end_matches('/').strip_suffix(".git").unwrap_or(path);
    (name.split('/').count() == 2).then(|| (host.to_owned(), name.to_owned()))
}

/// Who sets the repository up.
pub(super) struct Founder {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) name: String,
    pub(super) email: String,
}

impl Founder {
    pub(super) fn of(args: &InitArgs, place: &Place, checkout: &Checkout, world: &World) -> Result<Self> {
        let home = world.env.path("HOME");
        let configured = |variable: &str, key: &str| {
            let from_env = world.env.text(variable).map(str::to_owned);
            from_env.or_else(|| checkout.configured(key, home.as_deref()))
        };
        args.login.iter().try_for_each(|login| person::check_login(login))?;
        args.email.iter().try_for_each(|email| person::check_email(email))?;
        let email = args.email.clone().or_else(|| configured("GIT_AUTHOR_EMAIL", "user.email")).ok_or_else(|| {
            Refusal::new(USAGE, "your e-mail address is not known").hint("give --email, or set git's user.email")
        })?;
        let local: String = email
            .split('@')
            .next()
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' })
            .collect();
        let login = place.login.clone().or_else(|| args.login.clone()).unwrap_or(local);
        // It names the file of a key, too.
        login.parse::<Id>().map_err(|e| e.typed_as("--login"))?;
        let name =
            args.name.clone().or_else(|| configured("GIT_AUTHOR_NAME", "user.name")).unwrap_or_else(|| login.clone());
        Ok(Self { id: place.account, login, name, email })
    }
}
