//! `keys`: makes, shows and changes keys and the trust root.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    app::{
        files,
        keys::{
            change::{Change, NewGate, NewKey},
            commands::{self, Changed, GenerateRequest, Site, TrustRequest},
            file::Place,
            pin::{self, Repin},
            renewal::Renewal,
            trust_store::{self, TrustFiles},
        },
        ledger::reason,
        output::Outcome,
        person,
        signer::{self, Hand},
        world::World,
    },
    base::{
        digest::Digest,
        ident::Id,
        reason::{Refusal, Result, USAGE, typed},
        text,
        time::parse_duration,
    },
    cli::args::{EnrolArgs, GateArgs, IssuerArgs, KeysCommand, SignerArgs},
    forge::{Checkout, http::refuse_overrides, oidc::Issuers},
    sign::{
        Duty, PublicKey, TrustRoot,
        issuer::{Gate, Issuer, Provider, Runner},
        reasons::TRUST_UNPINNED,
        schemes::{
            Scheme,
            oidc::{Algorithm, KeySet, jwks, keyless},
        },
        trust::{Document, Principal, PrincipalKind},
    },
};

/// What a person does once the version that revokes a key is on the base branch.
const AFTER_REVOKING: &str = "then     countersign ledger checkpoint, once it is there: from that entry on the ledger takes nothing by this key\n";

pub(super) fn run(command: &KeysCommand, world: &World) -> Result<Outcome> {
    match command {
        KeysCommand::Generate { name, out } => generate(name, out.as_ref(), world),
        KeysCommand::Public { name } => public(name, world),
        KeysCommand::Show => show(world),
        KeysCommand::Trust { digest } => trust(digest, world),
        KeysCommand::Enrol(args) => enrol(args, world),
        KeysCommand::Revoke { key, reason: why, signer } => {
            let why = reason(why)?;
            let change = Change::RevokeKey { key: typed(key, "KEY")?, at: world.now() };
            let mut outcome = Yard::open(world)?.change(&[change], signer, world)?;
            outcome.1 = format!("{}reason   {}\n{AFTER_REVOKING}", outcome.1, text::visible(&why));
            Ok(Outcome::done(outcome.0, outcome.1))
        }
        KeysCommand::Renew { valid, signer } => {
            let expires = world.now().plus(parse_duration(valid).map_err(|e| e.typed_as("--valid"))?);
            let yard = Yard::open(world)?;
            let hand = yard.hand(signer, world)?;
            let renewal = Renewal::of(yard.root.document(), hand.principal.id, expires, world.now());
            let (mut result, text) = shown(&commands::change(yard.site(world), &renewal.changes(), &[hand.signer()])?);
            result["expires"] = json!(expires);
            result["prolonged"] = json!(renewal.prolonged);
            result["ending"] = json!(renewal.ending);
            Ok(Outcome::done(result, format!("{}{text}", renewal.text())))
        }
        KeysCommand::Threshold { count, signer } => {
            let (result, text) = Yard::open(world)?.change(&[Change::SetThreshold(*count)], signer, world)?;
            Ok(Outcome::done(result, text))
        }
        KeysCommand::Issuer(args) => {
            let (result, text) = Yard::open(world)?.change(&[issuer(args)?], &args.signer, world)?;
            Ok(Outcome::done(result, text).about(args.url.clone()))
        }
        KeysCommand::Gate(args) => gate(args, world),
        KeysCommand::Sign { signer } => {
            let yard = Yard::open(world)?;
            let hand = yard.hand(signer, world)?;
            let (result, text) = shown(&commands::sign(yard.site(world), hand.signer())?);
            Ok(Outcome::done(result, text))
        }
    }
}

/// The trust root as it lies in the work tree: where it is changed, before it is committed.
struct Yard {
    work_tree: PathBuf,
    config_dir: PathBuf,
    pin: Digest,
    root: TrustRoot,
}

