//! Several pictures of one size in one.

use dcodec::Picture;

use crate::error::{Error, Result};

/// Pixels of white between two pictures.
const GAP: u32 = 4;

/// Columns of a sheet of `count` pictures: as many as rows, or one more.
pub fn columns(count: usize) -> usize {
    (1..=count).find(|c| c * c >= count).unwrap_or(1)
}

/// Size of a sheet of `count` pictures. One of more than `max_pixels` is refused.
pub fn check(
    (width, height): (u32, u32),
    columns: usize,
    count: usize,
    max_pixels: u64,
) -> Result<(u32, u32)> {
    let rows = count.div_ceil(columns);
    let (w, h) = size((width, height), columns, rows);
    if w.max(h) > u64::from(u32::MAX) || w.saturating_mul(h) > max_pixels {
        return Err(Error::Failed(format!(
            "{count} pictures of {width} x {height} make a sheet of {w} x {h} pixels, over the limit of {max_pixels} (raise it with --max-pixels)"
        )));
    }
    Ok((w as u32, h as u32))
}

fn size((width, height): (u32, u32), columns: usize, rows: usize) -> (u64, u64) {
    let side = |n: usize, one: u32| {
        let step = u64::from(one) + u64::from(GAP);
        (n as u64).saturating_mul(step) - u64::from(GAP)
    };
    (side(columns, width), side(rows, height))
}

/// The pictures row by row in `columns` columns, on white, in 8 bits.
pub fn sheet(pictures: &[Picture], columns: usize) -> Result<Picture> {
    let Some(first) = pictures.first() else {
        return Err(Error::Usage("no pictures".into()));
    };
    let (width, height) = (first.width(), first.height());
    let rows = pictures.len().div_ceil(columns);
    let (w, h) = size((width, height), columns, rows);
    let channels = first.colour().channels();
    let mut samples = vec![u8::MAX; (w * h) as usize * channels];
    for (i, picture) in pictures.iter().enumerate() {
        let left = (i % columns) as u64 * u64::from(width + GAP);
        let top = (i / columns) as u64 * u64::from(height + GAP);
        let line = width as usize * channels;
        let picture = picture.clone().into_eight();
        let rows = picture.samples().as_eight().unwrap_or_default();
        for (y, row) in rows.chunks_exact(line).enumerate() {
            let at = ((top + y as u64) * w + left) as usize * channels;
            samples[at..at + line].copy_from_slice(row);
        }
    }
    Ok(Picture::new(
        w as u32,
        h as u32,
        first.colour(),
        samples,
        None,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dcodec::Colour;

    fn grey(value: u8) -> Picture {
        Picture::new(2, 1, Colour::Grey, vec![value; 2], None).expect("fits")
    }

    #[test]
    fn sheets_are_nearly_square() {
        let got: Vec<usize> = [1, 2, 4, 5, 9, 10].map(columns).to_vec();
        assert_eq!(got, [1, 2, 2, 3, 3, 4]);
    }

    #[test]
    fn pictures_stand_in_rows() {
        let three = sheet(&[grey(1), grey(2), grey(3)], 2).expect("fits");
        assert_eq!((three.width(), three.height()), (8, 6));
        let samples = three.samples().as_eight().expect("8 bits");
        let row = |y: usize| &samples[8 * y..8 * y + 8];
        assert_eq!(row(0), [1, 1, 255, 255, 255, 255, 2, 2]);
        assert_eq!(row(3), [255; 8]);
        assert_eq!(row(5), [3, 3, 255, 255, 255, 255, 255, 255]);
        assert!(sheet(&[grey(9)], 1).expect("fits") == grey(9));
    }

    #[test]
    fn large_sheets_are_refused() {
        assert!(check((100, 100), 3, 5, 308 * 204).is_ok());
        assert!(check((100, 100), 3, 5, 308 * 204 - 1).is_err());
        assert!(check((1 << 20, 1 << 20), 5000, 25_000_000, u64::MAX).is_err());
    }
}
