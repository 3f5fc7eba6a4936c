//! The way from planes to the values that the trellis signs, and back: bands, if the file has them,
//! and the rotation of each.

use rayon::prelude::*;

use crate::channel::bands::Bands;
use crate::channel::rotation::{Order, Rotated, Rotation};
use crate::channel::split::{Split, Stages};
use crate::random::Stream;

/// The map from the values of three planes to rotated values, in one part or in one for each band.
#[derive(Debug, Clone)]
pub enum Transform {
    /// One rotation of all values.
    Whole(Rotation),
    /// One rotation of each band; none where the band has no values.
    Banded(Bands, Vec<Option<Rotation>>),
}

impl Transform {
    /// The transform of planes of `width` x `height`, at least 16 each.
    pub fn new(width: usize, height: usize, banded: bool) -> Self {
        if !banded {
            return Transform::Whole(Rotation::new(0, 3 * width * height));
        }
        let bands = Bands::new(width, height);
        let mut base = 0;
        let rotation = |len: usize| {
            base += len;
            (len > 0).then(|| Rotation::new(base - len, len))
        };
        let rotations = bands.lens().map(rotation).into();
        Transform::Banded(bands, rotations)
    }

    /// The bands, if there are any.
    pub fn bands(&self) -> Option<&Bands> {
        match self {
            Transform::Whole(_) => None,
            Transform::Banded(bands, _) => Some(bands),
        }
    }

    /// The split of a layer's stages among the parts.
    pub fn split(&self, stages: Stages) -> Split {
        match self {
            Transform::Whole(_) => Split::whole(stages.count),
            Transform::Banded(bands, _) => Split::new(stages, &bands.lens()),
        }
    }

    /// D_g, the number of values of each part.
    pub fn lens(&self) -> Vec<usize> {
        match self {
            Transform::Whole(rotation) => vec![rotation.len()],
            Transform::Banded(bands, _) => bands.lens().into(),
        }
    }

    /// The rotation of each part; none where it has no values.
    pub(crate) fn rotations(&self) -> Vec<Option<&Rotation>> {
        match self {
            Transform::Whole(rotation) => vec![Some(rotation)],
            Transform::Banded(_, rotations) => rotations.iter().map(Option::as_ref).collect(),
        }
    }

    /// The rotation of each part, with its values; `values` holds the values of all parts.
    fn deal<'v>(&self, mut values: &'v mut [f32]) -> Vec<(Option<&Rotation>, &'v mut [f32])> {
        let rotations = self.rotations().into_iter();
        rotations
            .map(|rotation| {
                let len = rotation.map_or(0, Rotation::len);
                (rotation, values.split_off_mut(..len).unwrap_or_default())
            })
            .collect()
    }

    /// The coefficients of a shift, in its own memory.
    pub fn forward(&self, stream: &Stream, mut m: Vec<f32>) -> Coefficients {
        if let Some(bands) = self.bands() {
            bands.forward(&mut m);
        }
        let rotate = |(rotation, values): (Option<&Rotation>, &mut [f32])| {
            let len = values.len();
            let order = rotation.map(|r| r.forward(stream, values));
            (len, order.unwrap_or_default())
        };
        let parts = self.deal(&mut m).into_iter().map(rotate).collect();
        Coefficients { data: m, parts }
    }

    /// Undoes [`Transform::forward`], and adds `std` times the result to the planes `x`.
    ///
    /// `fill(part, first, y)` writes the coefficients of a part for the positions from `first`.
    /// They are multiplied by the part's gain.
    pub fn add(
        &self,
        stream: &Stream,
        gains: &[f64],
        fill: impl Fn(usize, usize, &mut [f32]) + Sync,
        std: f64,
        x: &mut [f32],
    ) {
        let fill = |part: usize, _: &[f32], first: usize, y: &mut [f32]| fill(part, first, y);
        self.add_from(stream, None, gains, fill, std, x);
    }

    /// Undoes [`Transform::forward`] for changed coefficients, in their memory, and adds `std`
    /// times the result to the planes `x`.
    ///
    /// `fill(part, old, first, y)` writes the changed coefficients of a part for the positions from
    /// `first`; `old` are all coefficients of the part.
    pub fn add_changed(
        &self,
        stream: &Stream,
        coefficients: Coefficients,
        fill: impl Fn(usize, Rotated, usize, &mut [f32]) + Sync,
        std: f64,
        x: &mut [f32],
    ) {
        let Coefficients { data, parts } = coefficients;
        let gains = vec![1.0; parts.len()];
        let fill = |part: usize, old: &[f32], first: usize, y: &mut [f32]| {
            fill(part, Rotated::new(old, parts[part].1), first, y);
        };
        self.add_from(stream, Some(data), &gains, fill, std, x);
    }

    /// Adds the planes of the coefficients that `fill` writes. It is given the values of the part
    /// in `data`, if there is data.
    fn add_from(
        &self,
        stream: &Stream,
        data: Option<Vec<f32>>,
        gains: &[f64],
        fill: impl Fn(usize, &[f32], usize, &mut [f32]) + Sync,
        std: f64,
        x: &mut [f32],
    ) {
        match self {
            Transform::Whole(rotation) => {
                let (data, std) = (data.unwrap_or_default(), std as f32);
                let fill = |_: &[f32], first: usize, y: &mut [f32]| fill(0, &data, first, y);
                rotation.inverse(stream, gains[0], fill, x, |x, z| *x += std * z);
            }
            Transform::Banded(bands, _) => {
                let mut data = data.unwrap_or_else(|| vec![0.0; x.len()]);
                for (part, (rotation, values)) in self.deal(&mut data).into_iter().enumerate() {
                    let fill = |old: &[f32], first: usize, y: &mut [f32]| fill(part, old, first, y);
                    if let Some(rotation) = rotation {
                        rotation.inverse(stream, gains[part], fill, values, |y, z| *y = z);
                    }
                }
                bands.add(&data, std, x);
            }
        }
    }
}