impl Yard {
    fn open(world: &World) -> Result<Self> {
        let work_tree = Checkout::discover(&world.cwd)?.workdir().to_owned();
        let config_dir = world.env.config_dir()?;
        let reader = trust_store::work_tree_reader(&work_tree);
        let bytes = reader(trust_store::CURRENT)?
            .ok_or_else(|| Refusal::new(crate::app::reasons::NOT_SET_UP, format!("no `{}`", trust_store::CURRENT)))?;
        let named = TrustRoot::unverified(&bytes).map_err(|e| e.subject(trust_store::CURRENT))?;
        let variable = world.env.text(pin::VARIABLE);
        let pin = pin::resolve(&config_dir, variable, &named.host, &named.repo_id)?.digest;
        let root = TrustFiles::read(&reader, &pin)?.accepted(&pin)?;
        drop(reader);
        Ok(Self { work_tree, config_dir, pin, root })
    }

    fn site(&self, world: &World) -> Site<'_> {
        Site { work_tree: &self.work_tree, pin: &self.pin, now: world.now() }
    }

    fn hand(&self, args: &SignerArgs, world: &World) -> Result<Hand> {
        signer::find_in(args, &[Duty::Root], &self.root, &self.config_dir, world)
    }

    fn change(&self, changes: &[Change], args: &SignerArgs, world: &World) -> Result<(serde_json::Value, String)> {
        let hand = self.hand(args, world)?;
        Ok(shown(&commands::change(self.site(world), changes, &[hand.signer()])?))
    }
}

fn shown(changed: &Changed) -> (serde_json::Value, String) {
    let text = format!(
        "{}next     git add .countersign && git commit, then have it reviewed onto the base branch\n",
        changed.text()
    );
    (json!(changed), text)
}

fn generate(name: &str, out: Option<&PathBuf>, world: &World) -> Result<Outcome> {
    let made = commands::generate(&GenerateRequest {
        config_dir: world.env.config_dir()?,
        name: typed(name, "NAME")?,
        path: out.map(|path| world.cwd.join(path)),
        place: Place::OutsideRepositories,
    })?;
    Ok(Outcome::done(json!(made), made.text()).about(made.key.to_string()))
}

fn public(name: &str, world: &World) -> Result<Outcome> {
    let key = signer::named_key(name, &world.env.config_dir()?, world)?.public()?;
    let result = json!({ "key": key.id(), "public": key.to_base64() });
    Ok(Outcome::done(result, format!("{}\n", key.to_base64())))
}

/// Shows the trust root of the work tree; an unpinned one too, so that its digest can be compared.
fn show(world: &World) -> Result<Outcome> {
    let (root, pinned) = match Yard::open(world) {
        Ok(yard) => (yard.root, true),
        Err(refusal) if refusal.is(TRUST_UNPINNED) => {
            let work_tree = Checkout::discover(&world.cwd)?.workdir().to_owned();
            let bytes = trust_store::work_tree_reader(&work_tree)(trust_store::CURRENT)?.unwrap_or_default();
            (TrustRoot::parse(&bytes).map_err(|e| e.subject(trust_store::CURRENT))?, false)
        }
        Err(refusal) => return Err(refusal),
    };
    let shown = commands::show(&root, world.now());
    let mut text = shown.text();
    if !pinned {
        text.push_str(
            "\nNOT PINNED: nothing above has been verified. Compare the digest with a holder of a root key.\n",
        );
    }
    let mut result = json!(shown);
    result["pinned"] = json!(pinned);
    Ok(Outcome::done(result, text).about(root.digest().to_string()))
}

fn trust(digest: &str, world: &World) -> Result<Outcome> {
    let work_tree = Checkout::discover(&world.cwd)?.workdir().to_owned();
    let reader = trust_store::work_tree_reader(&work_tree);
    let bytes = reader(trust_store::CURRENT)?.unwrap_or_default();
    let named = TrustRoot::parse(&bytes).map_err(|e| e.subject(trust_store::CURRENT))?;
    let pinned = commands::trust(
        &TrustRequest {
            config_dir: world.env.config_dir()?,
            host: named.document().host.clone(),
            repo_id: named.document().repo_id.clone(),
            digest: typed(digest, "DIGEST")?,
            repin: Repin::Replace,
        },
        &reader,
        world.now(),
    )?;
    Ok(Outcome::done(json!(pinned), pinned.text()).about(pinned.digest.to_string()))
}

