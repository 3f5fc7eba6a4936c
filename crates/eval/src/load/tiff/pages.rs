//! The pages of a TIFF file, and the one that is its picture.

use crate::directory::{Block, Directory};

const KIND: u16 = 254;
/// Directories below one.
const NESTED: u16 = 330;
/// Most pages that are looked at.
const MOST_PAGES: usize = 1000;

/// A copy of less size.
const REDUCED: u64 = 1;
/// The transparency of another page.
const MASK: u64 = 4;

/// The pages of a file.
pub struct Pages {
    /// Offset of the directory of the picture.
    pub at: usize,
    /// The directory of the picture: the first that is no small copy and no mask.
    pub chosen: Directory,
    /// Other such pages.
    pub others: usize,
    /// True if there is a mask.
    pub mask: bool,
}

impl Pages {
    /// The pages of a file. None without any that can be read.
    pub fn of(block: &Block) -> Option<Self> {
        let mut pages: Vec<(usize, Directory)> = Vec::new();
        let mut at = block.first;
        while at != 0 && pages.len() < MOST_PAGES && pages.iter().all(|p| p.0 != at) {
            let Some(directory) = block.directory(at) else {
                break;
            };
            let next = directory.next;
            pages.push((at, directory));
            at = next;
        }
        let kind = |d: &Directory| block.integer(d, KIND).unwrap_or(0);
        let own = |d: &Directory| kind(d) & (REDUCED | MASK) == 0;
        let full = pages.iter().filter(|p| own(&p.1)).count();
        let mask = pages.iter().any(|p| kind(&p.1) & MASK != 0);
        if full == 0 {
            // Cameras write the small copy first, and the picture below it.
            let first = pages.first().and_then(|p| p.1.find(NESTED));
            let nested = first.map(|e| block.integers(e)).unwrap_or_default();
            for at in nested.into_iter().take(MOST_PAGES) {
                let at = usize::try_from(at).unwrap_or(usize::MAX);
                pages.extend(block.directory(at).map(|directory| (at, directory)));
            }
        }
        let chosen = pages.iter().position(|p| own(&p.1)).unwrap_or(0);
        (!pages.is_empty()).then(|| {
            let (at, chosen) = pages.swap_remove(chosen);
            Pages {
                at,
                chosen,
                others: full.saturating_sub(1),
                mask,
            }
        })
    }
}
