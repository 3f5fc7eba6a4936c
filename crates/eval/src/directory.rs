//! The structure of TIFF files, which EXIF has too: directories of entries, chained and nested.

use std::ops::Range;

/// Entries of one directory, at most.
const MOST_ENTRIES: u64 = 4096;
/// Integers of an entry, at most: more than a picture has strips or tiles.
const MOST_INTEGERS: usize = 1 << 22;

/// A TIFF file, or a block of EXIF.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    pub bytes: &'a [u8],
    pub little: bool,
    /// BigTIFF, whose offsets have 64 bits.
    pub big: bool,
    /// Offset of the first directory.
    pub first: usize,
}

/// An entry of a directory.
#[derive(Debug, Clone)]
pub struct Entry {
    pub tag: u16,
    /// The type of the values.
    pub kind: u16,
    pub count: u64,
    /// Offset of the entry.
    pub at: usize,
    /// The bytes of the values, which may lie outside the block.
    pub value: Range<usize>,
}

/// A directory.
#[derive(Debug, Clone)]
pub struct Directory {
    pub entries: Vec<Entry>,
    /// Offset of the number that says where the next directory is.
    pub link: usize,
    /// Offset of the next directory, or 0.
    pub next: usize,
}

impl Directory {
    /// The last entry of this tag whose type is known, which is the one that the crate `tiff`
    /// reads.
    pub fn find(&self, tag: u16) -> Option<&Entry> {
        let is_known = |kind| matches!(kind, 1..=13 | 16..=18);
        let mut entries = self.entries.iter().rev();
        entries.find(|e| e.tag == tag && is_known(e.kind))
    }
}

impl<'a> Block<'a> {
    /// The block that `bytes` are, if they begin as one.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let little = match bytes.first_chunk()? {
            b"II" => true,
            b"MM" => false,
            _ => return None,
        };
        let mut block = Block {
            bytes,
            little,
            big: false,
            first: 0,
        };
        block.big = match block.number(2..4)? {
            42 => false,
            43 if block.number(4..8)? == if little { 8 } else { 8 << 16 } => true,
            _ => return None,
        };
        block.first = block.number(block.header())? as usize;
        Some(block)
    }

    /// Where the header says where the first directory is.
    pub fn header(&self) -> Range<usize> {
        if self.big { 8..16 } else { 4..8 }
    }

    /// Bytes of an entry.
    pub fn entry_bytes(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// Bytes of a number of entries.
    pub fn count_bytes(&self) -> usize {
        if self.big { 8 } else { 2 }
    }

    /// The integer of these bytes, up to eight.
    pub fn number(&self, at: Range<usize>) -> Option<u64> {
        let digits = self.bytes.get(at)?.iter();
        let add = |sum: u64, &digit: &u8| (sum << 8) | u64::from(digit);
        Some(match self.little {
            true => digits.rev().fold(0, add),
            false => digits.fold(0, add),
        })
    }

    /// `value` in `N` bytes.
    pub fn digits<const N: usize>(&self, value: u64) -> [u8; N] {
        let mut digits = [0; N];
        let all = value.to_le_bytes();
        digits.iter_mut().zip(all).for_each(|(d, v)| *d = v);
        if !self.little {
            digits.reverse();
        }
        digits
    }

    /// The directory at this offset.
    pub fn directory(&self, at: usize) -> Option<Directory> {
        let (head, size) = (self.count_bytes(), self.entry_bytes());
        let count = self.number(at..at.checked_add(head)?)?;
        if at == 0 || count > MOST_ENTRIES {
            return None;
        }
        let start = at + head;
        let link = start.checked_add(count as usize * size)?;
        let entries = (0..count as usize).map(|i| self.entry(start + i * size));
        let entries = entries.collect::<Option<Vec<Entry>>>()?;
        let width = self.header().len();
        // Some writers end the file before it.
        let next = self.number(link..link + width).unwrap_or(0) as usize;
        Some(Directory {
            entries,
            link,
            next,
        })
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let width = self.header().len();
        let kind = self.number(at + 2..at + 4)? as u16;
        let count = self.number(at + 4..at + 4 + width)?;
        let bytes = count.checked_mul(size_of_kind(kind))?;
        let place = at + 4 + width;
        let start = match bytes <= width as u64 {
            true => place,
            false => self.number(place..place + width)? as usize,
        };
        let end = start.saturating_add(usize::try_from(bytes).ok()?);
        Some(Entry {
            tag: self.number(at..at + 2)? as u16,
            kind,
            count,
            at,
            value: start..end,
        })
    }

    /// The bytes of an entry's values.
    pub fn value(&self, entry: &Entry) -> Option<&'a [u8]> {
        self.bytes.get(entry.value.clone())
    }

    /// The integers of an entry.
    pub fn integers(&self, entry: &Entry) -> Vec<u64> {
        let size = match entry.kind {
            1 | 3 | 4 | 7 | 13 | 16 | 18 => size_of_kind(entry.kind) as usize,
            _ => return Vec::new(),
        };
        let starts = entry.value.clone().step_by(size);
        let values = starts.map_while(|at| self.number(at..at + size));
        values.take(MOST_INTEGERS).collect()
    }

    /// The first integer of the entry of this tag.
    pub fn integer(&self, directory: &Directory, tag: u16) -> Option<u64> {
        self.integers(directory.find(tag)?).first().copied()
    }

    /// The fractions of an entry.
    pub fn fractions(&self, entry: &Entry) -> Vec<f64> {
        if entry.kind != 5 {
            return Vec::new();
        }
        let starts = entry.value.clone().step_by(8);
        let value = |at: usize| {
            let (up, down) = (self.number(at..at + 4)?, self.number(at + 4..at + 8)?);
            Some(up as f64 / down as f64)
        };
        starts.map_while(value).collect()
    }
}

/// Bytes of a value of this type; 1 of unknown ones.
fn size_of_kind(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}
