//! The `dcodec` command: flags become plain data, then working objects. It uses only the public
//! API of the library. The program and the package for Python call it.
//!
//! `dcodec doctor` says what a build has inside and has found on its machine, and tests it by some
//! of the conformance files: its output belongs into every report of a fault.
#![warn(missing_docs)]

mod args;
mod batch;
mod clock;
mod cut;
mod decode;
mod doctor;
mod encode;
mod error;
mod frames;
mod hub;
mod info;
mod interpolate;
mod interrupt;
mod jobs;
mod map;
mod pages;
mod priors;
mod rd;
mod sample;
mod sampling;
mod sheet;
mod strip;
mod text;
mod view;

use std::ffi::OsString;

use clap::Parser;
use dcodec_eval::{Log, io};

use args::{Cli, Command};
use error::Result;

pub use info::contents_as_json;

/// Runs the command of these arguments, the first of which is the program's name, and returns its
/// exit code: 0 for success, 1 if the work failed, 2 if the command line is wrong.
///
/// It is made for a process that does nothing else: it installs a handler of interrupts, and ends
/// the process itself where it prints its help, where the arguments cannot be parsed, and where it
/// is interrupted.
pub fn command(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    interrupt::install();
    let cli = Cli::parse_from(arguments);
    if let Some(threads) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build_global()
    {
        io::say(format_args!("error: --threads {threads}: {e}"));
        return 2;
    }
    match run(&cli.command, Log { quiet: cli.quiet }) {
        Ok(()) => 0,
        Err(e) => {
            io::say(format_args!("error: {e}"));
            for cause in e.causes() {
                io::say(format_args!("because: {cause}"));
            }
            e.exit_code()
        }
    }
}

fn run(command: &Command, log: Log) -> Result<()> {
    match command {
        Command::Encode(a) => encode::run(a, log),
        Command::Decode(a) => decode::run(a, log),
        Command::Cut(a) => cut::run(a, log),
        Command::Info(a) => info::run(a, log),
        Command::Doctor(a) => doctor::run(a),
        Command::Map(a) => map::run(a, log),
        Command::Rd(a) => rd::run(a, log),
        Command::Sample(a) => sample::run(a, log),
        Command::Interpolate(a) => interpolate::run(a, log),
        Command::View(a) => view::run(a, log),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man(a) => pages::man(a),
    }
}
