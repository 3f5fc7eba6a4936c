//! The command line, described for shells and for `man`.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;
use dcodec_eval::io;

use crate::args::{self, Cli};
use crate::error::{Error, Result};

/// Prints the script that makes `shell` complete the command line.
pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dcodec", &mut script);
    Ok(io::print(&String::from_utf8_lossy(&script))?)
}

/// Prints the manual page of the whole program or of one command, or writes all of them to a
/// folder.
pub fn man(a: &args::Man) -> Result<()> {
    let mut cli = Cli::command().disable_help_subcommand(true);
    // Gives every command its full name and the flags that all have.
    cli.build();
    let Some(folder) = &a.output else {
        let about = match &a.command {
            None => &cli,
            Some(name) => cli.find_subcommand(name).ok_or_else(|| {
                let names: Vec<_> = cli.get_subcommands().map(|c| c.get_name()).collect();
                Error::Usage(format!("no command `{name}`: {}", names.join(", ")))
            })?,
        };
        return Ok(io::print(&String::from_utf8_lossy(&page(about)?))?);
    };
    if folder == Path::new("-") {
        let e =
            "all pages need a folder to write to, -o DIR; one goes to standard output without -o";
        return Err(Error::Usage(e.into()));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let commands = || std::iter::once(&cli).chain(cli.get_subcommands());
    let file = |c: &clap::Command| folder.join(format!("{}.1", name(c)));
    for command in commands() {
        io::check_destination(&file(command), a.force)?;
    }
    for command in commands() {
        let page = page(command)?;
        io::write_atomic(&file(command), a.force, |w| w.write_all(&page))?;
    }
    Ok(())
}

/// Name of a command's page.
fn name(command: &clap::Command) -> &str {
    let full = command.get_display_name();
    full.unwrap_or_else(|| command.get_name())
}

/// The page of one command, in roff.
fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .source(concat!("dcodec ", env!("CARGO_PKG_VERSION")))
        .manual("dcodec");
    let mut page = Vec::new();
    let mut write = || {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        writeln!(page, ".SH \"EXIT STATUS\"\n{}", args::EXIT_CODES)
    };
    write().map_err(|e| Error::io("a manual page", e))?;
    Ok(page)
}