fn issuer(args: &IssuerArgs) -> Result<Change> {
    if args.remove {
        return Ok(Change::RemoveIssuer(args.url.clone()));
    }
    Ok(Change::SetIssuer(Issuer {
        url: args.url.clone(),
        provider: Provider::Github,
        algorithms: args.algorithm.iter().map(|word| named(&Algorithm::ALL, word)).collect::<Result<_>>()?,
        workflows: args.workflow.clone(),
        events: args.event.clone(),
        runner: named(&Runner::ALL, &args.runner)?,
        jwks: args.jwks.as_ref().map(|digest| typed(digest, "--jwks")).transpose()?,
    }))
}

/// Lets jobs of an issuer sign for people; their issuer's keys are those that it has now.
fn gate(args: &GateArgs, world: &World) -> Result<Outcome> {
    person::check_login(&args.login)?;
    let yard = Yard::open(world)?;
    let jwks = match &args.jwks {
        Some(path) => files::read(&world.cwd.join(path), jwks::MAX_BYTES)?,
        None => {
            if args.url.starts_with("https:") {
                refuse_overrides(|name| world.env.text(name))?;
            }
            Issuers::new()?.keys(&args.url)?
        }
    };
    let gate = Gate {
        workflows: args.workflow.clone(),
        events: args.event.clone(),
        runner: named(&Runner::ALL, &args.runner)?,
        environment: args.environment.clone(),
        keys: keyless::keys_of(&KeySet::parse(&jwks)?)?,
    };
    let hint = "give --id: a number that is no account's, such as 0, or that of a bot of yours";
    let (principal, known) = numbered(&args.login, args.id, yard.root.document(), hint)?;
    let mut changes = Vec::new();
    if known.is_none() {
        changes.push(Change::EnrolPrincipal(Principal {
            id: principal,
            login: args.login.clone(),
            name: args.login.clone(),
            kind: PrincipalKind::Agent,
            roles: Vec::new(),
            emails: Vec::new(),
        }));
    }
    let listed: Vec<String> = gate.keys.iter().map(|key| key.kid.clone()).collect();
    let (not_before, not_after) =
        (world.now(), world.now().plus(parse_duration(&args.valid).map_err(|e| e.typed_as("--valid"))?));
    let gate = NewGate { url: args.url.clone(), principal, gate, not_before, not_after };
    let key = gate.id()?;
    changes.push(Change::SetGate(gate));
    let (mut result, mut text) = yard.change(&changes, &args.signer, world)?;
    result["key"] = json!(key);
    result["issuerKeys"] = json!(listed);
    text.push_str(&format!("vouching {}\n", text::visible(&listed.join(", "))));
    Ok(Outcome::done(result, text).about(args.url.clone()))
}

/// Returns the number of a principal, and the principal where it is listed; where there is a forge, one that is not must
/// have been given its number.
fn numbered<'d>(
    login: &str,
    given: Option<u64>,
    document: &'d Document,
    hint: &str,
) -> Result<(u64, Option<&'d Principal>)> {
    let known = document.principals.iter().find(|principal| principal.login == login);
    let id = match (known, given) {
        (Some(known), None) => known.id,
        (Some(known), Some(id)) if known.id == id => id,
        (Some(known), Some(id)) => {
            let what = format!("--id: `{}` has the id {}, not {id}", text::excerpt(login), known.id);
            return Err(Refusal::new(USAGE, what).subject("--id"));
        }
        (None, Some(id)) => id,
        (None, None) if document.forge.is_some() => {
            let why = format!("the account of `{}` is not named", text::excerpt(login));
            return Err(Refusal::new(USAGE, why).hint(hint));
        }
        (None, None) => document.principals.iter().map(|principal| principal.id).max().unwrap_or(0) + 1,
    };
    Ok((id, known))
}

