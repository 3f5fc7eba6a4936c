//! Reading and writing of files and standard streams.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use dcodec::container::SIGNATURE;

use crate::{Error, Result, temporary};

/// The name of an input in messages.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".into()
    } else {
        path.display().to_string()
    }
}

/// The name of an output in messages.
pub fn output_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard output".into()
    } else {
        name(path)
    }
}

/// All bytes of a file, or of standard input for `-`.
pub fn read_input(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io("standard input", e))?;
        return Ok(bytes);
    }
    fs::read(path).map_err(|e| Error::io(path, e))
}

/// All bytes of a .dfc file. Of another file only the first few, however long it is: they tell.
pub fn read_coded(path: &Path) -> Result<Vec<u8>> {
    let (mut source, _) = open_input(path)?;
    let failed = |e| Error::io(name(path), e);
    let mut bytes = Vec::new();
    let first = SIGNATURE.len() as u64;
    source
        .by_ref()
        .take(first)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes == SIGNATURE {
        source.read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

/// A file that is read piece by piece, or standard input for `-`, and its length where that is
/// known.
pub fn open_input(path: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let failed = |e| Error::io(path, e);
    let file = fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_dir() {
        return Err(is_directory(path));
    }
    let size = found.is_file().then_some(found.len());
    Ok((Box::new(file), size))
}

/// Finds out before long work if [`write_atomic`] would refuse.
pub fn check_destination(path: &Path, force: bool) -> Result<()> {
    if path == Path::new("-") {
        return match io::stdout().is_terminal() {
            true => Err(Error::Terminal),
            false => Ok(()),
        };
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(is_directory(path)),
        Ok(found) if found.is_file() && !force => Err(Error::Exists(path.into())),
        Ok(found) if !found.is_file() => Ok(()),
        _ => {
            // The file that a link names is the one that is replaced.
            let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
            let directory = directory(&target)?;
            let probe = tempfile::tempfile_in(&directory);
            // The error would name a file that nobody has heard of.
            probe
                .map_err(|e| Error::io(directory, e.kind().into()))
                .map(drop)
        }
    }
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

/// Refuses two outputs of one name.
pub fn check_distinct<'p>(outputs: impl IntoIterator<Item = &'p Path>) -> Result<()> {
    let mut seen: Vec<&Path> = Vec::new();
    for path in outputs {
        if seen.contains(&path) {
            let e = format!("{}: named for two outputs", output_name(path));
            return Err(Error::Setting(e));
        }
        seen.push(path);
    }
    Ok(())
}

fn is_directory(path: &Path) -> Error {
    let source = io::Error::new(ErrorKind::IsADirectory, "is a directory");
    Error::io(path, source)
}

/// The directory that holds `path`.
fn directory(path: &Path) -> Result<PathBuf> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    match directory.is_dir() {
        true => Ok(directory),
        false => {
            let missing = io::Error::new(ErrorKind::NotFound, "no such directory");
            Err(Error::io(directory, missing))
        }
    }
}

/// Writes a file whole or not at all; `-` is standard output.
///
/// The bytes go to a temporary file in the target's directory, which then takes the target's name.
/// An existing file is replaced only with `force`. Devices and pipes are written directly.
pub fn write_atomic(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if path == Path::new("-") {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        return write_stream(&mut stdout.lock(), is_terminal, write);
    }
    let failed = |e| Error::io(path, e);
    let existing = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(is_directory(path)),
        Ok(found) if !found.is_file() => {
            let mut device = fs::OpenOptions::new()
                .write(true)
                .open(path)
                .map_err(failed)?;
            return finish(write(&mut device)).map_err(failed);
        }
        Ok(found) => Some(found),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => return Err(failed(e)),
    };
    if existing.is_some() && !force {
        return Err(Error::Exists(path.into()));
    }
    // A link keeps pointing where it did: the file that it names is replaced.
    let target = match existing {
        Some(_) => fs::canonicalize(path).map_err(failed)?,
        None => path.to_path_buf(),
    };
    let temporary = temporary_file(&directory(&target)?).map_err(failed)?;
    if let Some(existing) = existing {
        let file = temporary.file.path();
        fs::set_permissions(file, existing.permissions()).map_err(failed)?;
    }
    let mut buffered = BufWriter::new(&temporary.file);
    write(&mut buffered).map_err(failed)?;
    buffered.into_inner().map_err(|e| failed(e.into_error()))?;
    // Another program may have made the file in the meantime.
    let persisted = temporary.persist(&target, force);
    persisted.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists if !force => Error::Exists(path.into()),
        _ => failed(e),
    })
}

/// A file in the target's directory, with the permissions of any new file.
fn temporary_file(directory: &Path) -> io::Result<temporary::File> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dcodec-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The default is for secrets.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    temporary::File::new(&builder, directory)
}

/// Writes binary data to a stream that must not be a terminal.
fn write_stream(
    out: &mut dyn Write,
    is_terminal: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if is_terminal {
        return Err(Error::Terminal);
    }
    finish(write(out).and_then(|()| out.flush())).map_err(|e| Error::io("standard output", e))
}

/// Writes a line to standard error; where that is closed or full the work goes on.
pub fn say(message: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Prints text on standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    finish(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
        .map_err(|e| Error::io("standard output", e))
}

/// Takes a reader that has seen enough for success.
pub fn finish(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| match e.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(e),
    })
}

#[cfg(test)]
mod tests;
