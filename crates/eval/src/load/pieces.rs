//! Pieces of a file, read as one without a copy.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

/// Pieces of bytes, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Pieces<'a, const N: usize> {
    pieces: [&'a [u8]; N],
    at: usize,
}

impl<'a, const N: usize> Pieces<'a, N> {
    pub fn new(pieces: [&'a [u8]; N]) -> Self {
        Pieces { pieces, at: 0 }
    }

    fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }
}

impl<const N: usize> BufRead for Pieces<'_, N> {
    /// The rest of the present piece; empty at the end.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let mut at = self.at;
        for piece in self.pieces {
            match piece.get(at..) {
                Some(rest) if !rest.is_empty() => return Ok(rest),
                _ => at -= piece.len(),
            }
        }
        Ok(&[])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.len());
    }
}

impl<const N: usize> Read for Pieces<'_, N> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(bytes)?;
        self.consume(read);
        Ok(read)
    }
}

impl<const N: usize> Seek for Pieces<'_, N> {
    /// A place behind the end counts as the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let len = self.len() as u64;
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => len.checked_add_signed(by),
            SeekFrom::Current(by) => (self.at as u64).checked_add_signed(by),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?.min(len);
        self.at = place as usize;
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_one() {
        let mut pieces = Pieces::new([b"one", b"", b"four"]);
        let mut all = Vec::new();
        pieces.read_to_end(&mut all).expect("reads");
        assert_eq!(all, b"onefour");
        for (to, place, rest) in [
            (SeekFrom::Start(2), 2, &b"efour"[..]),
            (SeekFrom::End(-1), 6, b"r"),
            (SeekFrom::Current(-4), 3, b"four"),
            (SeekFrom::Start(99), 7, b""),
        ] {
            assert_eq!(pieces.seek(to).expect("a place"), place);
            let mut read = Vec::new();
            pieces.read_to_end(&mut read).expect("reads");
            assert_eq!(read, rest);
        }
        assert!(pieces.seek(SeekFrom::End(-8)).is_err());
    }
}
