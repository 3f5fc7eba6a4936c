//! The exact end of a file: x_0 itself, coded under x_t and x0_hat (annex A).

use crate::container::Header;
use crate::entropy::{SideInformation, encode_exact};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::reverse::Chain;

/// The payload that completes `picture` at the end of the chain.
///
/// # Errors
/// [`Error::Backend`](crate::Error::Backend) if the network fails.
pub(crate) fn encode(chain: &mut Chain, header: &Header, picture: &Picture) -> Result<Vec<u8>> {
    let side = chain.side_information(header)?;
    Ok(encode_exact(&side, |y, row| picture.read_row(y, row)))
}

/// Cost in bits a sample of the middle of a picture, at most 256 x 256 pixels, to a receiver who
/// knows nothing of it.
pub(crate) fn cost(picture: &Picture) -> f64 {
    let full = (picture.width() as usize, picture.height() as usize);
    let size = (full.0.min(256), full.1.min(256));
    let channels = picture.colour().channels();
    let nothing = vec![0.0; 3 * size.0 * size.1];
    let side = SideInformation {
        size,
        planes: size,
        channels,
        bits: picture.depth().bits(),
        x_t: &nothing,
        x0_hat: &nothing,
    };
    let (left, top) = ((full.0 - size.0) / 2, (full.1 - size.1) / 2);
    let mut line = vec![0; full.0 * channels];
    let payload = encode_exact(&side, |y, row| {
        picture.read_row(top + y, &mut line);
        row.copy_from_slice(&line[left * channels..][..row.len()]);
    });
    8.0 * payload.len() as f64 / (size.0 * size.1 * channels) as f64
}
