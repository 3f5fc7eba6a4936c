//! Knowledge that both ends share about a picture before its exact samples.

/// The state of the chain and its prediction, plane by plane, in centred 8-bit levels.
#[derive(Debug, Clone, Copy)]
pub struct SideInformation<'a> {
    /// Columns and rows of the planes, not less than those of the picture.
    pub planes: (usize, usize),
    /// x_t.
    pub x_t: &'a [f32],
    /// The prediction of x_0 from it.
    pub x0_hat: &'a [f32],
}
