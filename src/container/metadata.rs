//! Metadata of a picture file, byte for byte.

use crate::container::format::MAX_METADATA;
use crate::container::part::PartName;
use crate::error::{Error, Result};

/// Method byte of a payload: the bytes follow as they are.
const STORED: u8 = 0;
/// Method byte of a payload: the bytes are compressed (RFC 1951).
const DEFLATED: u8 = 1;
/// Level of compression: the slowest, with the smallest result.
const LEVEL: u8 = 10;

/// Metadata of a picture file, each kind as the container of that file defines it. The codec passes
/// the bytes through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The ICC profile that the samples are meant in; sRGB without one.
    pub icc: Option<Vec<u8>>,
    /// EXIF, from its byte order mark on (`II*` or `MM.*`). Its orientation should say upright, for
    /// the pixels are shown as they are.
    pub exif: Option<Vec<u8>>,
    /// The XMP packet.
    pub xmp: Option<Vec<u8>>,
}

impl Metadata {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        *self == Metadata::default()
    }

    /// Bytes of all of it.
    pub(crate) fn bytes(&self) -> u64 {
        let all = [&self.icc, &self.exif, &self.xmp];
        all.into_iter()
            .flatten()
            .map(|kind| kind.len() as u64)
            .sum()
    }

    /// The payloads of the parts that hold the metadata, in the order in which they should stand.
    /// An empty kind has no part.
    ///
    /// # Errors
    /// [`Error::Limits`] if one kind has [`MAX_METADATA`] bytes or more.
    pub(crate) fn parts(&self) -> Result<Vec<(PartName, Vec<u8>)>> {
        let all = [
            (PartName::ICC, &self.icc),
            (PartName::EXIF, &self.exif),
            (PartName::XMP, &self.xmp),
        ];
        let present = all
            .into_iter()
            .filter_map(|(name, bytes)| Some((name, bytes.as_ref()?)))
            .filter(|(_, bytes)| !bytes.is_empty());
        present
            .map(|(name, bytes)| match bytes.len() as u64 {
                n if n >= MAX_METADATA => Err(Error::Limits(format!(
                    "{name} of {n} bytes: the format holds less than {MAX_METADATA}",
                    name = name.holds()
                ))),
                _ => Ok((name, pack(bytes))),
            })
            .collect()
    }

    /// Takes a part over. The first part of its kind that unpacks counts. Others are as good as
    /// absent, for the picture does not need them.
    pub fn take(&mut self, name: PartName, payload: &[u8]) {
        let place = match name {
            PartName::ICC => &mut self.icc,
            PartName::EXIF => &mut self.exif,
            PartName::XMP => &mut self.xmp,
            _ => return,
        };
        if place.is_none() {
            *place = unpack(payload);
        }
    }
}

/// The payload that holds `bytes`, compressed if that is shorter.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let small = miniz_oxide::deflate::compress_to_vec(bytes, LEVEL);
    let (method, body) = match small.len() < bytes.len() {
        true => (DEFLATED, &small[..]),
        false => (STORED, bytes),
    };
    [&[method], body].concat()
}

/// The metadata in the payload of a part; none if it is empty, damaged, of an unknown method, or
/// over [`MAX_METADATA`].
fn unpack(payload: &[u8]) -> Option<Vec<u8>> {
    let (&method, body) = payload.split_first()?;
    let bytes = match method {
        STORED => (body.len() as u64 <= MAX_METADATA).then(|| body.to_vec()),
        DEFLATED => {
            miniz_oxide::inflate::decompress_to_vec_with_limit(body, MAX_METADATA as usize).ok()
        }
        _ => None,
    };
    bytes.filter(|b| !b.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let noise: Vec<u8> = (0..999u32)
            .map(|i| (i.wrapping_mul(0x9e37_79b1) >> 13) as u8)
            .collect();
        let text = b"<x:xmpmeta>".repeat(100);
        assert_eq!(unpack(&pack(b"")), None);
        for bytes in [&b"x"[..], &noise, &text] {
            let packed = pack(bytes);
            assert!(packed.len() <= bytes.len() + 1);
            assert_eq!(unpack(&packed).as_deref(), Some(bytes));
        }
        assert!(pack(&text).len() < 50);
    }

    #[test]
    fn damage_is_absence() {
        let text = pack(&b"<x:xmpmeta>".repeat(100));
        for n in 0..text.len() {
            assert_eq!(unpack(&text[..n]), None, "{n} bytes");
        }
        assert_eq!(unpack(&[2, 1, 2, 3]), None);
        assert_eq!(unpack(&[DEFLATED, 0xff, 0xff, 0xff]), None);
        // A bomb: 16 MiB and a byte of zeros.
        let bomb = pack(&vec![0; MAX_METADATA as usize + 1]);
        assert!(bomb.len() < 20_000);
        assert_eq!(unpack(&bomb), None);
    }

    #[test]
    fn the_first_of_a_kind_counts() {
        let mut metadata = Metadata::default();
        metadata.take(PartName(*b"note"), &pack(b"no metadata"));
        assert!(metadata.is_empty());
        metadata.take(PartName::EXIF, b"");
        metadata.take(PartName::EXIF, &pack(b""));
        metadata.take(PartName::EXIF, &[2, 7]);
        metadata.take(PartName::EXIF, &pack(b"one"));
        metadata.take(PartName::EXIF, &pack(b"two"));
        assert_eq!(metadata.exif.as_deref(), Some(&b"one"[..]));
        assert!(metadata.icc.is_none() && metadata.xmp.is_none());
    }

    #[test]
    fn too_much_is_refused() {
        let metadata = Metadata {
            xmp: Some(vec![b' '; MAX_METADATA as usize]),
            ..Default::default()
        };
        assert!(matches!(metadata.parts(), Err(Error::Limits(e)) if e.contains("XMP")));
    }
}
