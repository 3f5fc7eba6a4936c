//! The exact samples of a picture as the end of a file (annex A).

use crate::container::Header;
use crate::encoder::source::Source;
use crate::entropy::{Layout, encode_graphic, encode_photographic};
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::reverse::Chain;

/// Columns and rows of the tiles of a picture that tell the cost of the rest, and their number.
const TILE: (usize, usize) = (64, 16);
const TILES: usize = 8;

/// The payload that completes the picture of `source` at the end of the chain.
///
/// # Errors
/// [`Error::Backend`](crate::Error::Backend) if the network fails.
pub(crate) fn beside_chain(chain: &mut Chain, header: &Header, source: &Source) -> Result<Vec<u8>> {
    let side = chain.side_information(header)?;
    Ok(encode_photographic(source.layout(), &side, |y, row| {
        source.picture.read_row(y, row)
    }))
}

/// The payload of a picture that needs no chain.
pub(crate) fn alone(source: &Source) -> Vec<u8> {
    encode_graphic(source.layout(), |y, row| source.picture.read_row(y, row))
}

/// Estimate of the cost in bits a sample of the exact samples without a chain, from tiles all over
/// the picture. It is high for small and for varied pictures.
pub(crate) fn cost(picture: &Picture) -> f64 {
    let full = (picture.width() as usize, picture.height() as usize);
    let size = (full.0.min(TILE.0), full.1.min(TILE.1));
    let channels = picture.colour().channels();
    let layout = Layout {
        size: (size.0, TILES * size.1),
        ..Layout::of(&picture.form())
    };
    let mut line = vec![0; full.0 * channels];
    let payload = encode_graphic(layout, |row, tile| {
        let (k, y) = (row / size.1, row % size.1);
        // Tiles go down evenly, and to and fro by the golden section.
        let top = (2 * k + 1) * (full.1 - size.1) / (2 * TILES);
        let left = (k * 618 + 309) % 1000 * (full.0 - size.0) / 1000;
        picture.read_row(top + y, &mut line);
        tile.copy_from_slice(&line[left * channels..][..tile.len()]);
    });
    8.0 * payload.len() as f64 / (layout.size.0 * layout.size.1 * channels) as f64
}
