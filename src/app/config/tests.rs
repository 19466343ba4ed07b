//! The cascade: who goes before whom, what may stand where, and that no key stands anywhere.

use super::*;
use crate::base::diagnostic::Diagnostic;
use crate::{
    app::{choice, world::Environment},
    provider::catalog,
    report::{
        Report, Style, formats,
        json_v1::{Envelope, Finding},
    },
};

fn from(text: &str, origin: Origin) -> Raw {
    raw::read("config.yml", &format!("version: 1\n{text}"), origin).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// The reason codes of the findings, and the help that they give.
fn findings(text: &str, origin: Origin) -> Vec<(String, String)> {
    let found = raw::read("config.yml", text, origin).unwrap_err();
    found.into_iter().map(|one| (one.code.to_owned(), one.help.unwrap_or_default())).collect()
}

#[track_caller]
fn refused(text: &str, origin: Origin, code: &str) {
    let found = findings(&format!("version: 1\n{text}"), origin);
    assert!(found.iter().any(|(one, _)| one == code), "{text}: {found:?}");
}

fn world(variables: &[(&str, &str)]) -> World {
    World { env: Environment::fixed(variables.iter().copied()), ..World::of_process() }
}

#[test]
fn the_first_place_that_sets_a_value_goes_before_all_others() {
    let project = from("planner: command\nmodel: theirs\nbudgets:\n  perDay: {tokens: 5, time: 2h}\n", Origin::Project);
    let user = from(
        "planner: manual\nmodel: mine\ntimeout: 60s\nbudgets:\n  mode: warn\n  perDay: {tokens: 9, money: 2500000}\n",
        Origin::User,
    );
    let flag = Raw { model: Some("now".into()), ..Raw::default() };
    let layers = [(Origin::Flag, flag), (Origin::Project, project), (Origin::User, user)];
    let config = resolve(&layers).unwrap();
    assert_eq!(*config.model(), Set::new(Some("now".to_owned()), Origin::Flag));
    assert_eq!(*config.planner(), Set::new(PlannerKind::Command, Origin::Project));
    assert_eq!(*config.timeout(), Set::new(60, Origin::User));
    assert_eq!(*config.max_revisions(), Set::new(MAX_REVISIONS, Origin::Default));
    let day = &config.budgets().per_day;
    assert_eq!(day.tokens, Some(Set::new(5, Origin::Project)));
    assert_eq!(day.time, Some(Set::new(7_200, Origin::Project)));
    assert_eq!(day.money, Some(Set::new(2_500_000, Origin::User)));
    assert_eq!(day.requests, None);
    assert_eq!(config.budgets().mode, Set::new(BudgetMode::Warn, Origin::User));
    assert_eq!(config.budgets().per_plan.requests, Some(Set::new(REQUESTS_PER_PLAN, Origin::Default)));
    let shown = config.entries();
    let find = |name: &str| shown.iter().find(|entry| entry.name == name).unwrap();
    assert_eq!((find("model").value.as_str(), find("model").origin.word()), (Some("now"), "flag"));
    assert_eq!(find("budgets.perDay.time").value.as_str(), Some("7200s"));
}

#[test]
fn we24_the_mark_for_a_cache_is_set_unless_a_file_says_otherwise() {
    assert_eq!(*resolve(&[]).unwrap().prompt_cache(), Set::new(true, Origin::Default));
    let text = "promptCache: false\nprices: {m: {inputPerMillion: 9, outputPerMillion: 9, cachedPerMillion: 1}}\n";
    let config = resolve(&[(Origin::Project, from(text, Origin::Project))]).unwrap();
    assert_eq!(*config.prompt_cache(), Set::new(false, Origin::Project));
    let price = config.price("m").unwrap();
    assert_eq!((price.cached_per_million, price.cache_write_per_million), (Some(1), None));
    let shown = config.entries();
    let value = |name: &str| shown.iter().find(|entry| entry.name == name).unwrap().value.to_string();
    assert_eq!(value("promptCache"), "false");
    assert_eq!(value("prices.m"), r#"{"cachedPerMillion":1,"inputPerMillion":9,"outputPerMillion":9}"#);
}

#[test]
fn without_any_file_the_directives_own_steps_are_taken() {
    let config = resolve(&[]).unwrap();
    assert_eq!(*config.planner(), Set::new(PlannerKind::Fixed, Origin::Default));
    assert_eq!(config.budgets().mode.value, BudgetMode::Strict);
    assert!(matches!(choice::choose(&config, &world(&[])).unwrap(), choice::Choice::Fixed));
}

#[test]
fn an_unknown_word_is_refused_with_the_nearest() {
    for (text, help) in [
        ("version: 1\nplaner: fixed\n", "did you mean `planner`?"),
        ("version: 1\nplanner: modal\n", "did you mean `model`?"),
        ("version: 1\nbudgets: {perplan: {tokens: 1}}\n", "did you mean `perPlan`?"),
        ("version: 1\nbudgets: {perPlan: {token: 1}}\n", "did you mean `tokens`?"),
        ("version: 1\nprices: {m: {inputPerMilion: 1, outputPerMillion: 1}}\n", "did you mean `inputPerMillion`?"),
        ("version: 1\nagents: {a: {argv: [x], networks: true}}\n", "did you mean `network`?"),
        ("version: 1\nprovider: antropic\n", "did you mean `anthropic`?"),
    ] {
        let found = findings(text, Origin::User);
        assert!(found.iter().any(|(_, one)| one == help), "{text}: {found:?}");
    }
    assert_eq!(findings("planner: fixed\n", Origin::User)[0].0, "yaml.field_missing");
    refused("version: 2\n", Origin::User, "yaml.duplicate_key");
}

/// Looks through everything that is written about findings: text, JSON and SARIF.
#[track_caller]
fn repeats_nothing(key: &str, found: Vec<Diagnostic>) {
    let refusal = invalid("c", found);
    let report = Report {
        findings: refusal.places().iter().map(Finding::from).collect(),
        ..Report::new(Envelope::refused("config show".to_owned(), &refusal))
    };
    let mut texts = vec![format!("{refusal}{refusal:?}"), crate::app::output::words(&refusal)];
    texts.push(serde_json::json!(report.envelope).to_string());
    for format in formats::ALL {
        let mut bytes = Vec::new();
        format.renderer(Style::default()).finish(&mut bytes, &report).unwrap();
        texts.push(String::from_utf8(bytes).unwrap());
    }
    for text in texts {
        // The half of a key is too much too.
        assert!(!text.contains(&key[..key.len() / 2]), "{text}");
    }
}

#[test]
fn no_file_holds_a_key() {
    let openai = format!("sk-{}", "a1".repeat(20));
    let google = format!("AIza{}", "b2".repeat(18));
    for key in [&openai, &google] {
        for text in [
            format!("key: {key}\n"),
            format!("key: {{env: {key}}}\n"),
            format!("key: {{file: /{key}}}\n"),
            format!("model: {key}\n"),
            format!("agents: {{a: {{argv: [x, --key, {key}]}}}}\n"),
            format!("prices: {{{key}: {{inputPerMillion: 1, outputPerMillion: 1}}}}\n"),
        ] {
            let found = raw::read("c", &format!("version: 1\n{text}"), Origin::User).unwrap_err();
            assert!(found.iter().any(|one| one.code == "config.holds_key"), "{text}");
            repeats_nothing(key, found);
        }
        // What is not even read as YAML, and findings about other things on the same lines.
        for text in [
            format!("key: {key}\nmodel: [\n"),
            format!("model: {key}: {key}\n"),
            format!("model: \"{key}\nprovider: openai\n"),
            format!("{key}: 1\n{key}: 2\n"),
            format!("model: 'x' # {key}\nprovider: 'y' # {key}\n"),
            format!("model: |\n  {key}\n"),
            format!("agents: {{Mine: {{argv: [sh,\n  {key}], nets: 1}}, {key}: {{}}}}\n"),
        ] {
            repeats_nothing(key, raw::read("c", &format!("version: 1\n{text}"), Origin::User).unwrap_err());
        }
    }
    refused("key: anything\n", Origin::User, "config.holds_key");
    let refusal = key_source(&openai, &world(&[])).unwrap_err();
    assert!(!format!("{refusal}{:?}", refusal.hints().collect::<Vec<_>>()).contains(&openai));
}

#[test]
fn the_project_starts_no_program_and_names_no_private_file() {
    refused("agents: {mine: {argv: [sh]}}\n", Origin::Project, "config.place");
    refused("key: {file: /etc/key}\n", Origin::Project, "config.place");
    for name in ["LD_PRELOAD", "AWS_SECRET_ACCESS_KEY", "lower"] {
        let text = format!("version: 1\nkey: {{env: {name}}}\n");
        assert!(raw::read("c", &text, Origin::Project).is_err(), "{name}");
    }
    assert_eq!(from("key: {env: GATEWAY_KEY}\n", Origin::Project).key, Some(KeySource::Env("GATEWAY_KEY".into())));
}

#[test]
fn what_does_not_fit_is_refused_where_it_stands() {
    for (text, code) in [
        ("endpoint: ftp://host\n", "config.value"),
        ("endpoint: http://host/v1\n", "config.value"),
        ("endpoint: https://user:pass@host/v1\n", "config.value"),
        ("endpoint: https://host/v1?key=x\n", "config.value"),
        ("key: {env: A, file: /b}\n", "config.value"),
        ("key: {file: relative}\n", "config.value"),
        ("currency: usd\n", "config.value"),
        ("model: --model\n", "provider.model_name"),
        ("maxOutputTokens: 0\n", "yaml.value"),
        ("timeout: 300\n", "yaml.type"),
        ("send: ['../x']\n", "policy.value"),
        ("budgets: {perPlan: {tokens: -1}}\n", "yaml.value"),
        ("budgets: {perPlan: {money: 1.5}}\n", "yaml.type"),
        ("agents: {claude: {argv: [x]}}\n", "config.value"),
        ("agents: {a: {argv: []}}\n", "config.value"),
        ("agents: {a: {argv: [./here]}}\n", "config.value"),
        ("agents: {a: {argv: [x], reads: [home]}}\n", "config.value"),
        ("agents: {a: {argv: [x], env: [LD_PRELOAD]}}\n", "env.denied"),
    ] {
        refused(text, Origin::User, code);
    }
}

#[test]
fn an_agent_of_ones_own_is_chosen_by_its_name_and_one_that_is_not_described_is_refused() {
    let user =
        from("agents: {mine: {argv: [run-me, -q], env: [MY_KEY], network: true, answer: claude}}\n", Origin::User);
    let named = Raw { provider: Some("mine".into()), ..Raw::default() };
    let config = resolve(&[(Origin::Project, named.clone()), (Origin::User, user)]).unwrap();
    let agent = choice::agent(&config, "mine").unwrap();
    assert_eq!((agent.argv.len(), agent.network, agent.variables.as_slice()), (2, true, &["MY_KEY".to_owned()][..]));
    assert_eq!(resolve(&[(Origin::Project, named)]).unwrap_err().code(), "provider.unknown");
}

#[test]
fn a_model_is_asked_with_one_variable_and_one_flag() {
    let model = Raw { planner: Some(PlannerKind::Model), ..Raw::default() };
    let config = resolve(&[(Origin::Flag, model)]).unwrap();
    let choice::Choice::Http(asked) = choice::choose(&config, &world(&[("ANTHROPIC_API_KEY", "k-1\n")])).unwrap()
    else {
        panic!("another planner")
    };
    assert_eq!((asked.wire.id, asked.endpoint.as_str()), ("anthropic", "https://api.anthropic.com"));
    assert_eq!(asked.key.unwrap().expose(), "k-1");
    let both = [("ANTHROPIC_API_KEY", "a"), ("OPENAI_API_KEY", "b")];
    let refusal = choice::choose(&config, &world(&both)).unwrap_err();
    assert_eq!(refusal.code(), "usage.invalid", "who is told everything is never guessed");
    let refusal = choice::choose(&config, &world(&[])).unwrap_err();
    assert_eq!(refusal.code(), "provider.no_key");
    let hints: Vec<&str> = refusal.hints().collect();
    assert_eq!(hints[..3], key::WAYS);
}

#[test]
fn d21_the_project_alone_cannot_have_a_key_sent_elsewhere() {
    let wire = catalog::find("openai").unwrap();
    let env = world(&[("OPENAI_API_KEY", "k")]);
    let elsewhere = from("provider: openai\nendpoint: https://elsewhere.example/v1\n", Origin::Project);
    let layers = [(Origin::Project, elsewhere.clone())];
    assert_eq!(key::read(&resolve(&layers).unwrap(), wire, &env).unwrap_err().code(), "config.key_endpoint");
    let named = Raw { key: Some(KeySource::Env("OPENAI_API_KEY".into())), ..elsewhere.clone() };
    assert!(key::read(&resolve(&[(Origin::Project, named)]).unwrap(), wire, &env).is_err());
    let usual = Raw { endpoint: Some("https://api.openai.com/v1/".into()), ..elsewhere.clone() };
    assert!(key::read(&resolve(&[(Origin::Project, usual)]).unwrap(), wire, &env).is_ok());
    // Its owner may say so: by the endpoint, or by the key.
    let said = Raw { endpoint: elsewhere.endpoint.clone(), ..Raw::default() };
    let layers = [(Origin::Flag, said), (Origin::Project, elsewhere.clone())];
    assert!(key::read(&resolve(&layers).unwrap(), wire, &env).is_ok());
    let mine = from("key: {env: OPENAI_API_KEY}\n", Origin::User);
    assert!(key::read(&resolve(&[(Origin::Project, elsewhere), (Origin::User, mine)]).unwrap(), wire, &env).is_ok());
}

#[test]
fn the_file_of_a_key_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "k-2\n").unwrap();
    let raw = Raw { key: Some(KeySource::File(path.clone())), ..Raw::default() };
    let config = resolve(&[(Origin::User, raw)]).unwrap();
    let wire = catalog::find("local").unwrap();
    for (mode, code) in [(0o644, Some("config.key_file")), (0o640, Some("config.key_file")), (0o600, None)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let read = key::read(&config, wire, &world(&[]));
        assert_eq!(read.as_ref().err().map(Refusal::code), code, "{mode:o}");
        assert!(read.is_err() || read.unwrap().unwrap().expose() == "k-2");
    }
}