/// Finds what a word stands for.
fn named<T: Copy>(all: &[(&str, T)], word: &str) -> Result<T> {
    let found = all.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
    found.ok_or_else(|| Refusal::new(USAGE, format!("there is no `{}`", text::excerpt(word))))
}

fn enrol(args: &EnrolArgs, world: &World) -> Result<Outcome> {
    person::check_login(&args.login)?;
    args.email.iter().try_for_each(|email| person::check_email(email))?;
    let yard = Yard::open(world)?;
    let document = yard.root.document();
    let hint = "give --id, the numeric id that the forge shows: gh api users/LOGIN --jq .id";
    let (id, known) = numbered(&args.login, args.id, document, hint)?;
    let roles = args.role.iter().map(|role| typed(role, "--role")).collect::<Result<Vec<Id>>>()?;
    let key = args.public_key.as_deref().map(|path| read_public_key(path, world)).transpose()?;
    let mut changes = Vec::new();
    match known {
        None => changes.push(Change::EnrolPrincipal(Principal {
            id,
            login: args.login.clone(),
            name: args.name.clone().unwrap_or_else(|| args.login.clone()),
            kind: if args.agent { PrincipalKind::Agent } else { PrincipalKind::Person },
            roles,
            emails: args.email.clone(),
        })),
        Some(_) if !roles.is_empty() => changes.push(Change::SetRoles { principal: id, roles }),
        Some(_) => {}
    }
    let kind = known.map_or(if args.agent { PrincipalKind::Agent } else { PrincipalKind::Person }, |known| known.kind);
    let who = enrolled(args, kind, id);
    let Some((scheme, public)) = key else {
        if document.forge.is_none() || args.agent {
            return Err(Refusal::new(USAGE, "there is no key").hint("give --public-key"));
        }
        let (mut result, text) = yard.change(&changes, &args.signer, world)?;
        result["principal"] = json!(id);
        return Ok(Outcome::done(result, format!("{who}{text}")).about(args.login.clone()));
    };
    let duties = args
        .duty
        .iter()
        .map(|word| {
            let found = Duty::ALL.iter().find(|(known, _)| known == word).map(|(_, duty)| *duty);
            found.ok_or_else(|| Refusal::new(USAGE, format!("there is no duty `{}`", text::excerpt(word))))
        })
        .collect::<Result<_>>()?;
    changes.push(Change::EnrolKey(NewKey {
        name: format!("{} ({})", args.login, scheme.word()),
        scheme,
        public,
        principal: id,
        duties,
        not_before: world.now(),
        not_after: world.now().plus(parse_duration(&args.valid).map_err(|e| e.typed_as("--valid"))?),
    }));
    let (mut result, text) = yard.change(&changes, &args.signer, world)?;
    result["key"] = json!(public.id());
    result["principal"] = json!(id);
    let key = format!("key      {}\nduties   {}\n", public.id(), args.duty.join(", "));
    Ok(Outcome::done(result, format!("{who}{key}{text}")).about(public.id().to_string()))
}

/// Says whom an enrolment is about.
fn enrolled(args: &EnrolArgs, kind: PrincipalKind, id: u64) -> String {
    let kind = if kind == PrincipalKind::Agent { "a program" } else { "a person" };
    let mut text = format!("enrolled {}, {kind}, id {id}\n", text::visible(&args.login));
    if !args.role.is_empty() {
        text.push_str(&format!("roles    {}\n", args.role.join(", ")));
    }
    text
}

fn read_public_key(path: &std::path::Path, world: &World) -> Result<(Scheme, PublicKey)> {
    let text = String::from_utf8(files::read(&world.cwd.join(path), 16 * 1024)?)
        .map_err(|_| Refusal::new(crate::sign::reasons::KEY_MALFORMED, "the key file is not text"))?;
    commands::enrolment_key(&text)
}
