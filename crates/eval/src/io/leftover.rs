//! Temporary files of outputs: their names, and those that runs left which were ended by force.
//!
//! A run holds a lock on each of its temporary files. The system takes it back when the run ends,
//! so that a file without a lock is nobody's.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::NamedTempFile;

/// Start and end of the names.
pub(super) const NAME: (&str, &str) = (".dcodec-", ".tmp");

/// Folders that this run has looked through.
static SEEN: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// True for the name of a temporary file.
pub(crate) fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(NAME.0) && name.ends_with(NAME.1))
}

/// Marks a new file as one of a run that goes on. False if another run has taken it for a leftover
/// in the meantime: then it is gone, or goes.
pub(crate) fn claimed(file: &NamedTempFile) -> bool {
    match file.as_file().try_lock() {
        Ok(()) => file.path().exists(),
        Err(TryLockError::WouldBlock) => false,
        // Where there are no locks nobody removes anything.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Removes the temporary files in `folder` that no run holds, once in a run.
pub(super) fn sweep(folder: &Path) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if !seen.get_or_insert_default().insert(folder.to_owned()) {
        return;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries
        .map(|entry| entry.path())
        .filter(|p| is_temporary(p))
    {
        // Not what a link names, and no pipe, whose opening would wait.
        let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        if let Some(Ok(file)) = is_file.then(|| File::open(&path))
            && file.try_lock().is_ok()
        {
            // Another run may have done it.
            let _ = fs::remove_file(&path);
        }
    }
}
