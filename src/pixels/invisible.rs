//! Colours under full transparency.
//!
//! Nobody sees them, but a lossy file would spend bits on them and on the edge to what is visible.
//! So the colours beside it are continued below it: means over squares of 2, 4, 8, .. pixels fill
//! what is empty, from the largest squares to the smallest. Colours that are hardly visible count
//! like others, for they are sent like others.

use std::borrow::Cow;

use crate::codes::Colour;
use crate::pixels::picture::Picture;
use crate::pixels::samples::Samples;

/// Mean colours of squares: three colours times weight, and weight, which is 1 at most.
struct Means {
    width: usize,
    data: Vec<[f32; 4]>,
}

impl Means {
    fn height(&self) -> usize {
        self.data.len() / self.width
    }

    /// Means over 2 x 2 of `width` x `height` values.
    fn of(width: usize, height: usize, value: impl Fn(usize, usize) -> [f32; 4]) -> Self {
        let (half, rows) = (width.div_ceil(2), height.div_ceil(2));
        let mut data = Vec::with_capacity(half * rows);
        for y in 0..rows {
            for x in 0..half {
                let mut sum = [0.0f32; 4];
                for y in 2 * y..(2 * y + 2).min(height) {
                    for x in 2 * x..(2 * x + 2).min(width) {
                        let value = value(x, y);
                        sum.iter_mut().zip(value).for_each(|(s, v)| *s += v);
                    }
                }
                let weight = sum[3].max(1.0);
                data.push(sum.map(|v| v / weight));
            }
        }
        Means { width: half, data }
    }

    /// Gives what has less than the full weight the rest from means over squares of twice the side,
    /// which are full.
    fn fill_from(&mut self, larger: &Means) {
        let width = self.width;
        for (i, value) in self.data.iter_mut().enumerate() {
            let rest = 1.0 - value[3];
            if rest > 0.0 {
                let other = larger.between(i % width, i / width);
                value
                    .iter_mut()
                    .zip(other)
                    .for_each(|(v, o)| *v += rest * o);
            }
        }
    }

    /// The colour at a place of the next finer means, linear between the four nearest.
    fn between(&self, x: usize, y: usize) -> [f32; 4] {
        // The nearer of two neighbours, and the other one.
        let sides = |at: usize, end: usize| {
            let other = if at.is_multiple_of(2) {
                (at / 2).saturating_sub(1)
            } else {
                at / 2 + 1
            };
            [(at / 2, 0.75), (other.min(end - 1), 0.25)]
        };
        let mut sum = [0.0f32; 4];
        for (y, a) in sides(y, self.height()) {
            for (x, b) in sides(x, self.width) {
                let value = &self.data[y * self.width + x];
                sum.iter_mut().zip(value).for_each(|(s, v)| *s += a * b * v);
            }
        }
        sum
    }
}

