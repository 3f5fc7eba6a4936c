//! Reading and writing of files and standard streams.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use dcodec::{Error, Result};

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

/// The bytes of a file as they are read, or of standard input for `-`, and how many there are if that is known.
pub fn open_input(path: &Path) -> Result<(Box<dyn Read>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let failed = |e| Error::io(path, e);
    let file = fs::File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
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
        Ok(_) => Ok(()),
        Err(_) => match path.parent() {
            Some(parent) if parent != Path::new("") && !parent.is_dir() => Err(Error::io(
                parent,
                io::Error::new(ErrorKind::NotFound, "no such directory"),
            )),
            _ => Ok(()),
        },
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
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    if !directory.is_dir() {
        let missing = io::Error::new(ErrorKind::NotFound, "no such directory");
        return Err(Error::io(directory, missing));
    }

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

/// A reader that has seen enough is no failure of ours.
pub fn finish(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| match e.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(e),
    })
}

#[cfg(test)]
mod tests;
