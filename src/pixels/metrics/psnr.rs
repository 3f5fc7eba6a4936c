//! Peak signal-to-noise ratio.

use crate::codes::BitDepth;
use crate::error::Result;
use crate::pixels::metrics::form::same_form;
use crate::pixels::picture::Picture;
use crate::pixels::picture::squared_distance;
use crate::pixels::samples::Sample;

/// Peak signal-to-noise ratio in dB at the depth of the pictures: `10 log10(peak^2 / MSE)` with a
/// peak of 255 or 65535. The mean squared error is over all colour samples. Alpha is not counted.
/// Equal pictures are at infinity.
///
/// # Errors
/// [`Error::Parameter`](crate::error::Error::Parameter) when the pictures differ in size, colour or
/// depth.
pub fn psnr(a: &Picture, b: &Picture) -> Result<f64> {
    same_form(a, b)?;
    let ((a8, a16), (b8, b16)) = (a.samples().slices(), b.samples().slices());
    let squares = squares(a8, b8) + squares(a16, b16);
    Ok(psnr_of(squares, a.samples().len(), a.depth()))
}

/// The PSNR in dB of a sum of squared differences over `samples` samples.
pub(crate) fn psnr_of(squares: u128, samples: usize, depth: BitDepth) -> f64 {
    let mse = squares as f64 / samples as f64;
    let peak = f64::from(depth.max());
    10.0 * (peak * peak / mse).log10()
}

/// The sum of the squared differences. It is taken in pieces that cannot overflow.
fn squares<T: Sample>(a: &[T], b: &[T]) -> u128 {
    let pieces = a.chunks(1 << 24).zip(b.chunks(1 << 24));
    pieces
        .map(|(a, b)| u128::from(squared_distance(a, b)))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Colour;
    use crate::error::Error;

    fn grey(samples: &[u8]) -> Picture {
        Picture::new(
            samples.len() as u32,
            1,
            Colour::Grey,
            samples.to_vec(),
            None,
        )
        .unwrap()
    }

    #[test]
    fn known_values() {
        let a = grey(&[10, 20, 30, 40]);
        assert_eq!(psnr(&a, &a).unwrap(), f64::INFINITY);
        // One sample off by two: MSE 1.
        let psnr_1 = psnr(&a, &grey(&[10, 22, 30, 40])).unwrap();
        assert!((psnr_1 - 48.130_803_608_679_1).abs() < 1e-9);
        let black_white = psnr(&grey(&[0, 0]), &grey(&[255, 255])).unwrap();
        assert_eq!(black_white, 0.0);
    }

    #[test]
    fn sixteen_bits_have_a_peak_of_their_own() {
        let sixteen_bit = |samples: &[u16]| {
            let n = samples.len() as u32;
            Picture::from_samples(n, 1, Colour::Grey, samples.to_vec().into(), None).unwrap()
        };
        assert_eq!(
            psnr(&sixteen_bit(&[0, 0]), &sixteen_bit(&[65535, 65535])).unwrap(),
            0.0
        );
        // The same share of the peak, the same PSNR.
        let [a, b] = [[10u8, 20, 30], [12, 20, 29]];
        let wide = |v: [u8; 3]| sixteen_bit(&v.map(|v| u16::from(v) * 257));
        let (eight, sixteen) = (psnr(&grey(&a), &grey(&b)), psnr(&wide(a), &wide(b)));
        assert!((eight.unwrap() - sixteen.unwrap()).abs() < 1e-9);
        assert!(psnr(&grey(&a), &wide(a)).is_err());
    }

    #[test]
    fn different_forms_are_refused() {
        let rgb = Picture::new(1, 1, Colour::Rgb, vec![0; 3], None).unwrap();
        assert!(matches!(psnr(&grey(&[0]), &rgb), Err(Error::Parameter(_))));
        assert!(matches!(
            psnr(&grey(&[0]), &grey(&[0, 0])),
            Err(Error::Parameter(_))
        ));
    }
}
