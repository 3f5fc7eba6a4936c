//! Temporary files and running tools, which an interruption must not leave.

use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::io::claimed;

/// New files that are tried where others remove them, at most.
const MOST_TRIES: usize = 8;

/// Something to be undone.
enum Entry {
    File(PathBuf),
    Folder(PathBuf),
    Tool(Arc<Mutex<Child>>),
}

/// Everything that exists now, under keys that rise. It is made under the lock, so that [`clear`]
/// misses nothing.
static PRESENT: Mutex<Vec<(u64, Entry)>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all tools and removes all temporary files and folders. While the result lives no others are
/// made: a handler that ends the program keeps it until then.
pub fn clear() -> impl Sized {
    let mut present = locked(&PRESENT);
    for (_, entry) in mem::take(&mut *present) {
        // It may be gone already.
        let _ = match entry {
            Entry::File(path) => fs::remove_file(path),
            Entry::Folder(path) => fs::remove_dir_all(path),
            Entry::Tool(child) => locked(&child).kill(),
        };
    }
    present
}

/// The key of an entry, which goes when this is dropped.
struct Key(u64);

impl Key {
    /// Makes something, and the entry that undoes it.
    fn make<T>(make: impl FnOnce() -> io::Result<(T, Entry)>) -> io::Result<(T, Self)> {
        let mut present = locked(&PRESENT);
        let (made, entry) = make()?;
        let key = present.last().map_or(0, |last| last.0 + 1);
        present.push((key, entry));
        Ok((made, Key(key)))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        locked(&PRESENT).retain(|(key, _)| *key != self.0);
    }
}

/// A file that becomes an output; removed when it is dropped before.
pub(crate) struct File {
    pub file: NamedTempFile,
    // Dropped after the file.
    _key: Key,
}

impl File {
    /// Makes a file in `folder` as `builder` says.
    pub fn new(builder: &Builder, folder: &Path) -> io::Result<Self> {
        let (file, _key) = Key::make(|| {
            let mut file = builder.tempfile_in(folder)?;
            for _ in 0..MOST_TRIES {
                if claimed(&file) {
                    break;
                }
                file = builder.tempfile_in(folder)?;
            }
            let entry = Entry::File(file.path().into());
            Ok((file, entry))
        })?;
        Ok(File { file, _key })
    }

    /// Gives the file the name `target`; an existing file is replaced only if `force`.
    pub fn persist(self, target: &Path, force: bool) -> io::Result<()> {
        let done = match force {
            true => self.file.persist(target),
            false => self.file.persist_noclobber(target),
        };
        done.map(drop).map_err(|e| e.error)
    }
}

/// A folder among the system's temporary ones; removed with its files when dropped.
pub(crate) struct Folder {
    folder: TempDir,
    _key: Key,
}

impl Folder {
    /// Makes a folder whose name begins with `prefix`.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let (folder, _key) = Key::make(|| {
            let folder = Builder::new().prefix(prefix).tempdir()?;
            let entry = Entry::Folder(folder.path().into());
            Ok((folder, entry))
        })?;
        Ok(Folder { folder, _key })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A tool that runs.
pub(crate) struct Tool {
    child: Arc<Mutex<Child>>,
    _key: Key,
}

impl Tool {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let (child, _key) = Key::make(|| {
            let child = Arc::new(Mutex::new(command.spawn()?));
            Ok((Arc::clone(&child), Entry::Tool(child)))
        })?;
        Ok(Tool { child, _key })
    }

    /// Exit status of the tool; none if it still runs.
    pub fn ended(&self) -> io::Result<Option<ExitStatus>> {
        locked(&self.child).try_wait()
    }

    pub fn kill(self) {
        let mut child = locked(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}
