//! Named parts: their names and heads (clause 4).

use std::fmt;

use crate::container::check::CHECK_BYTES;
use crate::container::format::MAX_METADATA;
use crate::container::rule::Unread;
use crate::container::varint;

/// The name of a part: four ASCII letters. If the first is upper-case, a decoder that does not know
/// the part must refuse the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartName(pub [u8; 4]);

impl PartName {
    /// The alpha plane or its high bytes (clause 19).
    pub const ALPHA: PartName = PartName(*b"ALPH");
    /// The low bytes of an alpha plane of 16 bits (clause 19.12).
    pub const ALPHA_LOW: PartName = PartName(*b"ALPL");
    /// The range of samples of 16 bits (clause 4.13).
    pub const RANGE: PartName = PartName(*b"SPAN");
    /// Squares of one colour (clause 4.14).
    pub const FLAT: PartName = PartName(*b"flat");
    /// An ICC profile.
    pub const ICC: PartName = PartName(*b"iccp");
    /// EXIF metadata, from its byte order mark on.
    pub const EXIF: PartName = PartName(*b"exif");
    /// An XMP packet.
    pub const XMP: PartName = PartName(*b"xmpp");
    /// The exact samples after the last layer (annex A).
    pub const EXACT: PartName = PartName(*b"rest");

    /// True if a decoder that does not know the part must refuse the file.
    pub fn is_critical(self) -> bool {
        self.0[0].is_ascii_uppercase()
    }

    /// The most bytes of such a part that are kept; `alpha` is the most that a part of alpha takes.
    pub(crate) fn most(self, alpha: u64) -> u64 {
        match self.is_metadata() {
            true => MAX_METADATA,
            false => alpha,
        }
    }

    /// Content of the part, in words.
    pub fn holds(self) -> &'static str {
        match self {
            Self::ALPHA => "alpha",
            Self::EXACT => "exact samples",
            Self::ALPHA_LOW => "low bytes of alpha",
            Self::RANGE => "range of samples",
            Self::FLAT => "flat squares",
            Self::ICC => "ICC profile",
            Self::EXIF => "EXIF",
            Self::XMP => "XMP",
            _ => "unknown",
        }
    }

    /// True if the part holds metadata, which has a limit of its own: [`MAX_METADATA`].
    pub fn is_metadata(self) -> bool {
        [Self::ICC, Self::EXIF, Self::XMP].contains(&self)
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// The head of a named part: its name, and the length of its payload in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartHead {
    pub name: PartName,
    pub len: u64,
}

impl PartHead {
    /// Appends the head without its check.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.name.0);
        varint::write(out, self.len);
    }

    /// The head at the start of `bytes`, and its length in bytes without its check.
    pub fn read(bytes: &[u8]) -> Result<(Self, usize), Unread> {
        let (&name, rest) = bytes.split_first_chunk().ok_or(Unread::Short)?;
        let (len, n) = varint::read(rest).map_err(|e| e.within("length is malformed"))?;
        let name = PartName(name);
        Ok((PartHead { name, len }, name.0.len() + n))
    }

    /// Bytes of the whole part, both checks included.
    pub fn part_bytes(&self) -> u64 {
        let mut head = Vec::new();
        self.write(&mut head);
        (head.len() + 2 * CHECK_BYTES) as u64 + self.len
    }
}
