//! Strips and tiles that unpack to too few samples.

use super::plain::{lacks_strips, mislabelled, strip_rows};
use super::{COMPRESSION, FILL_ORDER, Page, TILE_HEIGHT, TILE_WIDTH, TILES};
use crate::load::unpacked::{LARGE, inflated, of_lzw, of_runs};

/// True if strips or tiles lie outside the file, or have fewer samples than the picture. Those
/// of a small picture are not unpacked to find out.
pub fn is_cut(page: &Page) -> bool {
    if mislabelled(page).is_some() {
        return false;
    }
    if lacks_strips(page) {
        return true;
    }
    let end = page.block.bytes.len();
    let places = page.places();
    let needed = sample_bytes(page, page.width.into(), page.height.into());
    let plain = page.number(COMPRESSION).unwrap_or(1) == 1;
    let there = match plain {
        true => {
            let there = places
                .iter()
                .map(|p| p.end.min(end).saturating_sub(p.start) as u64);
            there.fold(0, u64::saturating_add)
        }
        false if needed > LARGE => unpacked_bytes(page),
        false => needed,
    };
    there < needed && !places.is_empty() || places.iter().any(|p| p.start >= end && !p.is_empty())
}

/// Bytes of so many columns and rows, unpacked: of all planes, without any padding of rows of
/// a tile.
pub fn sample_bytes(page: &Page, columns: u64, rows: u64) -> u64 {
    if let Some(units) = page.units() {
        let [h, v] = units.map(|n| n as u64);
        let row = columns.div_ceil(h).saturating_mul(h * v + 2);
        return row.saturating_mul(rows.div_ceil(v));
    }
    let (planes, samples) = match page.planar {
        true => (page.samples as u64, 1),
        false => (1, page.samples as u64),
    };
    let row = columns.saturating_mul(page.bits * samples).div_ceil(8);
    row.saturating_mul(rows).saturating_mul(planes)
}

/// Bytes that strips or tiles unpack to, each counted up to its share of the picture. None is
/// too short whose method tells no length.
fn unpacked_bytes(page: &Page) -> u64 {
    let height = u64::from(page.height);
    let planes = if page.planar { page.samples as u64 } else { 1 };
    let of = |columns, rows| sample_bytes(page, columns, rows) / planes;
    let tiled = page.directory.find(TILES).is_some();
    let rows = match tiled {
        true => page.number(TILE_HEIGHT).unwrap_or(0).min(height),
        false => strip_rows(page),
    };
    let rows = rows.max(1);
    let strips = height.div_ceil(rows).max(1);
    let method = match page.number(FILL_ORDER) {
        // The bits of a byte stand the other way round.
        Some(2) => 0,
        _ => page.number(COMPRESSION).unwrap_or(1),
    };
    let share = |i: u64| match tiled {
        true => of(page.number(TILE_WIDTH).unwrap_or(0), rows),
        false => of(page.width.into(), rows.min(height - i % strips * rows)),
    };
    let unpacked = page.places().into_iter().zip(0..).map(|(place, i)| {
        let end = place.end.min(page.block.bytes.len());
        let data = page.block.bytes.get(place.start..end).unwrap_or_default();
        let most = share(i);
        match method {
            5 => of_lzw(data, most),
            8 | 32946 => inflated([data].into_iter(), most),
            32773 => of_runs(data, most),
            _ => most,
        }
    });
    unpacked.fold(0, u64::saturating_add)
}
