//! The `dcodec` command: flags become plain data, then working objects. It uses only the public
//! API of the library.

mod args;
mod batch;
mod clock;
mod cut;
mod decode;
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

use std::process::ExitCode;

use clap::Parser;
use dcodec_eval::{Log, io};

use args::{Cli, Command};
use error::Result;

fn main() -> ExitCode {
    interrupt::install();
    let cli = Cli::parse();
    if let Some(threads) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build_global()
    {
        io::say(format_args!("error: --threads {threads}: {e}"));
        return ExitCode::from(2);
    }
    match run(&cli.command, Log { quiet: cli.quiet }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            io::say(format_args!("error: {e}"));
            for cause in e.causes() {
                io::say(format_args!("because: {cause}"));
            }
            ExitCode::from(e.exit_code())
        }
    }
}

fn run(command: &Command, log: Log) -> Result<()> {
    match command {
        Command::Encode(a) => encode::run(a, log),
        Command::Decode(a) => decode::run(a, log),
        Command::Cut(a) => cut::run(a, log),
        Command::Info(a) => info::run(a, log),
        Command::Map(a) => map::run(a, log),
        Command::Rd(a) => rd::run(a, log),
        Command::Sample(a) => sample::run(a, log),
        Command::Interpolate(a) => interpolate::run(a, log),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man(a) => pages::man(a),
    }
}
