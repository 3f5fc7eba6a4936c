//! Messages to the person at the terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::io;

/// Messages and progress on standard error, unless it is to be quiet.
#[derive(Clone, Copy)]
pub struct Log {
    pub quiet: bool,
}

impl Log {
    pub fn say(self, message: impl std::fmt::Display) {
        if !self.quiet {
            io::say(message);
        }
    }

    /// A progress bar out of 1000, hidden unless standard error is a terminal.
    pub fn bar(self, what: &str) -> ProgressBar {
        let bar = if self.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(1000)
        };
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(what.to_owned());
        bar
    }
}
