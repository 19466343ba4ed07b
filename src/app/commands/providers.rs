//! `providers`: what can be asked for plans, and what is missing to ask it.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    app::{
        agents, choice,
        config::{
            self,
            key::{self, WAYS},
            model::{Config, KeySource},
        },
        output::Outcome,
        reasons::PROVIDERS_MISSING,
        session::Session,
        sources,
        world::World,
    },
    base::{
        reason::{Refusal, Result},
        shell,
        text::excerpt,
    },
    cli::{args::ProvidersCommand, planner_args::PlannerFlags},
    provider::{
        Question, Role, Turn,
        catalog::{self, Wire},
        command::{Agent, preset},
        reasons::{PROVIDER_AGENT_FORM, PROVIDER_NO_KEY},
    },
};

pub(super) fn run(command: &ProvidersCommand, world: &World) -> Result<Outcome> {
    let none = PlannerFlags::default();
    let flags = if let ProvidersCommand::Check { flags, .. } = command { flags } else { &none };
    let session = Session::open(world).ok();
    let config = config::load(flags, session.as_ref(), world)?.config;
    match command {
        ProvidersCommand::List => Ok(list(&config)),
        ProvidersCommand::Show { name } => show(&config, name, world),
        ProvidersCommand::Check { name: Some(name), ask: true, .. } => {
            ask(&config, name, session.as_ref().map(|session| session.checkout.workdir()), world)
        }
        ProvidersCommand::Check { name, .. } => check(&config, name.as_deref(), world),
    }
}

fn list(config: &Config) -> Outcome {
    let wires = catalog::ALL.iter().map(|wire| (wire.id.to_owned(), "model", wire.summary.to_owned()));
    let agents = choice::known_agents(config).into_iter().map(|agent| {
        let summary = preset(&agent.name).map_or_else(|| agent.argv.join(" "), |preset| preset.summary.to_owned());
        (agent.name, "command", summary)
    });
    let person =
        ("-".to_owned(), "manual", "a person, or a chat page: the question and the answer are files".to_owned());
    let all: Vec<_> = wires.chain(agents).chain([person]).collect();
    let text: String =
        all.iter().map(|(name, planner, summary)| format!("{name:<12} {planner:<8} {summary}\n")).collect();
    let rows = all.iter().map(|(name, planner, summary)| {
        json!({ "name": (name != "-").then_some(name), "planner": planner, "summary": summary })
    });
    Outcome::done(json!(rows.collect::<Vec<_>>()), text)
}

/// Shows the provider and the agent of a name: `gemini` is both.
fn show(config: &Config, name: &str, world: &World) -> Result<Outcome> {
    let wire = catalog::find(name).map(show_wire);
    let agent = match choice::agent(config, name) {
        Ok(agent) => Some(show_agent(&agent, world)),
        Err(_) if wire.is_some() => None,
        Err(why) => return Err(why),
    };
    let text: Vec<&str> = [&wire, &agent].into_iter().flatten().map(|(_, text)| text.as_str()).collect();
    let value = |shown: &Option<(Value, String)>| shown.as_ref().map(|(value, _)| value.clone());
    let result = json!({ "provider": value(&wire), "agent": value(&agent) });
    Ok(Outcome::done(result, text.join("\n")))
}

fn show_wire(wire: &Wire) -> (Value, String) {
    let result = json!({
        "name": wire.id,
        "summary": wire.summary,
        "endpoint": wire.endpoint,
        "keyVariables": wire.key_variables,
        "model": wire.model,
    });
    let key = if wire.key_variables.is_empty() { "none is needed".to_owned() } else { wire.key_variables.join(" or ") };
    let rows = [
        ("use", format!("--planner model --provider {}", wire.id)),
        ("endpoint", wire.endpoint.unwrap_or("must be said: --endpoint URL").to_owned()),
        ("key", key),
        ("model", format!("{}, where none is named", wire.model)),
    ];
    (result, card(&format!("{}: {}", wire.id, wire.summary), &rows))
}

fn show_agent(agent: &Agent, world: &World) -> (Value, String) {
    let found = agents::find(agent, world).ok().map(|found| found.program.display().to_string());
    let result = json!({
        "name": agent.name,
        "argv": agent.argv,
        "program": found,
        "keyVariables": agent.key_variables,
        "variables": agent.variables,
        "login": agent.login,
        "reads": agent.reads,
        "network": agent.network,
    });
    let listed = |all: &[String]| if all.is_empty() { "-".to_owned() } else { all.join(", ") };
    let rows = [
        ("use", format!("--planner command --provider {}", agent.name)),
        ("starts", shell::line(&agent.argv)),
        ("program", found.unwrap_or_else(|| "not in PATH".to_owned())),
        ("key", listed(&agent.key_variables)),
        ("login", listed(&agent.login.iter().map(|path| format!("~/{path}")).collect::<Vec<_>>())),
        ("passed", listed(&agent.variables)),
        ("network", if agent.network { "TCP to port 443, and looking names up" } else { "none" }.to_owned()),
    ];
    (result, card(&format!("{}: an agent's command line", agent.name), &rows))
}

fn card(title: &str, rows: &[(&str, String)]) -> String {
    let rows = rows.iter().map(|(name, value)| format!("  {name:<9} {value}\n"));
    std::iter::once(format!("{title}\n")).chain(rows).collect()
}