impl Picture {
    /// The picture with smooth colours wherever alpha is zero, which continue the visible ones. It
    /// looks the same. Lossy files are made of it.
    pub fn fill_invisible(&self) -> Cow<'_, Self> {
        let Some(alpha) = self.alpha.as_ref().filter(|a| a.iter().any(|v| v == 0)) else {
            return Cow::Borrowed(self);
        };
        let means = self.visible_means(alpha);
        let mut filled = self.clone();
        let (width, channels) = (self.width as usize, self.colour.channels());
        let invisible = alpha.iter().enumerate().filter(|(_, a)| *a == 0);
        for (i, _) in invisible {
            let colour = means.between(i % width, i / width);
            for (c, value) in colour.into_iter().take(channels).enumerate() {
                match &mut filled.samples {
                    Samples::Eight(v) => v[channels * i + c] = (value + 0.5) as u8,
                    Samples::Sixteen(v) => v[channels * i + c] = (value + 0.5) as u16,
                }
            }
        }
        Cow::Owned(filled)
    }

    /// Means over 2 x 2, full everywhere.
    fn visible_means(&self, alpha: &Samples) -> Means {
        let (width, height) = (self.width as usize, self.height as usize);
        let alphas = alpha.slices();
        let samples = self.samples.slices();
        let at = |(eight, sixteen): (&[u8], &[u16]), i: usize| match eight.get(i) {
            Some(&v) => f32::from(v),
            None => f32::from(sixteen[i]),
        };
        let pixel = |x: usize, y: usize| {
            let i = y * width + x;
            let c = |c: usize| at(samples, i * self.colour.channels() + c);
            match self.colour {
                _ if at(alphas, i) == 0.0 => [0.0; 4],
                Colour::Grey => [c(0), c(0), c(0), 1.0],
                Colour::Rgb => [c(0), c(1), c(2), 1.0],
            }
        };
        let mut levels = vec![Means::of(width, height, pixel)];
        while let Some(last) = levels.last().filter(|l| l.data.len() > 1) {
            let value = |x: usize, y: usize| last.data[y * last.width + x];
            levels.push(Means::of(last.width, last.height(), value));
        }
        let mut means = levels.pop().expect("the first is there");
        // Where nothing is visible.
        let grey = f32::from(self.depth().max()) / 2.0;
        let all = Means {
            width: 1,
            data: vec![[grey, grey, grey, 1.0]],
        };
        means.fill_from(&all);
        for mut finer in levels.into_iter().rev() {
            finer.fill_from(&means);
            means = finer;
        }
        means
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc of a gradient, `hidden` around it.
    fn disc(hidden: u8) -> Picture {
        let (mut samples, mut alpha) = (Vec::new(), Vec::new());
        for i in 0..61 * 47i32 {
            let (x, y) = (i % 61, i / 61);
            let inside = (x - 30).pow(2) + (y - 23).pow(2) < 300;
            let colour = [100 + x as u8, 150 - y as u8, 60];
            samples.extend(if inside { colour } else { [hidden; 3] });
            alpha.push(if inside { 255 } else { 0 });
        }
        Picture::new(61, 47, Colour::Rgb, samples, Some(alpha)).unwrap()
    }

    #[test]
    fn hidden_colours_do_not_matter_and_are_smooth() {
        let filled = disc(0).fill_invisible().into_owned();
        assert_eq!(filled, disc(255).fill_invisible().into_owned());
        assert_eq!(filled.alpha(), disc(0).alpha());
        let (new, old) = (filled.samples().as_eight().unwrap(), disc(0));
        let old = old.samples().as_eight().unwrap();
        for (i, pixel) in new.chunks(3).enumerate() {
            if disc(0).alpha().unwrap().iter().nth(i) == Some(255) {
                assert_eq!(pixel, &old[3 * i..3 * i + 3]);
            }
            // The right neighbour.
            if i % 61 < 60 {
                let step = pixel
                    .iter()
                    .zip(&new[3 * i + 3..])
                    .map(|(a, b)| a.abs_diff(*b));
                assert!(step.max().unwrap() < 20, "pixel {i}");
            }
        }
    }

    #[test]
    fn every_form_is_filled() {
        let opaque = Picture::new(2, 1, Colour::Grey, vec![1, 2], Some(vec![9, 255])).unwrap();
        assert!(matches!(opaque.fill_invisible(), Cow::Borrowed(_)));
        // Nothing is visible.
        let none = Picture::new(2, 1, Colour::Grey, vec![1, 2], Some(vec![0, 0])).unwrap();
        assert_eq!(
            none.fill_invisible().samples().as_eight().unwrap(),
            [128, 128]
        );
        // One pixel, hardly visible, of 16 bits.
        let faint = Picture::from_samples(
            3,
            1,
            Colour::Grey,
            vec![7u16, 50_000, 9].into(),
            Some(vec![0u16, 1, 0].into()),
        );
        let faint = faint.unwrap();
        let filled = faint.fill_invisible();
        assert_eq!(filled.samples().as_sixteen().unwrap(), [50_000; 3]);
    }
}
