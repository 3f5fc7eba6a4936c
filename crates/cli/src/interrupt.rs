//! Ctrl-C and requests to end: the command ends at once, and leaves no part of an output.

use std::io::IsTerminal;

use dcodec_eval::{io, temporary};

/// Exit code of an interrupted command, as shells have it.
const EXIT_CODE: i32 = 130;

/// Installs the handlers. A command that was started with interrupts ignored keeps ignoring them.
pub fn install() {
    // Without it the system ends the command, with a temporary file left at worst.
    let _ = ctrlc::try_set_handler(|| end(EXIT_CODE));
    #[cfg(unix)]
    requests::install();
}

/// Ends the program without its temporary files.
fn end(code: i32) {
    // Kept to the end: until then nothing new is made.
    let _cleared = temporary::clear();
    if std::io::stderr().is_terminal() {
        // The shell's prompt goes below the progress bar.
        io::say("");
    }
    std::process::exit(code);
}

/// The signals by which systems and closed terminals end programs.
#[cfg(unix)]
mod requests {
    use std::fs;

    use signal_hook::consts::{SIGHUP, SIGTERM};
    use signal_hook::iterator::Signals;

    /// Ends the command at such a signal, with 128 more than its number as shells have it.
    pub fn install() {
        let mut wanted = vec![SIGTERM];
        wanted.extend((!is_ignored(SIGHUP)).then_some(SIGHUP));
        let Ok(mut signals) = Signals::new(wanted) else {
            return;
        };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                super::end(128 + signal);
            }
        });
    }

    /// True for a signal that the command was started to ignore, as by `nohup`, and where that is
    /// not known.
    fn is_ignored(signal: i32) -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
    }
}
