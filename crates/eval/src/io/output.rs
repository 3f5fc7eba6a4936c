//! Outputs: streams and devices are written to, files appear whole or not at all.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::{MOST_LINKS, descriptor, leftover};
use crate::{Error, Result, temporary};

/// The operation is not permitted, whatever the permissions.
const EPERM: i32 = 1;

/// The thing that the name of an output means.
enum Place {
    Standard,
    /// Standard error.
    Messages,
    /// A pipe, a device or another open stream: written to as it is.
    Device,
    /// A file, at the end of all links, and the old one in its place.
    File {
        target: PathBuf,
        replaced: Option<fs::Metadata>,
    },
}

impl Place {
    /// The place that `path` names.
    ///
    /// # Errors
    /// All reasons for which nothing could be written there, as far as they can be known without
    /// writing.
    fn of(path: &Path, force: bool) -> Result<Place> {
        match descriptor(path) {
            _ if path == Path::new("-") => return Ok(Place::Standard),
            Some(1) => return Ok(Place::Standard),
            Some(2) => return Ok(Place::Messages),
            Some(_) => return Ok(Place::Device),
            None => {}
        }
        let failed = |e| Error::io(path, e);
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(is_directory(path)),
            Ok(found) if !found.is_file() => Ok(Place::Device),
            Ok(_) if !force => Err(Error::Exists(path.into())),
            // A link keeps pointing where it did: the file that it names is replaced.
            Ok(found) => Ok(Place::File {
                target: fs::canonicalize(path).map_err(failed)?,
                replaced: Some(found),
            }),
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed(e)),
            Err(_) if path.as_os_str().is_empty() => {
                Err(Error::Setting("the name of the output is empty".into()))
            }
            Err(_) if path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                let missing = io::Error::new(ErrorKind::NotFound, "no such directory");
                Err(failed(missing))
            }
            Err(_) if path.is_symlink() && !force => Err(Error::Exists(path.into())),
            Err(_) => {
                let target = end_of_links(path).map_err(failed)?;
                directory(&target)?;
                Ok(Place::File {
                    target,
                    replaced: None,
                })
            }
        }
    }
}

/// The name that the last link names.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        if !at.is_symlink() {
            return Ok(at);
        }
        let link = fs::read_link(&at)?;
        at = at.parent().unwrap_or(Path::new("")).join(link);
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "too many links"))
}

/// Finds out before long work if [`write_atomic`] would refuse.
pub fn check_destination(path: &Path, force: bool) -> Result<()> {
    match Place::of(path, force)? {
        Place::Standard if io::stdout().is_terminal() => Err(Error::Terminal),
        Place::Standard | Place::Messages => Ok(()),
        // Opening a pipe would wait for its other end.
        Place::Device => {
            let found = fs::metadata(path).map_err(|e| Error::io(path, e))?;
            match found.permissions().readonly() && !found.is_file() {
                true => Err(Error::io(path, ErrorKind::PermissionDenied.into())),
                false => Ok(()),
            }
        }
        Place::File { target, replaced } => {
            let directory = directory(&target)?;
            let probe = tempfile::tempfile_in(&directory);
            // The error would name a file that nobody has heard of.
            let reason = |e: io::Error| match e.kind() {
                ErrorKind::NotFound => io::Error::other("no file can be made here"),
                kind => kind.into(),
            };
            let probe = probe.map_err(|e| Error::io(&directory, reason(e)))?;
            if replaced
                .as_ref()
                .is_some_and(|old| is_kept(&probe, &directory, old))
            {
                let theirs =
                    "the folder lets only its owner and the file's replace it (sticky bit)";
                let refused = io::Error::new(ErrorKind::PermissionDenied, theirs);
                return Err(Error::io(target, refused));
            }
            match replaced.map(|_| fs::OpenOptions::new().write(true).open(&target)) {
                // A file that not even its owner may change.
                Some(Err(e)) if e.raw_os_error() == Some(EPERM) => Err(Error::io(target, e)),
                _ => Ok(()),
            }
        }
    }
}

