//! Flags become plain data, then working objects; the commands use only the public API of the library.

mod args;
mod batch;
mod clock;
mod cut;
mod decode;
mod encode;
mod frames;
mod hub;
mod info;
mod inputs;
mod interpolate;
mod io;
mod load;
mod map;
mod pages;
mod priors;
mod rd;
mod sample;
mod sampling;
mod save;
mod sheet;
mod strip;
mod upright;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use dcodec::{Error, Result};

use args::{Cli, Command};
use priors::prior;

/// Parses the command line, does the work, reports errors with their causes.
pub fn run() -> ExitCode {
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

/// An error and the file that it is about.
#[derive(Debug)]
pub struct Failure {
    about: Option<PathBuf>,
    error: Error,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.about {
            Some(path) => write!(f, "{}: {}", name(path), self.error),
            None => self.error.fmt(f),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { about: None, error }
    }
}

/// Adds the file that an error is about.
pub trait About<T> {
    fn about(self, path: &Path) -> Result<T, Failure>;
}

impl<T> About<T> for Result<T> {
    fn about(self, path: &Path) -> Result<T, Failure> {
        self.map_err(|error| match error {
            // These already name their file.
            Error::Io { .. } => Failure { about: None, error },
            error => Failure {
                about: Some(path.into()),
                error,
            },
        })
    }
}

/// Messages to the person at the terminal.
#[derive(Clone, Copy)]
pub struct Log {
    quiet: bool,
}

impl Log {
    pub fn say(self, message: impl std::fmt::Display) {
        if !self.quiet {
            io::say(message);
        }
    }

    /// A progress bar out of 1000, hidden unless standard error is a terminal.
    pub fn bar(self, what: &str) -> indicatif::ProgressBar {
        let bar = if self.quiet {
            indicatif::ProgressBar::hidden()
        } else {
            indicatif::ProgressBar::new(1000)
        };
        let style = indicatif::ProgressStyle::with_template(
            "{prefix} [{bar:30}] {percent}% {msg} {elapsed}",
        )
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(what.to_owned());
        bar
    }
}

/// How a file is called in messages.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".into()
    } else {
        path.display().to_string()
    }
}

/// The same for a file that is written.
pub fn output_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard output".into()
    } else {
        name(path)
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
