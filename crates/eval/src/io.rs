//! Reading and writing of files and standard streams.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use dcodec::container::SIGNATURE;
use dcodec::{Error, Result};

/// How a file is called in messages.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".into()
    } else {
        path.display().to_string()
    }
}

/// The same for a file that is written.
pub fn output_name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard output".into()
    } else {
        name(path)
    }
}

/// All the bytes of a file, or of standard input for `-`.
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

/// The same of a .dfc file; another is refused by its first bytes, however long it is.
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

/// The bytes of a file as they are read, or of standard input for `-`, and how many there are if that is known.
pub fn open_input(path: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let failed = |e| Error::io(path, e);
    let file = fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_dir() {
        return Err(failed(io::Error::new(
            ErrorKind::IsADirectory,
            "is a directory",
        )));
    }
    let size = found.is_file().then_some(found.len());
    Ok((Box::new(file), size))
}

/// Finds out before long work whether [`write_atomic`] would refuse.
pub fn check_destination(path: &Path, force: bool) -> Result<()> {
    if path == Path::new("-") {
        return match io::stdout().is_terminal() {
            true => Err(terminal()),
            false => Ok(()),
        };
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Error::io(
            path,
            io::Error::new(ErrorKind::IsADirectory, "is a directory"),
        )),
        Ok(found) if found.is_file() && !force => Err(exists(path)),
        Ok(found) if !found.is_file() => Ok(()),
        _ => {
            // Behind a link, where the file will be.
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

/// Refuses to write over what is read, whatever the flags.
pub fn check_apart(input: &Path, output: &Path) -> Result<()> {
    let real = |path: &Path| match path == Path::new("-") {
        true => None,
        false => fs::canonicalize(path).ok().filter(|p| p.is_file()),
    };
    match real(input) {
        Some(input) if real(output).as_ref() == Some(&input) => Err(Error::Parameter(format!(
            "{}: the output would be the input itself (name another with -o)",
            output.display()
        ))),
        _ => Ok(()),
    }
}

/// Refuses two outputs of one name.
pub fn check_distinct<'p>(outputs: impl IntoIterator<Item = &'p Path>) -> Result<()> {
    let mut seen: Vec<&Path> = Vec::new();
    for path in outputs {
        if seen.contains(&path) {
            let e = format!("{}: named for two outputs", output_name(path));
            return Err(Error::Parameter(e));
        }
        seen.push(path);
    }
    Ok(())
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
/// The bytes go to a temporary file in the target's directory, which then takes the target's name. An existing file is
/// replaced only with `force`; devices and pipes are written directly.
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
        Ok(found) if found.is_dir() => {
            return Err(failed(io::Error::new(
                ErrorKind::IsADirectory,
                "is a directory",
            )));
        }
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
        return Err(exists(path));
    }
    // A link keeps pointing where it did: the file behind it is replaced.
    let target = match existing {
        Some(_) => fs::canonicalize(path).map_err(failed)?,
        None => path.to_path_buf(),
    };
    let directory = directory(&target)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dcodec-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets; the default is for secrets.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let temporary = builder.tempfile_in(&directory).map_err(failed)?;
    if let Some(existing) = existing {
        fs::set_permissions(temporary.path(), existing.permissions()).map_err(failed)?;
    }
    let mut buffered = BufWriter::new(temporary);
    write(&mut buffered).map_err(failed)?;
    let temporary = buffered.into_inner().map_err(|e| failed(e.into_error()))?;
    if force {
        temporary.persist(&target).map_err(|e| failed(e.error))?;
    } else {
        // Somebody may have made the file in the meantime.
        temporary
            .persist_noclobber(&target)
            .map_err(|e| match e.error.kind() {
                ErrorKind::AlreadyExists => exists(path),
                _ => failed(e.error),
            })?;
    }
    Ok(())
}

fn exists(path: &Path) -> Error {
    Error::Parameter(format!(
        "{}: exists already (use -f to overwrite)",
        path.display()
    ))
}

fn terminal() -> Error {
    Error::Parameter(
        "standard output is a terminal: binary data is not written there (name a file with -o, or use a pipe)".into(),
    )
}

/// Writes binary data to a stream that must not be a terminal.
fn write_stream(
    out: &mut dyn Write,
    is_terminal: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if is_terminal {
        return Err(terminal());
    }
    finish(write(out).and_then(|()| out.flush())).map_err(|e| Error::io("standard output", e))
}

/// Says something on standard error; that this is closed or full is no reason to stop.
pub fn say(message: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Prints text on standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    finish(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
        .map_err(|e| Error::io("standard output", e))
}

/// A reader that has seen enough is no failure of ours.
pub fn finish(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| match e.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(e),
    })
}

#[cfg(test)]
mod tests;
