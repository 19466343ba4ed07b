//! `config`: every value of the configuration, and where it comes from.

use serde_json::{Map, Value, json};

use crate::{
    app::{config, output::Outcome, session::Session, world::World},
    base::reason::Result,
    cli::args::ConfigCommand,
};

pub(super) fn run(command: &ConfigCommand, world: &World) -> Result<Outcome> {
    let ConfigCommand::Show { origin, flags } = command;
    let session = Session::open(world);
    let loaded = config::load(flags, session.as_ref().ok(), world)?;
    let mut values = Map::new();
    let mut text = String::new();
    for entry in loaded.config.entries() {
        let value = match &entry.value {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text.push_str(&match origin {
            true => format!("{:<30} {:<40} {}\n", entry.name, value, entry.origin.word()),
            false => format!("{:<30} {value}\n", entry.name),
        });
        values.insert(entry.name, json!({ "value": entry.value, "origin": entry.origin.word() }));
    }
    let user = loaded.user.as_ref().map(|path| path.display().to_string());
    let project = match (&session, &loaded.project) {
        (Ok(_), Some(commit)) => format!("{} at {commit}", config::PROJECT),
        (Ok(session), None) => format!("no {} at {}", config::PROJECT, session.facts.base_ref),
        (Err(why), _) => format!("not read: {why}"),
    };
    text.push_str(&format!("\nproject: {project}\nuser: {}\n", user.as_deref().unwrap_or("no config.yml")));
    let result = json!({
        "values": values,
        "files": { "project": loaded.project.map(|commit| json!({ "path": config::PROJECT, "commit": commit })), "user": user },
    });
    Ok(Outcome::done(result, text))
}
