//! The files that the server has: those of the web package, and the one that is viewed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::args::View;
use crate::error::{Error, Result};

/// Variable that names the folder of the web package.
const VARIABLE: &str = "DCODEC_WEB";

/// Folders of the package that a page needs.
const FOLDERS: [&str; 3] = ["demo", "src", "assets"];

/// The page.
const PAGE: &str = "demo/index.html";

/// A file of the package that only a build makes.
const MADE: &str = "assets/priors.js";

/// First bytes of a file of dcodec.
const SIGNATURE: &[u8] = b"\x89DF";

/// Types of the files by their endings; others are not served.
const TYPES: [(&str, &str); 6] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("safetensors", "application/octet-stream"),
    ("png", "image/png"),
];

/// A file that is served.
#[derive(Debug, Clone)]
pub struct Page {
    pub path: PathBuf,
    pub media_type: &'static str,
    /// True for a file whose name changes with its contents.
    pub immutable: bool,
}

/// Everything that is served, by path.
#[derive(Debug)]
pub struct Pages {
    pages: BTreeMap<String, Page>,
    /// Where the browser goes first.
    pub start: String,
}

impl Pages {
    /// The files of the package's folder, and the file that is viewed.
    ///
    /// # Errors
    /// If the folder cannot be found, or the file is none of dcodec's.
    pub fn new(a: &View) -> Result<Self> {
        check(&a.input)?;
        let root = folder(a.web.as_deref())?;
        let mut pages = BTreeMap::new();
        for folder in FOLDERS {
            let inside = root.join(folder);
            let entries = inside.read_dir().map_err(|e| Error::io(&inside, e))?;
            for entry in entries {
                let path = entry.map_err(|e| Error::io(&inside, e))?.path();
                let (Some(media_type), Some(name)) = (media_type(&path), path.file_name()) else {
                    continue;
                };
                let address = format!("/{folder}/{}", name.to_string_lossy());
                let immutable = media_type == "application/octet-stream";
                let page = Page {
                    path,
                    media_type,
                    immutable,
                };
                pages.insert(address, page);
            }
        }
        let page = Page {
            path: a.input.clone(),
            media_type: "application/octet-stream",
            immutable: false,
        };
        pages.insert("/viewed/picture.dfc".into(), page);
        let name = a.input.file_name().unwrap_or(OsStr::new("picture.dfc"));
        let start = format!(
            "/{PAGE}?file=/viewed/picture.dfc&name={}",
            escaped(&name.to_string_lossy())
        );
        Ok(Pages { pages, start })
    }

    /// The file of a path, without a query.
    pub fn get(&self, path: &str) -> Option<&Page> {
        self.pages.get(path)
    }
}

/// An error if `path` cannot be read or is no file of dcodec.
fn check(path: &Path) -> Result<()> {
    let mut first = [0; SIGNATURE.len()];
    let read = |first: &mut [u8]| std::fs::File::open(path)?.read(first);
    let n = read(&mut first).map_err(|e| Error::io(path, e))?;
    match first[..n] == *SIGNATURE {
        true => Ok(()),
        false => Err(Error::Failed(format!(
            "{}: not a .dfc file",
            path.display()
        ))),
    }
}

/// The folder of the web package: the one asked for, else one beside the program, as it is
/// installed and as it is built.
fn folder(asked: Option<&Path>) -> Result<PathBuf> {
    let named = asked.map(Path::to_owned);
    let named = named.or_else(|| std::env::var_os(VARIABLE).map(PathBuf::from));
    let program = std::env::current_exe().unwrap_or_default();
    let beside = ["../share/dcodec/web", "../../web"].into_iter();
    let places = match named {
        Some(path) => vec![path],
        None => program
            .parent()
            .into_iter()
            .flat_map(|folder| beside.clone().map(|below| folder.join(below)))
            .collect(),
    };
    let is_whole = |folder: &&PathBuf| folder.join(PAGE).exists() && folder.join(MADE).exists();
    if let Some(found) = places.iter().find(is_whole) {
        return Ok(found.clone());
    }
    let places: Vec<_> = places.iter().map(|p| p.display().to_string()).collect();
    Err(Error::Failed(format!(
        "the page and its modules are not in {}: make them with web/build.sh, and name the folder web with --web DIR or {VARIABLE}",
        places.join(" or ")
    )))
}

fn media_type(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?;
    let (_, media_type) = TYPES.into_iter().find(|(known, _)| *known == ending)?;
    path.is_file().then_some(media_type)
}

/// `text` as a value of a query.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