/// What was found out about one.
struct Row {
    name: String,
    planner: &'static str,
    missing: Vec<String>,
    has: Vec<String>,
}

fn check(config: &Config, name: Option<&str>, world: &World) -> Result<Outcome> {
    let rows: Vec<Row> = match name {
        Some(name) => {
            let wire = catalog::find(name).map(|wire| wire_row(config, wire, world));
            match choice::agent(config, name) {
                Ok(agent) => wire.into_iter().chain([agent_row(&agent, world)]).collect(),
                Err(why) => vec![wire.ok_or(why)?],
            }
        }
        None => {
            let wires = catalog::ALL.iter().map(|wire| wire_row(config, wire, world));
            wires.chain(choice::known_agents(config).iter().map(|agent| agent_row(agent, world))).collect()
        }
    };
    let any = rows.iter().any(|row| row.missing.is_empty());
    let mut text = String::new();
    for row in &rows {
        let word = if row.missing.is_empty() { "ready" } else { "missing" };
        let what = if row.missing.is_empty() { &row.has } else { &row.missing };
        text.push_str(&format!("{:<12} {:<8} {word:<8} {}\n", row.name, row.planner, what.join("; ")));
    }
    if !any {
        text.push_str("\nthere are three ways to go on:\n");
        for (number, way) in WAYS.iter().enumerate() {
            text.push_str(&format!("  {}. {way}\n", number + 1));
        }
    }
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| {
            let ready = row.missing.is_empty();
            json!({ "name": row.name, "planner": row.planner, "ready": ready, "missing": row.missing, "has": row.has })
        })
        .collect();
    let result = json!({ "providers": shown, "ready": any, "ways": WAYS });
    let outcome = Outcome::done(result, text);
    if any {
        return Ok(outcome);
    }
    Ok(outcome.because(PROVIDERS_MISSING))
}

/// Asks an agent a question that costs next to nothing, just as `plan` would.
fn ask(config: &Config, name: &str, checkout: Option<&Path>, world: &World) -> Result<Outcome> {
    let agent = choice::agent(config, name)?;
    let timeout = Duration::from_secs(config.timeout().value);
    let mut opened = sources::agent(agent, timeout, checkout, world)?;
    let turns = [Turn { role: Role::Asker, text: "Answer with {\"ready\": true}.".to_owned() }];
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["ready"],
        "properties": { "ready": { "const": true } },
    });
    let question = Question {
        system: "This asks whether you can be reached.",
        turns: &turns,
        stable: 0,
        schema: &schema,
        model: config.model().value.as_deref().unwrap_or_default(),
        max_output_tokens: 100,
        seed: 0,
    };
    let exchange = opened.source.ask(&question, &mut |_| {})?;
    let answer = crate::base::json::parse(exchange.text.as_bytes(), 1_000);
    if answer.as_ref().ok() != Some(&json!({ "ready": true })) {
        let message = format!("`{name}` answered `{}`", excerpt(&exchange.text));
        return Err(Refusal::new(PROVIDER_AGENT_FORM, message).subject(name));
    }
    let result = json!({ "name": name, "answered": true, "model": exchange.model, "millis": exchange.millis });
    Ok(Outcome::done(result, format!("{name} answered in {} ms\n", exchange.millis)))
}

fn wire_row(config: &Config, wire: &Wire, world: &World) -> Row {
    let mut row = Row { name: wire.id.to_owned(), planner: "model", missing: Vec::new(), has: Vec::new() };
    // What the configuration says of endpoint and key is meant for the provider that it names.
    let named = config.provider().value.as_deref().is_none_or(|name| name == wire.id);
    let endpoint = config.endpoint().value.as_deref().filter(|_| named).or(wire.endpoint);
    match endpoint {
        Some(endpoint) => row.has.push(endpoint.to_owned()),
        None => row.missing.push("an endpoint: --endpoint URL".to_owned()),
    }
    let reading = if named { key::read(config, wire, world) } else { key::read_usual(wire, world) };
    match reading {
        Ok(Some(_)) => row.has.extend(key::source(config, wire, world).map(|source| format!("key in {source}"))),
        Ok(None) => {}
        Err(why) if why.is(PROVIDER_NO_KEY) => {
            let named = config.key().value.as_ref().filter(|_| named).map(KeySource::to_string);
            row.missing.push(format!("a key in {}", named.unwrap_or_else(|| wire.key_variables.join(" or "))));
        }
        Err(why) => row.missing.push(why.to_string()),
    }
    row
}

fn agent_row(agent: &Agent, world: &World) -> Row {
    let mut row = Row { name: agent.name.clone(), planner: "command", missing: Vec::new(), has: Vec::new() };
    match agents::find(agent, world) {
        Ok(found) => row.has.push(found.program.display().to_string()),
        Err(why) => row.missing.push(why.message().to_owned()),
    }
    match agents::credentials(agent, world) {
        Err(why) => row.missing.push(why.to_string()),
        Ok(shown) => match (&shown.key, shown.login.is_empty()) {
            (Some((name, _)), _) => row.has.push(format!("key in {name}")),
            (None, false) => row.has.push("login in your home".to_owned()),
            (None, true) if agent.key_variables.is_empty() => {}
            (None, true) => row.missing.push(format!("a key in {}, or a login", agent.key_variables.join(" or "))),
        },
    }
    row
}
