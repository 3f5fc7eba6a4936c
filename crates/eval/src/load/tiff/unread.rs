//! The parts of TIFF files that are not passed on.

use super::meaning::Meaning;
use super::{COLOUR_MAP, PROFILE, Page};
use crate::load::notes::OBLONG;

const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const UNIT: u16 = 296;
const TRANSFER: u16 = 301;
const IPTC: u16 = 33723;
const PHOTOSHOP: u16 = 34377;
const ANNOTATIONS: u16 = 37724;
/// Scale, points, matrix, and what the numbers mean.
const GEOGRAPHY: [u16; 6] = [33550, 33922, 34264, 34735, 34736, 34737];

/// The parts of a page that are not passed on, and how the user is told.
pub fn unread(page: &Page) -> Vec<&'static str> {
    let there = |tags: &[u16]| tags.iter().any(|&tag| page.directory.find(tag).is_some());
    let oblong = page.number(UNIT) == Some(1) && {
        let [x, y] = [X_RESOLUTION, Y_RESOLUTION].map(|tag| {
            let entry = page.directory.find(tag);
            entry.map(|e| page.block.fractions(e)).unwrap_or_default()
        });
        x != y
    };
    let all = [
        (
            there(&[IPTC, PHOTOSHOP, ANNOTATIONS]),
            "the IPTC or the resources of Photoshop in the TIFF were left out",
        ),
        (
            there(&GEOGRAPHY),
            "the place on Earth that the TIFF tells (GeoTIFF) was left out",
        ),
        (
            there(&[TRANSFER]) && !there(&[PROFILE]),
            "the transfer function of the TIFF was left out: colours may be wrong",
        ),
        (
            has_deep_palette(page),
            "the 16 bits of the colours of the palette were rounded to 8",
        ),
        (oblong, OBLONG),
        (
            page.mask,
            "the page of the TIFF with its transparency was left out",
        ),
    ];
    let left = all.into_iter().filter(|(left, _)| *left);
    left.map(|(_, told)| told).collect()
}

/// True if a palette has colours that 8 bits do not hold.
fn has_deep_palette(page: &Page) -> bool {
    let map = page.integers(COLOUR_MAP);
    let deep = |&v: &u64| v > 255 && v & 255 != v >> 8 && v & 255 != 0;
    matches!(page.meaning, Meaning::Palette(_)) && map.iter().any(deep)
}
