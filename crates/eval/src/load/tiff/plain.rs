//! Strips of samples as they are, whose lengths are missing or wrong: the picture tells them.

use super::raw::Values;
use super::short::sample_bytes;
use super::{COMPRESSION, FILL_ORDER, Page, ROWS_PER_STRIP, STRIP_BYTES, STRIPS, TILES};

/// True for strips that are not packed.
fn is_plain(page: &Page) -> bool {
    let plain = page.number(COMPRESSION).unwrap_or(1) == 1 && page.units().is_none();
    plain && page.directory.find(TILES).is_none() && page.number(FILL_ORDER) != Some(2)
}

/// Rows of a strip, of all but the last one. 0 says all, as no entry does.
pub fn strip_rows(page: &Page) -> u64 {
    let rows = page.number(ROWS_PER_STRIP).filter(|&rows| rows > 0);
    rows.unwrap_or(u64::MAX).min(page.height.into())
}

/// Number of strips of a plane, and of planes.
fn strips(page: &Page) -> [u64; 2] {
    let planes = if page.planar { page.samples as u64 } else { 1 };
    let strips = u64::from(page.height).div_ceil(strip_rows(page).max(1));
    [strips, planes]
}

/// Offset and bytes of each strip by the picture. None if one would not lie in the file, or on
/// the directory.
fn strips_by_rows(page: &Page) -> Option<Vec<(usize, usize)>> {
    let [strips, planes] = strips(page);
    let starts = page.directory.find(STRIPS)?;
    if strips * planes > starts.count {
        return None;
    }
    let (rows, height) = (strip_rows(page), u64::from(page.height));
    let place = |(i, start): (u64, u64)| {
        let rows = rows.min(height - i % strips * rows);
        let bytes = sample_bytes(page, page.width.into(), rows) / planes;
        let end = start.checked_add(bytes)?;
        let apart = end <= page.at as u64 || start >= page.directory.link as u64;
        let inside = end <= page.block.bytes.len() as u64;
        (inside && apart).then_some((start as usize, bytes as usize))
    };
    let starts = page.block.integers(starts);
    (0..strips * planes).zip(starts).map(place).collect()
}

/// True if there are fewer strips than the picture has.
pub fn lacks_strips(page: &Page) -> bool {
    let [strips, planes] = strips(page);
    let tiled = page.directory.find(TILES).is_some();
    let starts = page.directory.find(STRIPS).filter(|_| !tiled);
    starts.is_some_and(|starts| starts.count < strips * planes)
}

/// Offset and bytes of each plain strip, where their lengths or their number of rows are not those
/// of the picture, which lies in the file all the same. None if they are.
pub fn mislabelled(page: &Page) -> Option<Vec<(usize, usize)>> {
    if !is_plain(page) || page.height == 0 {
        return None;
    }
    let places = strips_by_rows(page)?;
    let [strips, planes] = strips(page);
    let count = page.directory.find(STRIPS).map_or(0, |entry| entry.count);
    let odd = page.number(ROWS_PER_STRIP) == Some(0) || count != strips * planes;
    let wrong = |lengths: &[u64]| {
        let short = |(&length, place): (&u64, &(usize, usize))| length < place.1 as u64;
        lengths.len() < places.len() || lengths.iter().zip(&places).any(short)
    };
    (odd || wrong(&page.integers(STRIP_BYTES))).then_some(places)
}

/// The samples of strips whose lengths are wrong.
pub fn values(page: &Page) -> Option<Values> {
    let places = mislabelled(page)?;
    let strips = places
        .iter()
        .map(|&(start, bytes)| &page.block.bytes[start..start + bytes]);
    let bytes = strips.collect::<Vec<&[u8]>>().concat();
    Some(match page.bits {
        16 => {
            let word = |pair: &[u8]| match page.block.little {
                true => u16::from_le_bytes([pair[0], pair[1]]),
                false => u16::from_be_bytes([pair[0], pair[1]]),
            };
            Values::Words(bytes.chunks_exact(2).map(word).collect())
        }
        _ => Values::Bytes(bytes),
    })
}
