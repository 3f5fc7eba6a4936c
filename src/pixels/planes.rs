//! Three centred colour planes: what the chain works on.

use crate::parallel;
use crate::pixels::samples::{Sample, Samples};

/// Three planes (red, green, blue) of `width` x `height` centred values in 8-bit levels: pixel
/// value minus 127.5.
///
/// The layout is planar, row by row: the value of plane `c`, row `y`, column `x` is `data[(c *
/// height + y) * width + x]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planes {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `3 * width * height` values.
    pub data: Vec<f32>,
}

impl Planes {
    /// All-zero planes (mid grey).
    pub fn zeros(width: usize, height: usize) -> Self {
        Planes {
            width,
            height,
            data: vec![0.0; 3 * width * height],
        }
    }

    /// Number of values D = 3 H W.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// True if there are no values.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// One plane, `width * height` values.
    pub fn plane(&self, c: usize) -> &[f32] {
        let n = self.width * self.height;
        &self.data[c * n..(c + 1) * n]
    }

    /// Replaces the three planes by their mean. The planes of a grey picture are equal, so the mean
    /// is the better prediction.
    pub(crate) fn equalise(&mut self) {
        let (r, rest) = self.data.split_at_mut(self.width * self.height);
        let (g, b) = rest.split_at_mut(r.len());
        r.iter_mut().zip(g).zip(b).for_each(|((r, g), b)| {
            let mean = (*r + *g + *b) / 3.0;
            (*r, *g, *b) = (mean, mean, mean);
        });
    }

    /// Makes a prediction obey the known facts of x_0 (clause 14.7): if it is grey, and the size of
    /// the picture, which may be smaller than the planes.
    pub(crate) fn project(&mut self, grey: bool, size: (usize, usize)) {
        if grey {
            self.equalise();
        }
        equalise_mirrored(self, size);
    }

    /// Copies all values to `to`, which is as long.
    #[cfg(feature = "cuda")]
    pub(crate) fn copy_to(&self, to: &mut [f32]) {
        parallel::copy(&self.data, to);
    }

    /// Copies all values from `from`, which is as long.
    #[cfg(feature = "cuda")]
    pub(crate) fn copy_from(&mut self, from: &[f32]) {
        parallel::copy(from, &mut self.data);
    }
}

/// x_0 as the samples of the picture, in the layout of [`Planes`] and a quarter or half of its
/// memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Planar {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `3 * width * height` samples.
    pub data: Samples,
}

impl Planar {
    /// The centred values, in order.
    pub fn values(&self) -> impl Iterator<Item = f32> + '_ {
        let (eight, sixteen) = self.data.slices();
        let eight = eight.iter().map(|v| v.centred());
        eight.chain(sixteen.iter().map(|v| v.centred()))
    }

    /// Samples of 16 bits, all 0.
    pub fn black(width: usize, height: usize) -> Self {
        Planar {
            width,
            height,
            data: vec![0u16; 3 * width * height].into(),
        }
    }

    /// Replaces the samples from index `first` by the samples of centred values.
    pub fn copy_from(&mut self, first: usize, from: &[f32]) {
        fn copy<T: Sample>(from: &[f32], to: &mut [T]) {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, v)| *to = T::shown(*v));
        }
        match &mut self.data {
            Samples::Eight(x) => copy(from, &mut x[first..]),
            Samples::Sixteen(x) => copy(from, &mut x[first..]),
        }
    }

    /// Writes the centred values from index `first` to `to`.
    pub fn copy_to(&self, first: usize, to: &mut [f32]) {
        fn copy<T: Sample>(from: &[T], to: &mut [f32]) {
            to.iter_mut()
                .zip(from)
                .for_each(|(to, v)| *to = v.centred());
        }
        match &self.data {
            Samples::Eight(x_0) => copy(&x_0[first..], to),
            Samples::Sixteen(x_0) => copy(&x_0[first..], to),
        }
    }

    /// |x_0 - x|^2
    pub fn squared_distance(&self, x: &Planes) -> f64 {
        match &self.data {
            Samples::Eight(x_0) => parallel::squared_differences(x_0, &x.data, Sample::centred),
            Samples::Sixteen(x_0) => parallel::squared_differences(x_0, &x.data, Sample::centred),
        }
    }
}

/// Makes values equal that are mirror images of one value of a picture of `size`, which is smaller
/// than the planes. Both ends know that they are equal.
fn equalise_mirrored(x: &mut Planes, (width, height): (usize, usize)) {
    if width >= x.width && height >= x.height {
        return;
    }
    let (w, h) = (x.width, x.height);
    let mut sums = vec![(0.0f32, 0.0f32); width * height];
    for plane in x.data.chunks_exact_mut(w * h) {
        sums.fill((0.0, 0.0));
        let source = |i: usize| mirror(i / w, height) * width + mirror(i % w, width);
        for (i, v) in plane.iter().enumerate() {
            let (sum, n) = &mut sums[source(i)];
            *sum += v;
            *n += 1.0;
        }
        for (i, v) in plane.iter_mut().enumerate() {
            let (sum, n) = sums[source(i)];
            *v = sum / n;
        }
    }
}

/// `i` reflected into `0..n` about both ends without repeating them.
pub(crate) fn mirror(i: usize, n: usize) -> usize {
    if n == 1 {
        return 0;
    }
    let i = i % (2 * n - 2);
    if i < n { i } else { 2 * n - 2 - i }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_repeats() {
        let got: Vec<usize> = (0..9).map(|i| mirror(i, 3)).collect();
        assert_eq!(got, [0, 1, 2, 1, 0, 1, 2, 1, 0]);
        assert_eq!(mirror(5, 1), 0);
    }
}
