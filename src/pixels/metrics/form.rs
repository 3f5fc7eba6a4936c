//! Pictures that can be compared.

use crate::error::{Error, Result};
use crate::pixels::picture::Picture;

/// Refuses pictures that cannot be compared sample by sample.
///
/// # Errors
/// [`Error::Parameter`] when the pictures differ in size, colour or depth.
pub fn same_form(a: &Picture, b: &Picture) -> Result<()> {
    let form = |p: &Picture| (p.width(), p.height(), p.colour(), p.depth().bits());
    if form(a) == form(b) {
        return Ok(());
    }
    let ((aw, ah, ac, ad), (bw, bh, bc, bd)) = (form(a), form(b));
    Err(Error::Parameter(format!(
        "cannot compare {aw}x{ah} {ac:?} of {ad} bits with {bw}x{bh} {bc:?} of {bd}"
    )))
}
