//! The program `dcodec`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dcodec_cli::command(std::env::args_os()))
}
