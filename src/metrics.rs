//! How far two pictures are apart.

mod ms_ssim;

pub use ms_ssim::{MS_SSIM_SIDE, ms_ssim};

use crate::{Error, Picture, Result};

fn same_form(a: &Picture, b: &Picture) -> Result<()> {
    let form = |p: &Picture| (p.width(), p.height(), p.colour());
    if form(a) == form(b) {
        return Ok(());
    }
    let ((aw, ah, ac), (bw, bh, bc)) = (form(a), form(b));
    Err(Error::Parameter(format!(
        "cannot compare {aw}x{ah} {ac:?} with {bw}x{bh} {bc:?}"
    )))
}

/// Peak signal-to-noise ratio in dB at 8 bits: `10 log10(255^2 / MSE)`, the mean squared error pooled over all colour samples.
/// Alpha is not counted. Equal pictures are at infinity.
///
/// # Errors
/// [`Error::Parameter`] when the pictures differ in size or colour.
pub fn psnr(a: &Picture, b: &Picture) -> Result<f64> {
    same_form(a, b)?;
    // At most 255^2 a sample, so that 2^48 samples fit.
    let squares: u64 = a
        .samples()
        .iter()
        .zip(b.samples())
        .map(|(&x, &y)| u64::from(x.abs_diff(y)).pow(2))
        .sum();
    Ok(psnr_of(squares, a.samples().len()))
}

/// The PSNR in dB of squared differences that add up to `squares` over `samples` samples.
pub(crate) fn psnr_of(squares: u64, samples: usize) -> f64 {
    let mse = squares as f64 / samples as f64;
    10.0 * (255.0 * 255.0 / mse).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Colour;

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
    fn different_forms_are_refused() {
        let rgb = Picture::new(1, 1, Colour::Rgb, vec![0; 3], None).unwrap();
        assert!(matches!(psnr(&grey(&[0]), &rgb), Err(Error::Parameter(_))));
        assert!(matches!(
            psnr(&grey(&[0]), &grey(&[0, 0])),
            Err(Error::Parameter(_))
        ));
    }
}
