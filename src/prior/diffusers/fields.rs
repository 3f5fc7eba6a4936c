//! Fields of a JSON file: each is either read or refused by name.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Fields of a JSON file that have not been read yet.
pub(super) struct Fields {
    file: &'static str,
    fields: Map<String, Value>,
}

impl Fields {
    pub fn new(file: &'static str, json: &[u8]) -> Result<Fields> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(fields)) => Ok(Fields { file, fields }),
            Ok(_) => Err(Error::Backend(format!("{file}: not a JSON object"))),
            Err(e) => Err(Error::Backend(format!("{file}: {e}"))),
        }
    }

    pub fn refused(&self, field: &str, found: impl Display, expected: &str) -> Error {
        let file = self.file;
        Error::Unsupported(format!(
            "{file}: `{field}` is {found}; this build reads {expected}"
        ))
    }

    /// True if the field is present and null.
    pub fn is_null(&self, field: &str) -> bool {
        self.fields.get(field).is_some_and(Value::is_null)
    }

    /// Takes out the value of a field. None if it is absent or null.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|v| !v.is_null())
    }

    /// A name that may be left out and must otherwise be `expected`.
    pub fn only(&mut self, field: &str, expected: &str) -> Result<()> {
        match self.take(field) {
            Some(v) if v != expected => Err(self.refused(field, v, &format!("\"{expected}\""))),
            _ => Ok(()),
        }
    }

    pub fn flag(&mut self, field: &str, default: bool) -> Result<bool> {
        match self.take(field) {
            None => Ok(default),
            Some(Value::Bool(b)) => Ok(b),
            Some(v) => Err(self.refused(field, v, "true or false")),
        }
    }

    pub fn count(
        &mut self,
        field: &str,
        default: usize,
        range: RangeInclusive<usize>,
    ) -> Result<usize> {
        let Some(v) = self.take(field) else {
            return Ok(default);
        };
        let n = v.as_u64().and_then(|n| usize::try_from(n).ok());
        let expected = format!("{} to {}", range.start(), range.end());
        n.filter(|n| range.contains(n))
            .ok_or_else(|| self.refused(field, v, &expected))
    }

    pub fn number(&mut self, field: &str, default: f64, range: RangeInclusive<f64>) -> Result<f64> {
        let Some(v) = self.take(field) else {
            return Ok(default);
        };
        let expected = format!("{} to {}", range.start(), range.end());
        v.as_f64()
            .filter(|n| range.contains(n))
            .ok_or_else(|| self.refused(field, v, &expected))
    }

    /// Refuses a field that was not read, unless it is null or a note of the library (`_..`).
    pub fn finish(self) -> Result<()> {
        let unread = |(k, v): &(&String, &Value)| !k.starts_with('_') && !v.is_null();
        match self.fields.iter().find(unread) {
            Some((field, v)) => Err(self.refused(field, v, "configurations without it")),
            None => Ok(()),
        }
    }
}
