//! The `dcodec` command: flags become plain data, then working objects. It uses only the public API of the library.

mod args;
mod batch;
mod clock;
mod cut;
mod decode;
mod encode;
mod frames;
mod hub;
mod info;
mod interpolate;
mod map;
mod pages;
mod priors;
mod rd;
mod sample;
mod sampling;
mod sheet;
mod strip;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use dcodec::Error;
use dcodec_eval::io::{name, output_name};
use dcodec_eval::{About, Failure, Log, inputs, io, load, save};

use args::{Cli, Command};
use priors::prior;

/// Parses the command line, does the work, reports errors with their causes.
fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(threads) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build_global()
    {
        io::say(format_args!("error: --threads {threads}: {e}"));
        return ExitCode::from(2);
    }
    let log = Log { quiet: cli.quiet };
    let done = match cli.command {
        Command::Encode(a) => encode::run(&a, log),
        Command::Decode(a) => decode::run(&a, log),
        Command::Cut(a) => cut::run(&a, log),
        Command::Info(a) => info::run(&a, log),
        Command::Map(a) => map::run(&a, log),
        Command::Rd(a) => rd::run(&a, log),
        Command::Sample(a) => sample::run(&a, log),
        Command::Interpolate(a) => interpolate::run(&a, log),
        Command::Completions { shell } => pages::completions(shell),
        Command::Man(a) => pages::man(&a),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            io::say(format_args!("error: {e}"));
            let mut cause = std::error::Error::source(&e.error);
            if let Error::Io { .. } = e.error {
                // Its message holds its source's already.
                cause = cause.and_then(|c| c.source());
            }
            while let Some(c) = cause {
                io::say(format_args!("because: {c}"));
                cause = c.source();
            }
            ExitCode::from(if matches!(e.error, Error::Parameter(_)) {
                2
            } else {
                1
            })
        }
    }
}

/// So many of something.
pub fn many(n: impl Into<u64>, what: &str) -> String {
    match n.into() {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Bits per pixel of `bytes` bytes for a picture of `width` x `height`.
pub fn bpp(bytes: u64, width: u32, height: u32) -> f64 {
    8.0 * bytes as f64 / (f64::from(width) * f64::from(height))
}

/// Where to write: the output named, or the input's name with another extension.
pub fn destination(output: Option<&Path>, input: &Path, extension: &str) -> PathBuf {
    match output {
        Some(path) => path.into(),
        None if input == Path::new("-") => "-".into(),
        None => input.with_extension(extension),
    }
}