/// True if `old` is a file of others in a directory of others whose sticky bit keeps it. `probe` is
/// a file of ours.
#[cfg(unix)]
fn is_kept(probe: &fs::File, directory: &Path, old: &fs::Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    const STICKY: u32 = 0o1000;
    let (Ok(ours), Ok(directory)) = (probe.metadata(), fs::metadata(directory)) else {
        return false;
    };
    // Root may replace everything.
    let owners = [0, old.uid(), directory.uid()];
    directory.permissions().mode() & STICKY != 0 && !owners.contains(&ours.uid())
}

#[cfg(not(unix))]
fn is_kept(_: &fs::File, _: &Path, _: &fs::Metadata) -> bool {
    false
}

/// The error of a directory in the place of a file.
pub(super) fn is_directory(path: &Path) -> Error {
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
/// Those that earlier runs left there, because they were ended by force, are removed.
/// An existing file is replaced only with `force`; its owner and its permissions stay, as far as
/// the system lets them. Devices, pipes and open streams are written directly.
pub fn write_atomic(
    path: &Path,
    force: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let failed = |e| Error::io(path, e);
    let (target, replaced) = match Place::of(path, force)? {
        Place::Standard => {
            let stdout = io::stdout();
            let is_terminal = stdout.is_terminal();
            return write_stream(&mut stdout.lock(), is_terminal, write);
        }
        Place::Messages => return finish(write(&mut io::stderr().lock())).map_err(failed),
        Place::Device => {
            let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
            // What others have written to the stream stays.
            let mut device = fs::OpenOptions::new()
                .write(true)
                .append(is_file)
                .open(path)
                .map_err(failed)?;
            return finish(write(&mut device)).map_err(failed);
        }
        Place::File { target, replaced } => (target, replaced),
    };
    let temporary = temporary_file(&directory(&target)?).map_err(failed)?;
    if let Some(replaced) = replaced {
        inherit(temporary.file.as_file(), &replaced).map_err(failed)?;
    }
    let mut buffered = BufWriter::new(temporary.file.as_file());
    write(&mut buffered).map_err(failed)?;
    buffered.into_inner().map_err(|e| failed(e.into_error()))?;
    // Another program may have made the file in the meantime.
    let persisted = temporary.persist(&target, force);
    persisted.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists if !force => Error::Exists(path.into()),
        _ => failed(e),
    })
}

/// Gives `file` the owner and the permissions of the file that it replaces. Programs that run as
/// their owner are none of ours: that bit goes.
#[cfg(unix)]
fn inherit(file: &fs::File, replaced: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (replaced.uid(), replaced.gid()) {
        // The group alone may be ours to give.
        let _ = fchown(file, Some(replaced.uid()), Some(replaced.gid()))
            .or_else(|_| fchown(file, None, Some(replaced.gid())));
    }
    let mode = replaced.permissions().mode() & 0o777;
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn inherit(file: &fs::File, replaced: &fs::Metadata) -> io::Result<()> {
    file.set_permissions(replaced.permissions())
}

/// Gives the file `output` the time at which `input` was last changed, where both are files and the
/// system allows it.
pub fn keep_time(input: &Path, output: &Path) {
    let is_stream = |path: &Path| path == Path::new("-") || descriptor(path).is_some();
    if is_stream(input) || is_stream(output) {
        return;
    }
    let found = fs::metadata(input).ok().filter(fs::Metadata::is_file);
    let changed = found.and_then(|found| found.modified().ok());
    // Opening a pipe would wait for its other end.
    if !output.is_file() {
        return;
    }
    let written = fs::OpenOptions::new().append(true).open(output);
    // The file may be one that is only read.
    let written = written.or_else(|_| fs::File::open(output));
    if let (Some(time), Ok(written)) = (changed, written) {
        let _ = written.set_modified(time);
    }
}

/// A file in the target's directory, with the permissions of any new file.
fn temporary_file(directory: &Path) -> io::Result<temporary::File> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(leftover::NAME.0).suffix(leftover::NAME.1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The default is for secrets.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    leftover::sweep(directory);
    temporary::File::new(&builder, directory)
}

/// Writes binary data to a stream that must not be a terminal.
pub(super) fn write_stream(
    out: &mut dyn Write,
    is_terminal: bool,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    if is_terminal {
        return Err(Error::Terminal);
    }
    finish(write(out).and_then(|()| out.flush())).map_err(|e| Error::io("standard output", e))
}

/// Takes a reader that has seen enough for success.
pub fn finish(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| match e.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(e),
    })
}
