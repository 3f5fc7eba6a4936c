//! Errors and the files that they are about.

use std::path::{Path, PathBuf};

use dcodec::{Error, Result};

use crate::io::name;

/// An error and the file that it is about.
#[derive(Debug)]
pub struct Failure {
    pub about: Option<PathBuf>,
    pub error: Error,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.about {
            Some(path) => write!(f, "{}: {}", name(path), self.error),
            None => self.error.fmt(f),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { about: None, error }
    }
}

/// Adds the file that an error is about.
pub trait About<T> {
    fn about(self, path: &Path) -> Result<T, Failure>;
}

impl<T> About<T> for Result<T> {
    fn about(self, path: &Path) -> Result<T, Failure> {
        self.map_err(|error| match error {
            // These already name their file.
            Error::Io { .. } => Failure { about: None, error },
            error => Failure {
                about: Some(path.into()),
                error,
            },
        })
    }
}
