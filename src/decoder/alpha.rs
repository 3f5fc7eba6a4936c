//! Alpha as it comes, and the form of the picture.

use crate::container::{Header, Parser, PartName};
use crate::entropy;
use crate::error::Result;
use crate::picture::{Colour, Picture};
use crate::planes::Planes;
use crate::samples::{Depth, Samples};

/// The alpha parts so far.
#[derive(Default, Clone)]
pub(super) struct Alpha {
    /// The plane or its high bytes, once the part is whole.
    high: Option<Vec<u8>>,
    /// The plane of 16 bits, once the part with its low bytes is whole.
    deep: Option<Vec<u16>>,
}

impl Alpha {
    /// Decodes a whole part, if it is one of alpha.
    pub fn take(&mut self, header: &Header, name: PartName, payload: &[u8]) {
        let (width, height) = (header.width, header.height);
        match (name, &self.high) {
            (PartName::ALPHA, _) => {
                self.high = Some(entropy::decode_alpha(width, height, payload));
            }
            (PartName::ALPHA_LOW, Some(high)) => {
                self.deep = Some(entropy::decode_alpha_low(width, high, payload));
            }
            _ => {}
        }
    }

    /// The plane as far as it has come.
    pub fn plane(self, header: &Header, parser: &Parser) -> Samples {
        let (width, height) = (header.width, header.height);
        if let Some(deep) = self.deep {
            return deep.into();
        }
        let arrived = |wanted| match parser.partial_part() {
            Some((name, payload)) if name == wanted => payload,
            _ => &[],
        };
        let decode = || entropy::decode_alpha(width, height, arrived(PartName::ALPHA));
        let high = self.high.unwrap_or_else(decode);
        match header.deep {
            true => entropy::decode_alpha_low(width, &high, arrived(PartName::ALPHA_LOW)).into(),
            false => high.into(),
        }
    }
}

/// What is shown of a file with this header.
pub(super) fn picture(header: &Header, x0_hat: &Planes, alpha: Option<Samples>) -> Result<Picture> {
    let (colour, depth) = form(header);
    Picture::from_planes(x0_hat, header.width, header.height, colour, depth, alpha)
}

/// Colour and depth of a file's picture.
pub(crate) fn form(header: &Header) -> (Colour, Depth) {
    let colour = match header.rgb {
        true => Colour::Rgb,
        false => Colour::Grey,
    };
    let depth = match header.deep {
        true => Depth::Sixteen,
        false => Depth::Eight,
    };
    (colour, depth)
}
