//! A file in memory, read as if some of its bytes were others.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// A file some of whose bytes are others.
pub struct Patched<'a> {
    pub bytes: &'a [u8],
    /// Places and their bytes.
    pub patches: Vec<(usize, Vec<u8>)>,
    /// Places where the bits of each byte are reversed, in their order.
    pub reversed: Vec<Range<usize>>,
    /// The next byte.
    pub at: u64,
}

impl Read for Patched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(self.at).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        for (place, new) in &self.patches {
            for (k, &byte) in new.iter().enumerate() {
                if let Some(at) = (place + k).checked_sub(start).filter(|&at| at < n) {
                    buffer[at] = byte;
                }
            }
        }
        let first = self.reversed.partition_point(|place| place.end <= start);
        for place in self.reversed[first..]
            .iter()
            .take_while(|p| p.start < start + n)
        {
            let (from, to) = (place.start.max(start), place.end.min(start + n));
            if from < to {
                let bytes = &mut buffer[from - start..to - start];
                bytes.iter_mut().for_each(|b| *b = b.reverse_bits());
            }
        }
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Patched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => (self.bytes.len() as u64).checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
