//! Ctrl-C and the signals that end programs: the command ends at once, and leaves no part of an
//! output.

use std::io::IsTerminal;

use dcodec_eval::{io, temporary};

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

/// Installs the handlers. A command that was started with a signal ignored keeps ignoring it: with
/// interrupts in the background of a script, with hang-ups by `nohup`.
///
/// The exit code is 128 and the number of the signal, as shells have it.
#[cfg(target_os = "linux")]
pub fn install() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let is_ignored = |signal: i32| mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1);
    let wanted = [SIGHUP, SIGINT, SIGTERM].into_iter();
    // Without it the system ends the command, with a temporary file left at worst.
    let Ok(mut signals) = Signals::new(wanted.filter(|&signal| !is_ignored(signal))) else {
        return;
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            end(128 + signal);
        }
    });
}

/// Installs the handler, for all signals or, where interrupts are ignored, for none.
#[cfg(not(target_os = "linux"))]
pub fn install() {
    // Without it the system ends the command, with a temporary file left at worst.
    let _ = ctrlc::try_set_handler(|| end(130));
}
