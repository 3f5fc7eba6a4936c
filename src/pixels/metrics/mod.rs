//! Measures of the distance between two pictures.

mod form;
mod ms_ssim;
mod psnr;

pub use ms_ssim::{MS_SSIM_SIDE, ms_ssim};
pub use psnr::psnr;
pub(crate) use psnr::psnr_of;
