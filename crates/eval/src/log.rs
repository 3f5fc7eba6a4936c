//! Messages to the person at the terminal.

use std::fmt::Display;

use indicatif::{ProgressBar, ProgressStyle};

use crate::io;

/// Messages and progress on standard error.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// Nothing is said.
    pub quiet: bool,
}

impl Log {
    /// Writes a line, unless quiet.
    pub fn say(self, message: impl Display) {
        if !self.quiet {
            io::say(message);
        }
    }

    /// A progress bar out of 1000, hidden unless standard error is a terminal.
    pub fn bar(self, title: &str) -> ProgressBar {
        let bar = if self.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(1000)
        };
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(title.to_owned());
        bar
    }
}
