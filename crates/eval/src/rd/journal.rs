//! Measurements of an interrupted run, kept in a file beside its output until the run has
//! succeeded.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use dcodec::{Picture, Samples};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// First line of every journal.
const FIRST: &str = "{\"dcodec-rd\":1}\n";

/// Finished measurements by key, one JSON object a line. Without a file nothing is kept.
pub struct Journal {
    path: Option<PathBuf>,
    found: HashMap<String, serde_json::Value>,
    file: Option<Mutex<File>>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    key: String,
    value: serde_json::Value,
}

impl Journal {
    /// Opens or makes the file, and reads what is there. A line that was cut off by the
    /// interruption is dropped.
    pub fn open(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Journal {
                path,
                found: HashMap::new(),
                file: None,
            });
        };
        let failed = |e| Error::io(&path, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let mut bytes = Vec::new();
        // Another file may be of any length.
        let start = FIRST.len() as u64;
        let read = Read::by_ref(&mut file).take(start).read_to_end(&mut bytes);
        read.map_err(failed)?;
        if bytes == FIRST.as_bytes() {
            file.read_to_end(&mut bytes).map_err(failed)?;
        }
        let foreign = match bytes.len() {
            n if n < FIRST.len() => !FIRST.as_bytes().starts_with(&bytes),
            _ => !bytes.starts_with(FIRST.as_bytes()),
        };
        if foreign {
            return Err(Error::ForeignJournal(path));
        }
        let mut found = HashMap::new();
        let mut whole = 0;
        if bytes.len() >= FIRST.len() {
            whole = FIRST.len();
            for line in bytes[whole..].split_inclusive(|&b| b == b'\n') {
                let Ok(Record { key, value }) = serde_json::from_slice(line) else {
                    break;
                };
                if !line.ends_with(b"\n") {
                    break;
                }
                whole += line.len();
                found.insert(key, value);
            }
        }
        file.set_len(whole as u64).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        if whole == 0 {
            file.write_all(FIRST.as_bytes()).map_err(failed)?;
        }
        Ok(Journal {
            path: Some(path),
            found,
            file: Some(Mutex::new(file)),
        })
    }

    /// Number of measurements that were found.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The measurement of this key.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let value = self.found.get(key)?;
        serde_json::from_value(value.clone()).ok()
    }

    /// Keeps a measurement.
    pub fn put<T: Serialize>(&self, key: String, value: &T) -> Result<()> {
        let (Some(file), Some(path)) = (&self.file, &self.path) else {
            return Ok(());
        };
        let failed = |e| Error::io(path, e);
        let value = serde_json::to_value(value).map_err(|e| failed(e.into()))?;
        let line = serde_json::to_string(&Record { key, value }).map_err(|e| failed(e.into()))?;
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // One call, so that an interruption leaves at most one broken line, the last.
        file.write_all(format!("{line}\n").as_bytes())
            .map_err(failed)
    }

    /// Removes the file, after the run has succeeded.
    pub fn finish(self) -> Result<()> {
        drop(self.file);
        match self.path {
            Some(path) => match fs::remove_file(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io(path, e)),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }
}

/// Length and time of this program's file. They tell it from other builds of one version, which may
/// code and measure otherwise.
fn build() -> String {
    let file = std::env::current_exe().and_then(fs::metadata);
    file.map_or_else(
        |_| String::new(),
        |m| format!("{} {:?}", m.len(), m.modified().ok()),
    )
}

/// Key of a measurement: a hash of the picture's content and of everything else that it depends on.
pub fn key(picture: &Picture, settings: &[&str]) -> String {
    let mut hash = Sha256::new();
    let program = [env!("CARGO_PKG_VERSION"), &build()];
    for text in settings.iter().chain(&program) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    for n in [
        picture.width(),
        picture.height(),
        picture.colour().channels() as u32,
    ] {
        hash.update(n.to_le_bytes());
    }
    for samples in [Some(picture.samples()), picture.alpha()] {
        match samples {
            Some(Samples::Eight(v)) => hash.update(v),
            Some(Samples::Sixteen(v)) => v.iter().for_each(|v| hash.update(v.to_le_bytes())),
            None => {}
        }
    }
    let digest = hash.finalize();
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

/// Numbers as text: JSON has no infinity, and its readers may round.
pub mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub trait Number: Sized {
        fn text(&self) -> Option<String>;
        fn parse(text: Option<String>) -> Option<Self>;
    }

    impl Number for f64 {
        fn text(&self) -> Option<String> {
            Some(self.to_string())
        }

        fn parse(text: Option<String>) -> Option<Self> {
            text?.parse().ok()
        }
    }

    impl Number for Option<f64> {
        fn text(&self) -> Option<String> {
            self.as_ref().map(f64::to_string)
        }

        fn parse(text: Option<String>) -> Option<Self> {
            match text {
                Some(text) => text.parse().ok().map(Some),
                None => Some(None),
            }
        }
    }

    pub fn serialize<N: Number, S: Serializer>(value: &N, to: S) -> Result<S::Ok, S::Error> {
        value.text().serialize(to)
    }

    pub fn deserialize<'de, N: Number, D: Deserializer<'de>>(from: D) -> Result<N, D::Error> {
        N::parse(Option::deserialize(from)?).ok_or_else(|| D::Error::custom("no number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Numbers {
        #[serde(with = "exact")]
        a: f64,
        #[serde(with = "exact")]
        b: Option<f64>,
    }

    #[test]
    fn an_interrupted_file_is_read_up_to_the_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rd.part");
        let numbers = |a, b| Numbers { a, b };
        let state = Journal::open(Some(path.clone())).unwrap();
        state.put("one".into(), &numbers(0.1 + 0.2, None)).unwrap();
        let two = numbers(f64::INFINITY, Some(1e-300));
        state.put("two".into(), &two).unwrap();
        drop(state);
        let bytes = fs::read(&path).unwrap();
        for cut in 0..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            let state = Journal::open(Some(path.clone())).unwrap();
            let whole = bytes[..cut].iter().filter(|&&b| b == b'\n').count();
            assert_eq!(state.len(), whole.saturating_sub(1), "{cut}");
            state.put("three".into(), &two).unwrap();
            drop(state);
            let state = Journal::open(Some(path.clone())).unwrap();
            assert_eq!(
                state.get("three"),
                Some(numbers(f64::INFINITY, Some(1e-300)))
            );
            if cut == bytes.len() {
                assert_eq!(state.get("one"), Some(numbers(0.1 + 0.2, None)));
                state.finish().unwrap();
                assert!(!path.exists());
            }
        }
    }

    #[test]
    fn a_file_of_something_else_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.txt");
        for text in ["Dear reader", "{"] {
            fs::write(&path, text).unwrap();
            let refused = Journal::open(Some(path.clone())).is_err();
            assert_eq!(refused, text != "{");
        }
        fs::write(&path, "Dear reader, this is a long letter").unwrap();
        assert!(Journal::open(Some(path.clone())).is_err());
        assert_eq!(fs::metadata(&path).unwrap().len(), 34);
    }

    #[test]
    fn keys_depend_on_everything() {
        let picture = |v| Picture::new(1, 1, dcodec::Colour::Grey, vec![v], None).unwrap();
        let keys = [
            key(&picture(1), &["a", "b"]),
            key(&picture(2), &["a", "b"]),
            key(&picture(1), &["ab", ""]),
            key(&picture(1), &["a"]),
        ];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|b| a != b));
        }
    }
}