#[test]
fn what_the_schema_says_of_the_format_is_what_is_read() {
    let (_, schema) = crate::app::schema::all().into_iter().find(|(name, _)| *name == "config").unwrap();
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    let good = serde_json::json!({
        "version": 1, "planner": "model", "provider": "openai", "model": "m", "endpoint": "https://h/v1",
        "key": { "env": "A_KEY" }, "maxOutputTokens": 5, "timeout": "5m", "maxRevisions": 2, "send": ["docs/**"],
        "currency": "EUR", "budgets": { "mode": "strict", "perPlan": { "tokens": 1, "requests": 2, "money": 3, "time": "1h" } },
        "prices": {
            "m": { "inputPerMillion": 1, "outputPerMillion": 2, "cachedPerMillion": 0, "cacheWritePerMillion": 3 },
        },
        "promptCache": false,
        "agents": { "mine": { "argv": ["x"], "env": ["K"], "reads": ["/opt/x"], "network": true, "modelFlag": "-m", "answer": "plain" } },
    });
    assert!(validator.is_valid(&good), "{:?}", validator.iter_errors(&good).map(|e| e.to_string()).collect::<Vec<_>>());
    // JSON is YAML: the reader takes the same.
    raw::read("c", &good.to_string(), Origin::User).unwrap_or_else(|found| panic!("{found:#?}"));
    for (field, value) in [
        ("extra", serde_json::json!(1)),
        ("planner", serde_json::json!("modal")),
        ("key", serde_json::json!("text")),
        ("budgets", serde_json::json!({ "perWeek": {} })),
        ("version", serde_json::json!(2)),
        ("promptCache", serde_json::json!("sometimes")),
        ("prices", serde_json::json!({ "m": { "inputPerMillion": 1, "outputPerMillion": 2, "cachedPerMillion": -1 } })),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(!validator.is_valid(&bad), "{field}");
        assert!(raw::read("c", &bad.to_string(), Origin::User).is_err(), "{field}");
    }
}
