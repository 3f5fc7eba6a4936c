//! Named parts, and which of them may stand where (clauses 4.7 to 4.12).

use std::fmt;

use crate::codes::BitDepth;
use crate::container::{Header, MAX_METADATA};

/// The name of a part: four ASCII letters. An upper-case first letter means that decoders which do not know the part must
/// refuse the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartName(pub [u8; 4]);

impl PartName {
    /// The alpha plane or its high bytes, coded by [`crate::entropy`].
    pub const ALPHA: PartName = PartName(*b"ALPH");
    /// The low bytes of an alpha plane of 16 bits, coded by [`crate::entropy`].
    pub const ALPHA_LOW: PartName = PartName(*b"ALPL");
    /// An ICC profile.
    pub const ICC: PartName = PartName(*b"iccp");
    /// EXIF metadata, from its byte order mark on.
    pub const EXIF: PartName = PartName(*b"exif");
    /// An XMP packet.
    pub const XMP: PartName = PartName(*b"xmpp");

    /// The exact samples behind the last layer, coded by [`crate::entropy`].
    pub const EXACT: PartName = PartName(*b"rest");

    /// Whether a decoder that does not know the part must refuse the file.
    pub fn is_critical(self) -> bool {
        self.0[0].is_ascii_uppercase()
    }

    /// The most bytes of such a part that are kept, where those of `alpha` are the most that alpha takes.
    pub(crate) fn most(self, alpha: u64) -> u64 {
        match self.is_metadata() {
            true => MAX_METADATA,
            false => alpha,
        }
    }

    /// What the part holds, in words.
    pub fn holds(self) -> &'static str {
        match self {
            Self::ALPHA => "alpha",
            Self::EXACT => "exact samples",
            Self::ALPHA_LOW => "low bytes of alpha",
            Self::ICC => "ICC profile",
            Self::EXIF => "EXIF",
            Self::XMP => "XMP",
            _ => "unknown",
        }
    }

    /// Whether the part holds metadata that has a limit of its own, [`MAX_METADATA`].
    pub fn is_metadata(self) -> bool {
        [Self::ICC, Self::EXIF, Self::XMP].contains(&self)
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// A rule of the format that bytes break.
#[derive(Debug)]
pub(crate) struct Broken {
    /// The rule, with both numbers.
    pub reason: String,
    /// The clause that states it.
    pub clause: &'static str,
}

impl Broken {
    /// A rule without numbers.
    pub fn new(reason: &str, clause: &'static str) -> Self {
        Broken {
            reason: reason.into(),
            clause,
        }
    }
}

/// The parts of the file so far, of those that have a place.
#[derive(Debug, Default)]
pub(crate) struct PartRules {
    alpha: bool,
    alpha_low: bool,
    exact: bool,
}

impl PartRules {
    /// Whether the payload of a part of `len` bytes behind `layers` layers is to be kept; or what is wrong with the part.
    pub fn part(
        &mut self,
        name: PartName,
        len: u64,
        layers: u32,
        header: &Header,
    ) -> Result<bool, Broken> {
        let pixels = header.form.pixels();
        let alpha = pixels + pixels / 16 + 4096;
        let (fine, seen, most, rule) = match name {
            PartName::ALPHA | PartName::ALPHA_LOW => {
                let fine = match name {
                    PartName::ALPHA => header.form.alpha,
                    _ => header.form.depth == BitDepth::Sixteen && self.alpha,
                };
                let seen = match name {
                    PartName::ALPHA => &mut self.alpha,
                    _ => &mut self.alpha_low,
                };
                let rule = Broken::new(
                    "alpha comes once, before the first layer, if the header announces it, low bytes after the high",
                    "4.8",
                );
                (fine && layers == 0, seen, alpha, rule)
            }
            PartName::EXACT => {
                let rule = Broken::new("the exact samples come once, after the last layer", "4.12");
                (
                    layers > 0,
                    &mut self.exact,
                    header.form.colour_bytes() + 16,
                    rule,
                )
            }
            _ => return Ok(len <= name.most(alpha)),
        };
        if len > most {
            return Err(Broken {
                reason: format!("{len} bytes, at most {most} for this picture"),
                clause: "4.7",
            });
        }
        if !fine || *seen {
            return Err(rule);
        }
        *seen = true;
        Ok(true)
    }

    /// What is wrong with a layer that follows, if anything.
    pub fn layer(&self, header: &Header) -> Result<(), Broken> {
        match (header.form.alpha && !self.alpha, self.exact) {
            (true, _) => Err(Broken::new(
                "alpha is announced but does not come first",
                "4.8",
            )),
            (_, true) => Err(Broken::new("a layer after the exact samples", "4.12")),
            _ => Ok(()),
        }
    }
}
