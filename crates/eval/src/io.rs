//! Reading and writing of files and standard streams.

mod leftover;
mod output;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result, inputs};

pub(crate) use leftover::{claimed, is_temporary};
use output::is_directory;
pub use output::{check_destination, finish, keep_time, write_atomic};

/// Links that are followed, one after the other.
const MOST_LINKS: usize = 40;

/// The name of an input in messages. Characters that a terminal would obey are escaped.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".into()
    } else {
        escaped(&path.display().to_string(), &[])
    }
}

/// `text` without control characters but those that are `kept`: the others are escaped.
fn escaped(text: &str, kept: &[char]) -> String {
    let plain = |c: char| !c.is_control() || kept.contains(&c);
    text.chars().fold(String::new(), |mut all, c| {
        match plain(c) {
            true => all.push(c),
            false => all.extend(c.escape_default()),
        }
        all
    })
}

/// The name of an output in messages.
pub fn output_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard output".into()
    } else {
        name(path)
    }
}

/// True for `-` and for the other names of standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-") || descriptor(path) == Some(0)
}

/// True for `-` and for the other names of standard output.
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-") || descriptor(path) == Some(1)
}

/// Number of the open stream of this process that a name such as `/dev/fd/3` or `/dev/stdout`
/// means.
pub fn descriptor(path: &Path) -> Option<u32> {
    let streams = fs::canonicalize("/dev/fd").ok()?;
    let mut at = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let folder = match at.parent()? {
            here if here == Path::new("") => Path::new("."),
            folder => folder,
        };
        // Its links have no targets that a path could name.
        let folder = fs::canonicalize(folder).ok()?;
        if folder == streams {
            return at.file_name()?.to_str()?.parse().ok();
        }
        at = folder.join(fs::read_link(&at).ok()?);
    }
    None
}

/// The bytes of a file, or of standard input for `-`, up to `most`.
///
/// # Errors
/// [`Error::TooLong`] if there are more; errors of the system.
pub fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
    read_sound(path, most, 0, |_| true)
}

/// The bytes of a file, as [`read_at_most`], or only its first `head` if these are not `sound`.
///
/// # Errors
/// Those of [`read_at_most`].
pub fn read_sound(
    path: &Path,
    most: u64,
    head: u64,
    sound: impl FnOnce(&[u8]) -> bool,
) -> Result<Vec<u8>> {
    let (mut source, size) = open_input(path)?;
    let too_long = || Error::TooLong {
        name: name(path),
        limit: most,
    };
    if size.is_some_and(|size| size > most) {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    let mut read = |bytes: &mut Vec<u8>, most: u64| {
        let read = source.by_ref().take(most).read_to_end(bytes);
        read.map_err(|e| Error::io(name(path), e))
    };
    read(&mut bytes, head)?;
    if sound(&bytes) {
        read(&mut bytes, most.saturating_add(1).saturating_sub(head))?;
    }
    match bytes.len() as u64 > most {
        true => Err(too_long()),
        false => Ok(bytes),
    }
}

/// A file that is read piece by piece, or standard input for `-`, and its length where that is
/// known.
pub fn open_input(path: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if is_standard_input(path) {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let (file, size) = open_file(path)?;
    Ok((Box::new(file), size))
}

/// A file, and its length if it has one.
pub(crate) fn open_file(path: &Path) -> Result<(fs::File, Option<u64>)> {
    let failed = |e| Error::io(path, e);
    let file = fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_dir() {
        return Err(is_directory(path));
    }
    let size = found.is_file().then_some(found.len());
    Ok((file, size))
}

/// Refuses to write over an input, whatever the flags.
pub fn check_apart(input: &Path, output: &Path) -> Result<()> {
    let real = |path: &Path| match path == Path::new("-") {
        true => None,
        false => fs::canonicalize(path).ok().filter(|p| p.is_file()),
    };
    match real(input) {
        Some(input) if real(output).as_ref() == Some(&input) => Err(Error::IsInput(output.into())),
        _ => Ok(()),
    }
}

/// Refuses two outputs that are one file, by one name or by two.
pub fn check_distinct<'p>(outputs: impl IntoIterator<Item = &'p Path>) -> Result<()> {
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in outputs {
        let place = match path == Path::new("-") {
            true => path.to_owned(),
            false => fs::canonicalize(path).unwrap_or_else(|_| inputs::resolved(path)),
        };
        if seen.contains(&place) {
            let e = format!("{}: named for two outputs", output_name(path));
            return Err(Error::Setting(e));
        }
        seen.push(place);
    }
    Ok(())
}

/// Writes a line to standard error; where that is closed or full the work goes on. Control
/// characters of names in it are escaped.
pub fn say(message: impl std::fmt::Display) {
    let text = escaped(&message.to_string(), &['\n', '\t']);
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints text on standard output. Control characters of names in it are escaped.
pub fn print(text: &str) -> Result<()> {
    let text = escaped(text, &['\n', '\t']);
    let mut out = io::stdout().lock();
    finish(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
        .map_err(|e| Error::io("standard output", e))
}

#[cfg(test)]
mod tests;
