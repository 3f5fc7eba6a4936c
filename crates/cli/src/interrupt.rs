//! Ctrl-C: the command ends at once, and leaves no part of an output.

use std::io::IsTerminal;

use dcodec_eval::{io, temporary};

/// Exit code of an interrupted command, as shells have it.
const EXIT_CODE: i32 = 130;

/// Installs the handler. A command that was started with interrupts ignored keeps ignoring them.
pub fn install() {
    let end = || {
        // Kept to the end: until then nothing new is made.
        let _cleared = temporary::clear();
        if std::io::stderr().is_terminal() {
            // The shell's prompt goes below the progress bar.
            io::say("");
        }
        std::process::exit(EXIT_CODE);
    };
    // Without it the system ends the command, with a temporary file left at worst.
    let _ = ctrlc::try_set_handler(end);
}
