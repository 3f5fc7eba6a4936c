//! The frames of GIF files.

use gif::{DecodeOptions, Decoder};

use super::unpacked::LARGE;

/// Pixels that are unpacked at a time.
const BUFFER: usize = 1 << 16;

fn open(bytes: &[u8], skip: bool) -> Option<Decoder<&[u8]>> {
    let mut options = DecodeOptions::new();
    options.skip_frame_decoding(skip);
    options.read_info(bytes).ok()
}

/// Number of frames. None if the bytes do not tell.
pub fn frames(bytes: &[u8]) -> Option<u64> {
    let mut decoder = open(bytes, true)?;
    let mut n = 0;
    while let Ok(Some(_)) = decoder.next_frame_info() {
        n += 1;
    }
    Some(n)
}

/// True if the first frame is large, within `max_pixels`, and has fewer pixels than it should. No
/// memory is taken for them.
pub fn falls_short(bytes: &[u8], max_pixels: u64) -> bool {
    let Some(mut decoder) = open(bytes, false) else {
        return false;
    };
    let Ok(Some(frame)) = decoder.next_frame_info() else {
        return false;
    };
    let mut left = usize::from(frame.width) * usize::from(frame.height);
    // A pixel is shown in four bytes.
    if 4 * left as u64 <= LARGE || left as u64 > max_pixels {
        return false;
    }
    let mut buffer = vec![0; BUFFER];
    while left > 0 {
        let part = left.min(BUFFER);
        if !matches!(decoder.fill_buffer(&mut buffer[..part]), Ok(true)) {
            return true;
        }
        left -= part;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_frame_without_its_last_rows_is_found() {
        let gif = |width: u16, height: u16| {
            let mut bytes = Vec::new();
            let mut encoder = gif::Encoder::new(&mut bytes, width, height, &[0; 6]).unwrap();
            let pixels = vec![1; usize::from(width) * usize::from(height)];
            let frame = gif::Frame::from_indexed_pixels(width, height, pixels, None);
            encoder.write_frame(&frame).unwrap();
            drop(encoder);
            bytes
        };
        let mut whole = gif(4200, 4200);
        assert_eq!(frames(&whole), Some(1));
        let falls_short = |bytes: &[u8]| falls_short(bytes, 1 << 30);
        assert!(!falls_short(&whole) && falls_short(&whole[..whole.len() / 2]));
        // All data of a lower frame, in one that is called higher.
        let frame = whole.windows(2).position(|w| w == [0x2c, 0]).unwrap();
        whole[frame + 7..frame + 9].copy_from_slice(&4300u16.to_le_bytes());
        assert!(falls_short(&whole) && !super::falls_short(&whole, 1 << 20));
        let small = gif(30, 20);
        assert!(!falls_short(&small[..small.len() / 2]));
    }
}
