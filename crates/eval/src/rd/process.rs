//! Running a tool that may fail, hang or say anything.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::temporary::Tool;

/// Bytes that are read of a tool's messages, at most.
const TAIL: u64 = 1 << 14;

/// A tool gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// It was stopped after its time.
    #[error("{0}")]
    Hung(String),
    #[error("{0}")]
    Failed(String),
}

/// Runs a command to its end, or kills it after `time_limit`.
pub fn wait(mut command: Command, time_limit: Duration) -> Result<ExitStatus, ToolError> {
    let start = Instant::now();
    let failed = |e: std::io::Error| ToolError::Failed(e.to_string());
    let tool = Tool::start(&mut command).map_err(failed)?;
    let mut nap = Duration::from_micros(200);
    loop {
        match tool.ended() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() > time_limit => {
                tool.kill();
                let after = format!("no end after {} s", time_limit.as_secs_f64());
                return Err(ToolError::Hung(after));
            }
            Ok(None) => {
                std::thread::sleep(nap);
                nap = (nap * 2).min(Duration::from_millis(4));
            }
            Err(e) => return Err(failed(e)),
        }
    }
}

/// Values for the arguments of a tool.
pub struct CallValues<'a> {
    /// The setting, for `{q}` and `{layers}`.
    pub setting: &'a str,
    pub from: PathBuf,
    pub to: &'a Path,
    pub time_limit: Duration,
    /// A tool that wrote something may complain.
    pub lenient: bool,
}

/// Runs a tool; its seconds.
///
/// # Errors
/// The last line of its messages, where it wrote nothing or complains and may not.
pub fn call(tool: &str, arguments: &[&str], values: &CallValues) -> Result<f64, ToolError> {
    let arguments = arguments.iter().map(|a| match *a {
        "{in}" => values.from.clone().into(),
        "{out}" => values.to.into(),
        a => OsString::from(
            a.replace("{q}", values.setting)
                .replace("{layers}", values.setting),
        ),
    });
    // A tool that writes nothing must not pass with the file of the last call.
    let _ = std::fs::remove_file(values.to);
    let named = |text: String| format!("{tool}: {text}");
    let failed = |e: std::io::Error| ToolError::Failed(named(e.to_string()));
    // In a file, because a pipe that nobody reads would stop a talkative tool.
    let mut log = tempfile::tempfile().map_err(failed)?;
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log.try_clone().map_err(failed)?);
    let start = Instant::now();
    let status = wait(command, values.time_limit).map_err(|e| match e {
        ToolError::Hung(text) => ToolError::Hung(named(text)),
        ToolError::Failed(text) => ToolError::Failed(named(text)),
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let written = std::fs::metadata(values.to).is_ok_and(|m| m.len() > 0);
    if written && (status.success() || values.lenient) {
        return Ok(seconds);
    }
    let said = tail(&mut log);
    let last = said.lines().rev().find(|l| !l.trim().is_empty());
    Err(ToolError::Failed(named(match (status.success(), last) {
        (true, _) => "wrote nothing".to_owned(),
        (false, last) => format!("{status}: {}", last.unwrap_or("no message").trim()),
    })))
}

/// End of a tool's messages, without the characters that move the cursor.
pub fn tail(log: &mut File) -> String {
    let length = log.metadata().map_or(0, |m| m.len());
    let mut said = Vec::new();
    if log
        .seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .is_ok()
    {
        let _ = log.take(TAIL).read_to_end(&mut said);
    }
    let plain = |c: char| if c == '\n' || !c.is_control() { c } else { ' ' };
    String::from_utf8_lossy(&said).chars().map(plain).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, lenient: bool) -> Result<f64, ToolError> {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("out");
        let values = CallValues {
            setting: "",
            from: folder.path().to_owned(),
            to: &to,
            time_limit: Duration::from_millis(300),
            lenient,
        };
        call("sh", &["-c", script, "sh", "{out}"], &values)
    }

    #[test]
    fn failures_carry_the_last_line() {
        assert!(shell("echo x > $1", false).is_ok());
        let said = shell("echo one; printf 'two\\033[2J\n' >&2; exit 3", false).unwrap_err();
        let text = said.to_string();
        assert!(text.contains("two [2J") && text.contains('3'), "{text}");
        assert!(
            shell("exit 0", false)
                .unwrap_err()
                .to_string()
                .contains("wrote nothing")
        );
        assert!(shell("echo x > $1; exit 2", true).is_ok());
        assert!(shell("echo x > $1; exit 2", false).is_err());
    }

    #[test]
    fn a_tool_that_hangs_is_stopped() {
        let start = Instant::now();
        let hung = shell("exec sleep 30", true).unwrap_err();
        assert!(matches!(hung, ToolError::Hung(_)), "{hung:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
