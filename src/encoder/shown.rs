//! What a receiver shows, and how far it is from the picture.

use crate::error::Result;
use crate::metrics::psnr_of;
use crate::picture::Picture;
use crate::planes::{Planar, Planes};

/// |x_0 - x0_hat|^2
pub(super) fn squared_error(x_0: &Planar, x0_hat: &Planes) -> f64 {
    let values = x_0.values().zip(&x0_hat.data);
    values.map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

/// RGB PSNR in dB of the picture that a receiver shows for `x0_hat`.
pub(super) fn shown_psnr(picture: &Picture, x0_hat: &Planes) -> Result<f64> {
    let squares = picture.squared_error(x0_hat)?;
    Ok(psnr_of(squares, picture.samples().len(), picture.depth()))
}

/// The picture that a receiver shows for `x0_hat`.
pub(super) fn picture_of(like: &Picture, x0_hat: &Planes) -> Result<Picture> {
    Picture::from_planes(
        x0_hat,
        like.width(),
        like.height(),
        like.colour(),
        like.depth(),
        like.alpha().cloned(),
    )
}
