//! `man`: the manual page, in roff.

use clap::CommandFactory as _;
use serde_json::json;

use crate::{
    app::output::Outcome,
    base::reason::{IO, Refusal, Result},
    cli::Args,
};

pub(super) fn run() -> Result<Outcome> {
    let mut page = Vec::new();
    let failed = |e: std::io::Error| Refusal::new(IO, e.to_string());
    let command = Args::command();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    for command in command.get_subcommands() {
        clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    }
    let page = String::from_utf8_lossy(&page).into_owned();
    Ok(Outcome::done(json!({ "roff": page }), page))
}
