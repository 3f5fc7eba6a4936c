//! From planes to the values that the trellis signs, and back: bands if the file has them, and the rotation of each.

use super::bands::Bands;
use super::rotation::{Rotated, Rotation};
use super::split::{Split, Stages};
use crate::random::Stream;

/// The map of the values of three planes to rotated values, in one part or in one for each band.
#[derive(Debug, Clone)]
pub enum Mixer {
    /// One rotation of all values.
    Whole(Rotation),
    /// One of each band; none where it has no values.
    Banded(Bands, Vec<Option<Rotation>>),
}

impl Mixer {
    /// For planes of `width` x `height`, at least 16 each.
    pub fn new(width: usize, height: usize, banded: bool) -> Self {
        if !banded {
            return Mixer::Whole(Rotation::new(0, 3 * width * height));
        }
        let bands = Bands::new(width, height);
        let mut base = 0;
        let rotation = |len: usize| {
            base += len;
            (len > 0).then(|| Rotation::new(base - len, len))
        };
        let rotations = bands.lens().map(rotation).into();
        Mixer::Banded(bands, rotations)
    }

    /// The bands, if there are any.
    pub fn bands(&self) -> Option<&Bands> {
        match self {
            Mixer::Whole(_) => None,
            Mixer::Banded(bands, _) => Some(bands),
        }
    }

    /// The stages of a layer, dealt out to the parts.
    pub fn split(&self, stages: Stages) -> Split {
        match self {
            Mixer::Whole(_) => Split::whole(stages.count),
            Mixer::Banded(bands, _) => Split::new(stages, &bands.lens()),
        }
    }

    /// D_g of each part.
    pub fn lens(&self) -> Vec<usize> {
        match self {
            Mixer::Whole(rotation) => vec![rotation.len()],
            Mixer::Banded(bands, _) => bands.lens().into(),
        }
    }

    /// The rotation of each part; none where it has no values.
    pub(crate) fn rotations(&self) -> Vec<Option<&Rotation>> {
        match self {
            Mixer::Whole(rotation) => vec![Some(rotation)],
            Mixer::Banded(_, rotations) => rotations.iter().map(Option::as_ref).collect(),
        }
    }

    /// Mixes a shift, in its own memory where a second array would be long.
    pub fn forward(&self, stream: &Stream, m: Vec<f32>) -> Mixed {
        let (bands, rotations) = match self {
            Mixer::Whole(rotation) => return rotation.forward(stream, m).into(),
            Mixer::Banded(bands, rotations) => (bands, rotations),
        };
        let y = bands.forward(&m);
        drop(m);
        let mut rest = &y[..];
        let mix = |rotation: &Option<Rotation>| {
            let (values, others) = rest.split_at(rotation.as_ref().map_or(0, Rotation::len));
            rest = others;
            let mixed = |r: &Rotation| r.forward(stream, values.to_vec());
            rotation.as_ref().map(mixed).unwrap_or_default()
        };
        Mixed {
            parts: rotations.iter().map(mix).collect(),
        }
    }

    /// Undoes [`Mixer::forward`]: mixes the values back that `fill(part, first, y)` writes for the positions of a part from
    /// `first`, multiplied by the part's gain, and adds `std` times them to `x`.
    pub fn add(
        &self,
        stream: &Stream,
        gains: &[f64],
        fill: impl Fn(usize, usize, &mut [f32]) + Sync,
        std: f64,
        x: &mut [f32],
    ) {
        let (bands, rotations) = match self {
            Mixer::Whole(rotation) => {
                let (fill, std) = (|first: usize, y: &mut [f32]| fill(0, first, y), std as f32);
                rotation.inverse(stream, gains[0], fill, x, |x, z| *x += std * z);
                return;
            }
            Mixer::Banded(bands, rotations) => (bands, rotations),
        };
        let mut y = vec![0.0; x.len()];
        let mut rest = &mut y[..];
        for (part, rotation) in rotations.iter().enumerate() {
            let Some(rotation) = rotation else {
                continue;
            };
            let (values, others) = rest.split_at_mut(rotation.len());
            rest = others;
            let fill = |first: usize, y: &mut [f32]| fill(part, first, y);
            rotation.inverse(stream, gains[part], fill, values, |y, z| *y = z);
        }
        bands.add(&y, std, x);
    }
}

/// Mixed values, part by part.
#[derive(Debug, Clone)]
pub struct Mixed {
    parts: Vec<Rotated>,
}

impl Mixed {
    /// The rotated values of each part.
    pub fn parts(&self) -> &[Rotated] {
        &self.parts
    }

    /// The sum of the squares.
    pub fn energy(&self) -> f64 {
        self.parts.iter().map(Rotated::energy).sum()
    }
}

impl From<Rotated> for Mixed {
    fn from(all: Rotated) -> Self {
        Mixed { parts: vec![all] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mixed_comes_back_from_one_part_and_from_bands() {
        let stream = Stream::new(1, 2);
        for (w, h) in [(16, 20), (150, 97)] {
            let x: Vec<f32> = (0..3 * w * h).map(|i| stream.gauss(i) as f32).collect();
            let energy: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
            for banded in [false, true] {
                let mixer = Mixer::new(w, h, banded);
                let y = mixer.forward(&stream, x.clone());
                assert!((y.energy() / energy - 1.0).abs() < 1e-5);
                assert_eq!(mixer.lens().iter().sum::<usize>(), x.len());
                let fill = |part: usize, first: usize, out: &mut [f32]| {
                    for (out, (_, v)) in out.iter_mut().zip(y.parts()[part].every(first, 1)) {
                        *out = v;
                    }
                };
                let mut back = vec![1.0; x.len()];
                let gains = vec![2.0; mixer.lens().len()];
                mixer.add(&stream, &gains, fill, 0.5, &mut back);
                for (a, b) in x.iter().zip(back) {
                    assert!((1.0 + a - b).abs() < 1e-5, "{a} {b}");
                }
            }
        }
    }
}
