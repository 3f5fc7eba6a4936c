//! Running a tool that may fail, hang or say anything.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Most of what a tool says that is read.
const TAIL: u64 = 1 << 14;

/// Why a tool gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It was stopped after its time.
    Hung(String),
    Failed(String),
}

impl Trouble {
    pub fn text(&self) -> &str {
        match self {
            Trouble::Hung(text) | Trouble::Failed(text) => text,
        }
    }
}

/// Runs a command to its end, or kills it after `patience`.
pub fn wait(mut command: Command, patience: Duration) -> Result<ExitStatus, Trouble> {
    let start = Instant::now();
    let failed = |e: std::io::Error| Trouble::Failed(e.to_string());
    let mut child = command.spawn().map_err(failed)?;
    let mut nap = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if start.elapsed() > patience => {
                let _ = child.kill();
                let _ = child.wait();
                let after = format!("no end after {} s", patience.as_secs_f64());
                return Err(Trouble::Hung(after));
            }
            Ok(None) => {
                std::thread::sleep(nap);
                nap = (nap * 2).min(Duration::from_millis(4));
            }
            Err(e) => return Err(failed(e)),
        }
    }
}

/// What is filled into the arguments of a tool.
pub struct Fill<'a> {
    /// The setting, for `{q}` and `{layers}`.
    pub setting: &'a str,
    pub from: PathBuf,
    pub to: &'a Path,
    pub patience: Duration,
    /// Whether a tool that wrote something may complain.
    pub lenient: bool,
}

/// Runs a tool and returns its seconds, or the last thing it said.
pub fn call(tool: &str, arguments: &[&str], fill: &Fill) -> Result<f64, Trouble> {
    let arguments = arguments.iter().map(|a| match *a {
        "{in}" => fill.from.clone().into(),
        "{out}" => fill.to.into(),
        a => OsString::from(
            a.replace("{q}", fill.setting)
                .replace("{layers}", fill.setting),
        ),
    });
    // A tool that writes nothing must not pass with the file of the last call.
    let _ = std::fs::remove_file(fill.to);
    let named = |text: String| format!("{tool}: {text}");
    let failed = |e: std::io::Error| Trouble::Failed(named(e.to_string()));
    // In a file, because a pipe that nobody reads would stop a talkative tool.
    let mut log = tempfile::tempfile().map_err(failed)?;
    let mut command = Command::new(tool);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log.try_clone().map_err(failed)?);
    let start = Instant::now();
    let status = wait(command, fill.patience).map_err(|e| match e {
        Trouble::Hung(text) => Trouble::Hung(named(text)),
        Trouble::Failed(text) => Trouble::Failed(named(text)),
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let written = std::fs::metadata(fill.to).is_ok_and(|m| m.len() > 0);
    if written && (status.success() || fill.lenient) {
        return Ok(seconds);
    }
    let said = tail(&mut log);
    let last = said.lines().rev().find(|l| !l.trim().is_empty());
    Err(Trouble::Failed(named(match (status.success(), last) {
        (true, _) => "wrote nothing".to_owned(),
        (false, last) => format!("{status}: {}", last.unwrap_or("no message").trim()),
    })))
}

/// The end of what a tool said, without what would move the cursor.
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

    fn shell(script: &str, lenient: bool) -> Result<f64, Trouble> {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("out");
        let fill = Fill {
            setting: "",
            from: folder.path().to_owned(),
            to: &to,
            patience: Duration::from_millis(300),
            lenient,
        };
        call("sh", &["-c", script, "sh", "{out}"], &fill)
    }

    #[test]
    fn failures_carry_the_last_line() {
        assert!(shell("echo x > $1", false).is_ok());
        let said = shell("echo one; printf 'two\\033[2J\n' >&2; exit 3", false).unwrap_err();
        let text = said.text();
        assert!(text.contains("two [2J") && text.contains('3'), "{text}");
        assert!(
            shell("exit 0", false)
                .unwrap_err()
                .text()
                .contains("wrote nothing")
        );
        assert!(shell("echo x > $1; exit 2", true).is_ok());
        assert!(shell("echo x > $1; exit 2", false).is_err());
    }

    #[test]
    fn a_tool_that_hangs_is_stopped() {
        let start = Instant::now();
        let hung = shell("exec sleep 30", true).unwrap_err();
        assert!(matches!(hung, Trouble::Hung(_)), "{hung:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
