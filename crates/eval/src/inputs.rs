//! Files, folders and patterns to a list of files.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use dcodec::container::SIGNATURE;
use walkdir::WalkDir;

use crate::io::{is_temporary, name};
use crate::load::guessed_format;
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

/// Reason for which folders are left out.
const INNER: &str = "a folder in the folder";

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

    /// True for a file that begins as this kind does. False for `-`, which can be read once only.
    pub fn is_of(self, path: &Path) -> bool {
        let is_file = path != Path::new("-") && path.is_file();
        let head = is_file.then(|| head(path));
        head.is_some_and(|head| head.is_ok_and(|head| self.begins(&head)))
    }

    /// True if the first bytes of a file say that it is of this kind.
    fn begins(self, head: &[u8]) -> bool {
        match self {
            Kind::Picture => guessed_format(head).is_some_and(|f| f.reading_enabled()),
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

/// True for names with the extension of a picture or of a coded file. A slash at the end makes them
/// names of folders.
pub fn is_file_name(path: &Path) -> bool {
    !path.as_os_str().as_encoded_bytes().ends_with(b"/") && has_known_extension(path)
}

fn has_known_extension(path: &Path) -> bool {
    extension(path).is_some_and(|e| {
        let e = e.as_str();
        e == CODED || PICTURES.contains(&e) || OTHERS.contains(&e)
    })
}

/// Name of a file with the extension `to`, in the place of its own if that is one of pictures, else
/// after it: `IMG.1` and `IMG.2` remain two files.
pub fn renamed(path: &Path, to: &str) -> PathBuf {
    match has_known_extension(path) {
        true => path.with_extension(to),
        false => {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(".");
            name.push(to);
            path.with_file_name(name)
        }
    }
}

/// `path` with its folder as the system knows it, so that two ways to write one name are one. The
/// name itself may be a link, and stays.
pub fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| *p != Path::new(""));
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Files of `inputs`: each file that is named, and the files of a kind in each folder and of those
/// that fit a pattern, both sorted by name. No file comes twice.
///
/// Folders in folders are searched if `recursive`, those that links name and `except` are not. The
/// contents of one folder are found below it; where there are several inputs each folder keeps its
/// name.
///
/// # Errors
/// [`Error::NoFiles`] and [`Error::Setting`] where nothing is found; errors of the system on an
/// input.
pub fn find(
    inputs: &[PathBuf],
    kind: Kind,
    recursive: bool,
    except: Option<&Path>,
) -> Result<Found> {
    let mut found = Found::default();
    let search = Search {
        kind,
        recursive,
        except: except.and_then(|path| fs::canonicalize(path).ok()),
        several: inputs.len() > 1 || inputs.iter().any(|input| is_pattern(input)),
    };
    let mut empty = None;
    for input in inputs {
        let before = found.count();
        if is_pattern(input) {
            found.take_matching(input, &search)?;
        } else if !is_folder(input) {
            found.files.push(Item {
                path: input.clone(),
                below: input.file_name().unwrap_or_default().into(),
            });
        } else if !(search.several && search.is_excepted(input)) {
            found.search(input, &search)?;
        }
        if found.count() == before {
            let nothing = match is_pattern(input) {
                true => wrong_pattern(input, "no file fits this pattern"),
                false => Error::NoFiles {
                    folder: name(input),
                    kind: kind.plural(),
                    folders: found.folder_in(input),
                },
            };
            empty.get_or_insert(nothing);
        }
    }
    let mut seen = HashSet::new();
    found.files.retain(|item| seen.insert(resolved(&item.path)));
    match empty {
        Some(e) if found.count() == 0 => Err(e),
        _ => Ok(found),
    }
}

/// The paths of [`find`], of folders without their folders.
///
/// # Errors
/// Those of [`find`].
pub fn files(inputs: &[PathBuf], kind: Kind) -> Result<Vec<PathBuf>> {
    let found = find(inputs, kind, false, None)?;
    Ok(found.files.into_iter().map(|item| item.path).collect())
}

/// Kind of files that are looked for, and the places where.
struct Search {
    kind: Kind,
    recursive: bool,
    /// A folder that is not searched.
    except: Option<PathBuf>,
    /// True if there may be more than one folder.
    several: bool,
}

impl Search {
    fn is_excepted(&self, folder: &Path) -> bool {
        let except = self.except.as_ref();
        except.is_some_and(|except| fs::canonicalize(folder).is_ok_and(|path| path == *except))
    }
}

impl Found {
    /// Number of files, those that cannot be looked at among them.
    fn count(&self) -> usize {
        self.files.len() + self.failed.len()
    }

    /// True if a folder in `folder` was left out.
    fn folder_in(&self, folder: &Path) -> bool {
        let mut left_out = self.left_out.iter();
        left_out.any(|(path, reason)| *reason == INNER && path.starts_with(folder))
    }

    /// Adds what fits a pattern, for shells that leave it as it is.
    fn take_matching(&mut self, pattern: &Path, search: &Search) -> Result<()> {
        let fitting = glob::glob(&pattern.to_string_lossy());
        for path in fitting.map_err(|e| wrong_pattern(pattern, &e.to_string()))? {
            let path = match path {
                Ok(path) => path,
                Err(e) => {
                    let path = e.path().to_owned();
                    self.failed.push(Error::io(path, e.into()));
                    continue;
                }
            };
            if !path.is_dir() {
                let below = path.file_name().unwrap_or_default().into();
                self.sort(Item { path, below }, search.kind);
            } else if !search.recursive {
                self.left_out.push((path, INNER));
            } else if !search.is_excepted(&path) {
                self.search(&path, search)?;
            }
        }
        Ok(())
    }

    /// Adds the contents of a folder.
    fn search(&mut self, folder: &Path, search: &Search) -> Result<()> {
        let name = folder.file_name().filter(|_| search.several);
        let top = name.map(PathBuf::from).unwrap_or_default();
        let mut walk = WalkDir::new(folder)
            .sort_by_file_name()
            .max_depth(if search.recursive { usize::MAX } else { 1 })
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
            let path = entry.path().to_owned();
            let below = top.join(path.strip_prefix(folder).unwrap_or(folder));
            let item = Item { path, below };
            if !entry.file_type().is_dir() {
                self.sort(item, search.kind);
            } else if entry.depth() > 0 && search.is_excepted(&item.path) {
                walk.skip_current_dir();
            } else if entry.depth() > 0 && !search.recursive {
                self.left_out.push((item.path, INNER));
            } else {
                self.folders.push(item);
            }
        }
        Ok(())
    }

    /// Puts what was found, other than a folder, where it belongs.
    fn sort(&mut self, item: Item, kind: Kind) {
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
            Err(_) if item.path.is_symlink() => "a link to nothing",
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

/// True for a file that is called as its kind is, or, where its name says nothing, begins so.
fn belongs(path: &Path, kind: Kind) -> std::io::Result<bool> {
    if kind.is_called(path) || is_temporary(path) {
        return Ok(kind.is_called(path));
    }
    Ok(kind.begins(&head(path)?))
}

/// The first bytes of a file.
fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

fn extension(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

fn is_pattern(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains(['*', '?', '[']) && !path.exists() && glob::Pattern::new(&text).is_ok()
}

fn wrong_pattern(pattern: &Path, reason: &str) -> Error {
    Error::Setting(format!("{}: {reason}", name(pattern)))
}
