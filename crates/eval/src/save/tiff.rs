//! TIFF files: one strip without compression, with all metadata.

use dcodec::Metadata;
use image::error::{EncodingError, ImageError};
use image::{DynamicImage, ImageFormat};

use crate::directory::Block;
use crate::exif::{self, Values};

const BYTE: u16 = 1;
const SHORT: u16 = 3;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;

/// The bytes of a TIFF file.
pub fn write(image: &DynamicImage, metadata: &Metadata) -> Result<Vec<u8>, ImageError> {
    let colour = image.color();
    let channels = u16::from(colour.channel_count());
    let bytes = colour.bytes_per_pixel() / colour.channel_count();
    let strip = |little: bool| match (bytes, little == cfg!(target_endian = "little")) {
        (2, false) => {
            let pairs = image.as_bytes().chunks_exact(2);
            pairs.flat_map(|v| [v[1], v[0]]).collect()
        }
        _ => image.as_bytes().to_vec(),
    };
    let length = image.as_bytes().len() as u64;
    let entries = |block: &Block| -> Vec<Values> {
        let short = |tag: u16, values: &[u16]| {
            let digits = values.iter().flat_map(|&v| block.digits::<2>(v.into()));
            (tag, SHORT, values.len() as u32, digits.collect())
        };
        let long = |tag: u16, value: u64| (tag, LONG, 1, block.digits::<4>(value).to_vec());
        let bits = vec![8 * u16::from(bytes); channels.into()];
        let mut entries = vec![
            long(256, image.width().into()),
            long(257, image.height().into()),
            short(258, &bits),
            // No compression.
            short(259, &[1]),
            short(262, &[if colour.has_color() { 2 } else { 1 }]),
            // Upright.
            short(274, &[1]),
            short(277, &[channels]),
            long(278, image.height().into()),
            long(279, length),
            short(284, &[1]),
        ];
        if colour.has_alpha() {
            // Not multiplied into the colours.
            entries.push(short(338, &[2]));
        }
        for (tag, kind, value) in [
            (700, BYTE, &metadata.xmp),
            (34675, UNDEFINED, &metadata.icc),
        ] {
            if let Some(value) = value {
                entries.push((tag, kind, value.len() as u32, value.clone()));
            }
        }
        entries
    };
    exif::tiff(metadata.exif.as_deref(), entries, strip).ok_or_else(|| {
        let e = "TIFF holds less than 4 GiB";
        ImageError::Encoding(EncodingError::new(ImageFormat::Tiff.into(), e))
    })
}
