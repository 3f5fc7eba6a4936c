//! The part of a file that is asked for.

use dcodec::container::{Event, Header, Parser};
use dcodec::{Error, Result};
use pyo3::prelude::*;

/// The first bytes of a file, by one of three measures, or all of them.
#[derive(FromPyObject, Clone, Copy)]
#[pyo3(from_item_all)]
pub struct Extent {
    /// Bits per pixel.
    bpp: Option<f64>,
    bytes: Option<u64>,
    /// Whole layers.
    pub layers: Option<u32>,
}

/// Header of a file of these bytes, and its length in bytes. None if it is not whole.
///
/// # Errors
/// Those of [`Parser::push`].
pub fn header(data: &[u8]) -> Result<Option<(Header, usize)>> {
    let (used, event) = Parser::new(u64::MAX).push(data)?;
    Ok(match event {
        Event::Header(header) => Some((header, used)),
        _ => None,
    })
}

impl Extent {
    /// Number of bytes of `data` up to the end asked for. Layers are not counted.
    ///
    /// # Errors
    /// Those of [`header`]; [`Error::Parameter`] if the end lies inside the header, or for a rate
    /// that is not positive.
    pub fn bytes(&self, data: &[u8]) -> Result<usize> {
        let Some((header, least)) = header(data)? else {
            return Ok(data.len());
        };
        let wanted = match (self.bpp, self.bytes) {
            (Some(r), _) if !(r.is_finite() && r > 0.0) => {
                let e = format!("bits per pixel must be a positive number, not {r}");
                return Err(Error::Parameter(e));
            }
            (Some(r), _) => header.bytes_at(r),
            (_, Some(n)) => n,
            _ => return Ok(data.len()),
        };
        if wanted < least as u64 {
            let rate = 8.0 * least as f64 / header.form.pixels() as f64;
            return Err(Error::Parameter(format!(
                "{wanted} bytes end inside the header, which takes {least}, {rate:.4} bits per pixel: ask for more"
            )));
        }
        Ok(wanted.min(data.len() as u64) as usize)
    }

    /// The bytes of `data` up to the end asked for, checked against the format.
    ///
    /// # Errors
    /// Those of [`Extent::bytes`] and of [`Parser::push`]; [`Error::Format`] if the header is not
    /// whole.
    pub fn cut<'a>(&self, data: &'a [u8]) -> Result<&'a [u8]> {
        let data = &data[..self.bytes(data)?];
        let mut parser = Parser::new(u64::MAX);
        let mut at = 0;
        while at < data.len() {
            let (used, event) = parser.push(&data[at..])?;
            at += used;
            match event {
                Event::LayerHead(layer) if Some(layer.index) == self.layers => {
                    return Ok(&data[..layer.offset as usize]);
                }
                // Nothing after the end belongs to the file.
                Event::End => return Ok(&data[..at]),
                _ => {}
            }
        }
        match parser.header() {
            Some(_) => Ok(data),
            None => Err(parser.incomplete().into()),
        }
    }
}
