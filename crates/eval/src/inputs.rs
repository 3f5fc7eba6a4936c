//! Files, folders and patterns to a list of files.

use std::collections::HashSet;
use std::fs::{self, File, FileType};
use std::io::Read;
use std::path::{Path, PathBuf};

use dcodec::container::SIGNATURE;
use walkdir::{DirEntry, WalkDir};

use crate::io::{is_temporary, name};
use crate::{Error, Result};

/// Extensions of pictures that can be read.
const PICTURES: [&str; 16] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "jif", "webp", "bmp", "tif", "tiff", "pnm", "ppm", "pgm",
    "pbm", "pam", "gif",
];
/// Extensions of other pictures. A file that is called so may hold one that can be read.
const OTHERS: [&str; 8] = ["apng", "avif", "dib", "heic", "heif", "jp2", "jxl", "tga"];
/// Extension of coded pictures.
const CODED: &str = "dfc";
/// More than the signature of every format takes.
const HEAD_BYTES: u64 = 64;

/// Kind of files that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Picture files, by their extension or by their first bytes.
    Picture,
    /// Coded files, in the same way.
    Coded,
}

impl Kind {
    fn plural(self) -> &'static str {
        match self {
            Kind::Picture => "pictures",
            Kind::Coded => ".dfc files",
        }
    }

    /// Reason for which other files are left out.
    fn refusal(self) -> &'static str {
        match self {
            Kind::Picture => "not a picture that dcodec reads",
            Kind::Coded => "not a .dfc file",
        }
    }

    /// True if the extension of `path` says that it is of this kind.
    fn is_called(self, path: &Path) -> bool {
        extension(path).is_some_and(|e| match self {
            Kind::Picture => PICTURES.contains(&e.as_str()),
            Kind::Coded => e == CODED,
        })
    }

    /// True if the first bytes of a file say that it is of this kind.
    fn begins(self, head: &[u8]) -> bool {
        match self {
            Kind::Picture => image::guess_format(head).is_ok_and(|f| f.reading_enabled()),
            Kind::Coded => head.starts_with(&SIGNATURE),
        }
    }
}

/// A file, and its path below the input that it was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    pub below: PathBuf,
}

