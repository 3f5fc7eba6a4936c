//! Arguments of a kernel, with the check of every length that it relies on.

/// Channels of a group: one AVX-512 vector. Output channels come in whole groups.
pub(crate) const GROUP: usize = 16;

/// Last operation on an accumulator before it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Epilogue<'a> {
    /// `out = acc`.
    Store,
    /// `out = relu(acc) * scale`, one scale for each output channel of the panel.
    ReluScale(&'a [f32]),
    /// `out = out + acc`.
    Add,
}

/// One panel of output channels for a run of output pixels.
///
/// Pixel `q` reads `ci` values at `x[q * step + tap]` for each tap, and writes `bias.len()` values
/// at `out[q * out_step]`. `weights` is `[taps][ci][bias.len()]`.
#[derive(Debug)]
pub(crate) struct Span<'a> {
    pub x: &'a [f32],
    pub step: usize,
    pub taps: &'a [usize],
    pub ci: usize,
    pub weights: &'a [f32],
    pub bias: &'a [f32],
    pub out: &'a mut [f32],
    pub out_step: usize,
    pub pixels: usize,
    pub epilogue: Epilogue<'a>,
}

impl Span<'_> {
    /// Checks every length that the kernels rely on.
    ///
    /// # Panics
    /// If a slice is too short, or the panel is not a multiple of [`GROUP`].
    pub fn check(&self) {
        let width = self.bias.len();
        assert!(width > 0 && width.is_multiple_of(GROUP), "panel width");
        assert_eq!(self.weights.len(), self.taps.len() * self.ci * width);
        if let Epilogue::ReluScale(scale) = self.epilogue {
            assert_eq!(scale.len(), width);
        }
        // Strides and counts come from buffers that exist, but a product that wraps must not pass.
        let end = |step: usize, first: usize, len: usize| {
            (self.pixels - 1)
                .checked_mul(step)
                .and_then(|n| n.checked_add(first))
                .and_then(|n| n.checked_add(len))
        };
        let furthest = self.taps.iter().copied().max().unwrap_or(0);
        assert!(end(self.step, furthest, self.ci).is_some_and(|n| n <= self.x.len()));
        assert!(end(self.out_step, 0, width).is_some_and(|n| n <= self.out.len()));
    }
}
