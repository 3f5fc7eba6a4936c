//! How many bytes packed samples unpack to, found without memory for them: a large picture that
//! lacks some is refused before it takes any.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use weezl::{BitOrder, LzwStatus};

/// Bytes of samples above which it is found out first that they are all there.
pub const LARGE: u64 = 64 << 20;
/// Bytes that are unpacked at a time.
const BUFFER: usize = 1 << 16;

/// Bytes of a zlib stream in pieces (RFC 1950), up to the first fault and counted up to `most`.
pub fn inflated<'a>(pieces: impl Iterator<Item = &'a [u8]>, most: u64) -> u64 {
    let mut state = InflateState::new_boxed(DataFormat::Zlib);
    let (mut unpacked, mut buffer) = (0, vec![0; BUFFER]);
    for mut data in pieces {
        loop {
            let step = inflate(&mut state, data, &mut buffer, MZFlush::None);
            unpacked += step.bytes_written as u64;
            data = &data[step.bytes_consumed..];
            let stands = step.bytes_written == 0 && step.bytes_consumed == 0;
            match step.status {
                _ if unpacked >= most => return most,
                Ok(MZStatus::Ok) if !stands => {}
                Ok(MZStatus::Ok) | Err(MZError::Buf) => break,
                _ => return unpacked,
            }
        }
    }
    unpacked
}

/// Bytes of an LZW stream as TIFF has it (TIFF 6.0, section 13), counted up to `most`.
pub fn of_lzw(mut data: &[u8], most: u64) -> u64 {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let (mut unpacked, mut buffer) = (0, vec![0; BUFFER]);
    while unpacked < most {
        let step = decoder.decode_bytes(data, &mut buffer);
        unpacked += step.consumed_out as u64;
        data = &data[step.consumed_in..];
        if !matches!(step.status, Ok(LzwStatus::Ok)) {
            break;
        }
    }
    unpacked.min(most)
}

/// Bytes of runs of bytes (PackBits: TIFF 6.0, section 9), counted up to `most`.
pub fn of_runs(data: &[u8], most: u64) -> u64 {
    let (mut at, mut unpacked) = (0, 0);
    while let Some(&head) = data.get(at).filter(|_| unpacked < most) {
        let (taken, made) = match head {
            0..=127 => {
                let left = data.len() - at - 1;
                let length = usize::from(head) + 1;
                (length, length.min(left))
            }
            128 => (0, 0),
            _ => (1, 257 - usize::from(head)),
        };
        at += 1 + taken;
        unpacked += made as u64;
    }
    unpacked.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All counts of one packed form: of all of it, of a part, and up to a limit.
    fn check(count: impl Fn(&[u8], u64) -> u64, packed: &[u8], whole: u64) {
        assert_eq!(count(packed, u64::MAX), whole);
        assert_eq!(count(packed, whole - 1), whole - 1);
        let half = count(&packed[..packed.len() / 2], u64::MAX);
        assert!((whole / 4..whole).contains(&half), "{half} of {whole}");
        assert_eq!(count(&[], u64::MAX), 0);
    }

    #[test]
    fn packed_bytes_are_counted() {
        let bytes: Vec<u8> = (0..300_000u32)
            .map(|i| (i.wrapping_mul(0x9e37_79b1) >> 29) as u8)
            .collect();
        let whole = bytes.len() as u64;
        let zlib = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 6);
        check(
            |data, most| inflated([data].into_iter(), most),
            &zlib,
            whole,
        );
        let (a, b) = zlib.split_at(77);
        assert_eq!(inflated([a, &[], b].into_iter(), u64::MAX), whole);
        let lzw = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8)
            .encode(&bytes)
            .unwrap();
        check(of_lzw, &lzw, whole);
        // A run of 128, a pause, and three bytes as they are.
        let runs = [129, 7, 128, 2, 1, 2, 3].repeat(1000);
        check(of_runs, &runs, 131_000);
        assert_eq!(of_runs(&[5, 1, 2], u64::MAX), 2);
    }
}