/// Contents of the inputs.
#[derive(Debug, Default)]
pub struct Found {
    pub files: Vec<Item>,
    /// Folders with their paths below the input, the input itself among them.
    pub folders: Vec<Item>,
    /// Other contents, and why they are left out.
    pub left_out: Vec<(PathBuf, &'static str)>,
    /// Contents that could not be looked at.
    pub failed: Vec<Error>,
}

/// True for a folder; `-` is standard input, even where a folder has that name.
pub fn is_folder(input: &Path) -> bool {
    input != Path::new("-") && input.is_dir()
}

/// True for inputs that may be several files: folders and patterns. A file whose name looks like a
/// pattern is that file.
pub fn are_many(inputs: &[PathBuf]) -> bool {
    match inputs {
        [one] => is_folder(one) || is_pattern(one),
        _ => true,
    }
}

/// Name of a file with the extension `to`, in the place of its own if that is one of pictures, else
/// after it: `IMG.1` and `IMG.2` remain two files.
pub fn renamed(path: &Path, to: &str) -> PathBuf {
    let known =
        |e: &String| e == CODED || PICTURES.contains(&e.as_str()) || OTHERS.contains(&e.as_str());
    match extension(path).filter(known) {
        Some(_) => path.with_extension(to),
        None => {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(".");
            name.push(to);
            path.with_file_name(name)
        }
    }
}

/// Files of `inputs`: each file that is named, the files of a kind in each folder, and the files
/// that fit a pattern, all but the named ones sorted by name. No file comes twice.
///
/// Folders in folders are searched if `recursive`, those that links name and `except` are not.
///
/// # Errors
/// [`Error::NoFiles`] for a folder and [`Error::Setting`] for a pattern without files; errors of
/// the system on an input.
pub fn find(
    inputs: &[PathBuf],
    kind: Kind,
    recursive: bool,
    except: Option<&Path>,
) -> Result<Found> {
    let mut found = Found::default();
    let except = except.and_then(|path| fs::canonicalize(path).ok());
    for input in inputs {
        let named = match is_pattern(input) {
            true => matching(input)?,
            false => vec![input.clone()],
        };
        for path in named {
            match is_folder(&path) {
                true => found.search(&path, kind, recursive, except.as_deref())?,
                false => found.files.push(Item {
                    below: path.file_name().unwrap_or_default().into(),
                    path,
                }),
            }
        }
    }
    let mut seen = HashSet::new();
    found.files.retain(|item| seen.insert(item.path.clone()));
    Ok(found)
}

/// The paths of [`find`], of folders without their folders.
///
/// # Errors
/// Those of [`find`].
pub fn files(inputs: &[PathBuf], kind: Kind) -> Result<Vec<PathBuf>> {
    let found = find(inputs, kind, false, None)?;
    Ok(found.files.into_iter().map(|item| item.path).collect())
}

impl Found {
    /// Adds the contents of a folder.
    fn search(
        &mut self,
        folder: &Path,
        kind: Kind,
        recursive: bool,
        except: Option<&Path>,
    ) -> Result<()> {
        let before = self.files.len() + self.failed.len();
        let mut inner = false;
        let mut walk = WalkDir::new(folder)
            .sort_by_file_name()
            .max_depth(if recursive { usize::MAX } else { 1 })
            .into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                // The folder that was named is an input like any other.
                Err(e) if e.path().is_none_or(|path| path == folder) => {
                    return Err(Error::io(folder, e.into()));
                }
                Err(e) => {
                    let path = e.path().unwrap_or(folder).to_owned();
                    self.failed.push(Error::io(path, e.into()));
                    continue;
                }
            };
            let item = Item {
                path: entry.path().into(),
                below: entry.path().strip_prefix(folder).unwrap_or(folder).into(),
            };
            if !entry.file_type().is_dir() {
                self.sort(item, entry.file_type(), kind);
                continue;
            }
            if entry.depth() > 0 && is_same(&entry, except) {
                walk.skip_current_dir();
            } else if entry.depth() > 0 && !recursive {
                inner = true;
                self.left_out.push((item.path, "a folder in the folder"));
            } else {
                self.folders.push(item);
            }
        }
        match self.files.len() + self.failed.len() == before {
            true => Err(Error::NoFiles {
                folder: folder.display().to_string(),
                kind: kind.plural(),
                folders: inner,
            }),
            false => Ok(()),
        }
    }

    /// Puts what was found in a folder, other than a folder, where it belongs.
    fn sort(&mut self, item: Item, entry: FileType, kind: Kind) {
        let reason = match fs::metadata(&item.path) {
            Ok(found) if found.is_file() => match belongs(&item.path, kind) {
                Ok(true) => return self.files.push(item),
                Ok(false) => kind.refusal(),
                Err(e) => return self.failed.push(Error::io(item.path, e)),
            },
            Ok(found) if found.is_dir() => "a link to a folder",
            Ok(_) => "no file",
            // A picture is missing.
            Err(e) if kind.is_called(&item.path) => {
                return self.failed.push(Error::io(item.path, e));
            }
            Err(_) if entry.is_symlink() => "a link to nothing",
            Err(e) => return self.failed.push(Error::io(item.path, e)),
        };
        // Nothing of the user's.
        if is_temporary(&item.path) {
            return;
        }
        // Coded files beside the pictures, and pictures beside the coded files, are as they should.
        let other = match kind {
            Kind::Picture => Kind::Coded,
            Kind::Coded => Kind::Picture,
        };
        if !other.is_called(&item.path) {
            self.left_out.push((item.path, reason));
        }
    }
}

/// True if a folder is the one at `except`.
fn is_same(entry: &DirEntry, except: Option<&Path>) -> bool {
    except.is_some_and(|except| fs::canonicalize(entry.path()).is_ok_and(|path| path == except))
}

/// True for a file that is called as its kind is, or, where its name says nothing, begins so.
fn belongs(path: &Path, kind: Kind) -> std::io::Result<bool> {
    if kind.is_called(path) || is_temporary(path) {
        return Ok(kind.is_called(path));
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(kind.begins(&head))
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[']) && !path.exists()
}

/// Files that fit a pattern, for shells that leave it as it is.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |why: String| Error::Setting(format!("{}: {why}", name(pattern)));
    let found = glob::glob(&pattern.to_string_lossy()).map_err(|e| wrong(e.to_string()))?;
    let files: Vec<PathBuf> = found.flatten().filter(|path| path.is_file()).collect();
    match files.is_empty() {
        true => Err(wrong("no file fits this pattern".into())),
        false => Ok(files),
    }
}