/// Rotated values of planes, part by part.
#[derive(Debug, Clone)]
pub struct Coefficients {
    data: Vec<f32>,
    /// The length of each part, and its order in memory.
    parts: Vec<(usize, Order)>,
}

impl Coefficients {
    /// The rotated values of each part.
    pub fn parts(&self) -> Vec<Rotated<'_>> {
        let mut rest = &self.data[..];
        let part = |&(len, order): &(usize, Order)| {
            let (values, others) = rest.split_at(len);
            rest = others;
            Rotated::new(values, order)
        };
        self.parts.iter().map(part).collect()
    }

    /// The sum of the squares.
    pub fn energy(&self) -> f64 {
        self.parts().iter().map(Rotated::energy).sum()
    }

    /// Multiplies the values of each part by its gain.
    pub fn scale(&mut self, gains: &[f64]) {
        let mut rest = &mut self.data[..];
        for ((len, order), &gain) in self.parts.iter_mut().zip(gains) {
            let values = rest.split_off_mut(..*len).unwrap_or_default();
            if gain != 1.0 {
                let chunks = values.par_chunks_mut(1 << 14);
                chunks.for_each(|values| values.iter_mut().for_each(|v| *v *= gain as f32));
                *order = order.scaled(gain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::rotation::BLOCK;

    #[test]
    fn what_is_mixed_comes_back_from_one_part_and_from_bands() {
        let stream = Stream::new(1, 2);
        for (w, h) in [(16, 20), (150, 97), (400, 300)] {
            let x: Vec<f32> = (0..3 * w * h).map(|i| stream.gauss(i) as f32).collect();
            let energy: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
            for banded in [false, true] {
                let mut transform = Transform::new(w, h, banded);
                // The largest is rotated through several windows.
                match &mut transform {
                    Transform::Whole(rotation) => rotation.window = BLOCK,
                    Transform::Banded(_, rotations) => {
                        rotations
                            .iter_mut()
                            .flatten()
                            .for_each(|r| r.window = BLOCK);
                    }
                }
                let y = transform.forward(&stream, x.clone());
                assert!((y.energy() / energy - 1.0).abs() < 1e-5);
                assert_eq!(transform.lens().iter().sum::<usize>(), x.len());
                let fill = |part: usize, first: usize, out: &mut [f32]| {
                    let values = y.parts()[part].every(first, 1);
                    out.iter_mut()
                        .zip(values)
                        .for_each(|(out, (_, v))| *out = v);
                };
                let parts = transform.lens().len();
                let mut tripled = y.clone();
                tripled.scale(&vec![3.0; parts]);
                assert!((tripled.energy() / y.energy() - 9.0).abs() < 1e-5);
                tripled.scale(&vec![1.0 / 3.0; parts]);
                let y = tripled;
                let mut back = vec![1.0; x.len()];
                let gains = vec![2.0; transform.lens().len()];
                transform.add(&stream, &gains, fill, 0.5, &mut back);
                let fill = |_: usize, old: Rotated, first: usize, out: &mut [f32]| {
                    let values = old.every(first, 1);
                    out.iter_mut()
                        .zip(values)
                        .for_each(|(out, (_, v))| *out = v);
                };
                transform.add_changed(&stream, y, fill, -2.0, &mut back);
                for (a, b) in x.iter().zip(back) {
                    assert!((1.0 - a - b).abs() < 1e-5, "{a} {b}");
                }
            }
        }
    }
}
