//! `man`: the manual page, in roff.

use clap::CommandFactory as _;
use clap_mangen::Man;
use serde_json::json;

use crate::{
    app::output::Outcome,
    base::reason::{IO, Refusal, Result},
    cli::Args,
};

pub(super) fn run() -> Result<Outcome> {
    let failed = |e: std::io::Error| Refusal::new(IO, e.to_string());
    let page = page().map_err(failed)?;
    Ok(Outcome::done(json!({ "roff": page }), page))
}

/// One page: the tool, then a section for every command.
fn page() -> std::io::Result<String> {
    let mut command = Args::command();
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_extra_section(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for inner in command.get_subcommands() {
        section(inner, &mut page)?;
    }
    Ok(page)
}

/// Adds a command that does something itself, or the commands below it; options that all take are told once.
fn section(command: &clap::Command, page: &mut String) -> std::io::Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    if command.has_subcommands() {
        return command.get_subcommands().try_for_each(|inner| section(inner, page));
    }
    let own = command.clone().mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    let own = own.disable_help_flag(true).disable_version_flag(true);
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_options_section(&mut text)?;
    man.render_extra_section(&mut text)?;
    page.push_str(&format!(".SH \"{}\"\n", name.to_uppercase()));
    page.push_str(&String::from_utf8_lossy(&text).replace("\n.SH ", "\n.SS ").replace(".SH DESCRIPTION\n", ""));
    Ok(())
}
