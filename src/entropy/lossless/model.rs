//! The model of one sample: prediction, scale, contexts, and the decisions from the highest bit
//! down.

use crate::entropy::coder::{Bit, Coder};
use crate::entropy::lossless::context_table::{ContextTable, GROUP};
use crate::entropy::lossless::fit::{Fit, REGRESSORS, SEGMENT};
use crate::entropy::lossless::layout::{Layout, Scale};
use crate::entropy::lossless::mixing::{LogisticMixer, Tables};
use crate::entropy::lossless::side_information::SideInformation;

/// Number of contexts of a decision.
const CONTEXTS: usize = 4;

/// Widths of the distributions about the prediction.
const WIDTHS: [f64; 2] = [0.45, 2.0];

/// Predictions of a decision: those of the distributions, then those of the counters.
const INPUTS: usize = WIDTHS.len() + CONTEXTS;

/// First weights of the predictions.
const START: [f32; INPUTS] = [0.5, 0.5, 0.1, 0.1, 0.1, 0.1];

/// Learning rate of the weights.
const RATE: f32 = 0.0035;

/// Least probability of a distribution, in units of 2^-30.
const LEAST: u32 = 1024;

/// Classes of the expected error, a quarter of an octave each from 1/8 level.
const SCALES: usize = 40;

/// 2^(i/4).
const QUARTERS: [f64; 4] = [
    1.0,
    1.189207115002721,
    std::f64::consts::SQRT_2,
    1.681792830507429,
];

/// 2^(k/4) / 8 levels.
fn threshold(k: usize) -> f64 {
    QUARTERS[k % 4] * f64::from(1 << (k / 4)) / 8.0
}

/// Residuals of neighbours of the channel among the regressors, and, without a chain, those of each
/// earlier channel.
const NEIGHBOURS: usize = 6;
const EARLIER: usize = 4;

/// Columns of zeros at both ends of a row.
const MARGIN: usize = 2;

/// One row of one channel, in sample units and in levels.
#[derive(Clone)]
struct Row {
    /// Samples.
    value: Vec<i32>,
    /// x_0 - x0_hat.
    residual: Vec<f64>,
    /// The residual beyond its prediction.
    error: Vec<f64>,
}

/// The rows of one channel, the present one first, and the knowledge learned about it.
#[derive(Clone)]
struct ChannelModel {
    /// The number of its plane.
    plane: usize,
    rows: [Row; 3],
    fit: Fit,
    /// Coefficients of the fit, and the segment of the row that they are of.
    coefficients: ([f64; REGRESSORS], Option<usize>),
    /// Sum of absolute errors and their number, for each class.
    scales: [(f64, f64); SCALES],
}

impl ChannelModel {
    /// Residuals of the neighbours before column `x`.
    fn neighbours(&self, x: usize) -> [f64; NEIGHBOURS] {
        let m = x + MARGIN;
        let [row, above, above2] = [0, 1, 2].map(|k| &self.rows[k].residual);
        [
            row[m - 1],
            above[m],
            above[m - 1],
            above[m + 1],
            row[m - 2],
            above2[m],
        ]
    }
}

/// The model of the samples of a picture.
#[derive(Clone)]
pub struct SampleModel<'a> {
    layout: Layout,
    /// None where pixels are coded one by one, without a chain.
    side: Option<SideInformation<'a>>,
    scale: Scale,
    channels: Vec<ChannelModel>,
    tables: Tables,
    mixer: LogisticMixer<INPUTS>,
    context_table: ContextTable,
}

/// A place: channel, column and row.
#[derive(Clone, Copy)]
struct At {
    i: usize,
    x: usize,
    y: usize,
}

/// The expectation of a sample, and the numbers that stand for it in the tree of decisions.
struct Expected {
    /// The prediction, in numbers of the tree.
    centre: f64,
    /// Widths of the distributions.
    widths: [f64; WIDTHS.len()],
    class: usize,
    /// The tree has the leaves 0..2^depth, of which `offset..offset + samples` are taken.
    depth: u32,
    /// The leaf of sample 0. Later channels code the difference to the first.
    offset: i64,
    samples: i64,
}

impl<'a> SampleModel<'a> {
    /// Bytes of the model of a picture of `width` x `height` pixels.
    pub fn bytes(width: u64, height: u64, channels: u64) -> u64 {
        let row = (size_of::<i32>() + 2 * size_of::<f64>()) as u64 * width;
        channels * (3 * row + Fit::bytes(width)) + ContextTable::bytes(width * height * channels)
    }

    /// The model at the first sample.
    pub fn new(layout: Layout, scale: Scale, side: Option<SideInformation<'a>>) -> Self {
        let width = layout.size.0;
        let row = Row {
            value: vec![0; width + 2 * MARGIN],
            residual: vec![0.0; width + 2 * MARGIN],
            error: vec![0.0; width + 2 * MARGIN],
        };
        let order: &[usize] = if layout.channels == 1 {
            &[0]
        } else {
            &[1, 0, 2]
        };
        let scales = std::array::from_fn(|k| (threshold(k), 1.0));
        let channels = order.iter().enumerate().map(|(i, &plane)| ChannelModel {
            plane,
            rows: [row.clone(), row.clone(), row.clone()],
            fit: Fit::new(
                match side {
                    Some(_) => 10 + layout.channels + 8 * i,
                    None => NEIGHBOURS + EARLIER * i,
                },
                width,
            ),
            coefficients: ([0.0; REGRESSORS], None),
            scales,
        });
        let channels: Vec<ChannelModel> = channels.collect();
        let tables = Tables::new();
        SampleModel {
            scale,
            mixer: LogisticMixer::new(tables, 3 * (17 * 6 + SCALES * 9), START, RATE),
            context_table: ContextTable::new(layout.pixels() * layout.channels),
            tables,
            channels,
            layout,
            side,
        }
    }

    /// This model with other side information, or, while it rests, with none.
    pub fn beside<'b>(self, side: Option<SideInformation<'b>>) -> SampleModel<'b> {
        SampleModel {
            layout: self.layout,
            side,
            scale: self.scale,
            channels: self.channels,
            tables: self.tables,
            mixer: self.mixer,
            context_table: self.context_table,
        }
    }

    /// Codes row `y` of interleaved samples. Rows are coded in order.
    pub fn row<C: Coder>(&mut self, y: usize, samples: &mut [u16], coder: &mut C) {
        let n = self.layout.channels;
        self.begin_row();
        for i in 0..n {
            let plane = self.channels[i].plane;
            for x in 0..self.layout.size.0 {
                let sample = &mut samples[x * n + plane];
                *sample = self.sample(At { i, x, y }, *sample, coder);
            }
        }
    }

    /// Begins a row.
    pub fn begin_row(&mut self) {
        for channel in &mut self.channels {
            channel.rows.rotate_right(1);
            channel.fit.next_row();
            channel.coefficients.1 = None;
        }
    }

    /// Codes the samples of one pixel.
    pub fn pixel<C: Coder>(&mut self, (x, y): (usize, usize), pixel: &mut [u16], coder: &mut C) {
        for i in 0..self.layout.channels {
            let sample = &mut pixel[self.channels[i].plane];
            *sample = self.sample(At { i, x, y }, *sample, coder);
        }
    }

    /// Takes the samples of a pixel of the row, which are known.
    pub fn know(&mut self, x: usize, pixel: &[u16]) {
        for channel in &mut self.channels {
            let value = self.scale.index(pixel[channel.plane]);
            let row = &mut channel.rows[0];
            row.value[x + MARGIN] = i32::from(value);
            row.residual[x + MARGIN] = f64::from(value) / self.scale.unit - 127.5;
            row.error[x + MARGIN] = 0.0;
        }
    }

    /// Codes one sample.
    fn sample<C: Coder>(&mut self, at: At, sample: u16, coder: &mut C) -> u16 {
        let At { i, x, .. } = at;
        let (f, x0_hat) = self.regressors(at);
        let channel = &mut self.channels[i];
        let segment = x / SEGMENT;
        if channel.coefficients.1 != Some(segment) {
            channel.coefficients = (channel.fit.solve(segment), Some(segment));
        }
        let terms = channel.coefficients.0.iter().zip(&f);
        let mean = terms.fold(0.0, |sum, (c, f)| sum + c * f);
        let near = self.near(i, x);
        // The number of thresholds 2^(k/4) / 8, k = 1.., that the mean error nearby reaches.
        let class = (1..SCALES).take_while(|&k| near >= threshold(k)).count();
        let (sum, count) = self.channels[i].scales[class];
        let width = (0.52 * sum / count).max(0.02) * self.scale.unit;
        let bits = self.scale.bits;
        let (depth, offset) = match i {
            0 => (bits, 0),
            _ => {
                let first = self.channels[0].rows[0].value[x + MARGIN];
                (bits + 1, (1 << bits) - i64::from(first))
            }
        };
        let expected = Expected {
            centre: (mean + x0_hat + 127.5) * self.scale.unit + offset as f64,
            widths: WIDTHS.map(|w| w * width),
            class,
            depth,
            offset,
            samples: self.scale.values.into(),
        };
        let sample = i64::from(self.scale.index(sample));
        let leaf = self.leaf(at, &expected, sample + offset, coder);
        let value = leaf - offset;
        let residual = value as f64 / self.scale.unit - 127.5 - x0_hat;
        let error = residual - mean;
        let channel = &mut self.channels[i];
        channel.rows[0].value[x + MARGIN] = value as i32;
        channel.rows[0].residual[x + MARGIN] = residual;
        channel.rows[0].error[x + MARGIN] = error;
        let scale = &mut channel.scales[class];
        *scale = (scale.0 + error.abs(), scale.1 + 1.0);
        if scale.1 > 400.0 {
            *scale = (scale.0 * 0.5, scale.1 * 0.5);
        }
        channel
            .fit
            .learn(x / SEGMENT, &f, residual, 1.0 / (near * near + 0.5).sqrt());
        self.scale.sample(value as u16)
    }

    /// The regressors of the residual, and x0_hat at the place.
    fn regressors(&self, At { i, x, y }: At) -> ([f64; REGRESSORS], f64) {
        let Some(side) = &self.side else {
            return (self.alone(i, x), 0.0);
        };
        let size = self.layout.size;
        let (west, east) = (x.saturating_sub(1), (x + 1).min(size.0 - 1));
        let (north, south) = (y.saturating_sub(1), (y + 1).min(size.1 - 1));
        let index = |c: usize, y: usize, x: usize| (c * side.planes.1 + y) * side.planes.0 + x;
        let hat = |c: usize, y: usize, x: usize| f64::from(side.x0_hat[index(c, y, x)]);
        let noise = |c: usize| f64::from(side.x_t[index(c, y, x)]) - hat(c, y, x);
        let around = |c: usize| {
            let here = hat(c, y, x);
            let of = |y, x| hat(c, y, x) - here;
            [of(y, west), of(north, x), of(y, east), of(south, x)]
        };
        let mut f = [0.0; REGRESSORS];
        let mut n = 0;
        let mut put = |v: f64| {
            f[n] = v;
            n += 1;
        };
        let m = x + MARGIN;
        let own = &self.channels[i];
        let here = hat(own.plane, y, x);
        own.neighbours(x).into_iter().for_each(&mut put);
        put(noise(own.plane));
        around(own.plane).into_iter().for_each(&mut put);
        for earlier in &self.channels[..i] {
            let [row, above] = [0, 1].map(|k| &earlier.rows[k].residual);
            let residuals = [row[m], row[m - 1], above[m], row[m + 1]];
            residuals
                .into_iter()
                .chain(around(earlier.plane))
                .for_each(&mut put);
            put(hat(earlier.plane, y, x) - here);
        }
        for later in &self.channels[i + 1..] {
            put(noise(later.plane));
        }
        (f, here)
    }

    /// The regressors where nothing is known but the samples before. Pixels are coded one by one:
    /// the right neighbour is not known in any channel.
    fn alone(&self, i: usize, x: usize) -> [f64; REGRESSORS] {
        let m = x + MARGIN;
        let mut f = [0.0; REGRESSORS];
        f[..NEIGHBOURS].copy_from_slice(&self.channels[i].neighbours(x));
        for (j, earlier) in self.channels[..i].iter().enumerate() {
            let [row, above] = [0, 1].map(|k| &earlier.rows[k].residual);
            let terms = [row[m], row[m - 1], above[m], above[m - 1]];
            f[NEIGHBOURS + EARLIER * j..][..EARLIER].copy_from_slice(&terms);
        }
        f
    }

    /// The mean error nearby.
    fn near(&self, i: usize, x: usize) -> f64 {
        let m = x + MARGIN;
        let [row, above, above2] = [0, 1, 2].map(|k| &self.channels[i].rows[k].error);
        let mut sum = 0.3
            + row[m - 1].abs()
            + above[m].abs()
            + 0.7 * (above[m - 1].abs() + above[m + 1].abs())
            + 0.5 * (row[m - 2].abs() + above2[m].abs());
        for earlier in &self.channels[..i] {
            let [row, above] = [0, 1].map(|k| &earlier.rows[k].error);
            let east = match self.side {
                Some(_) => row[m + 1],
                None => above[m + 1],
            };
            sum += row[m].abs() + 0.5 * (east.abs() + row[m - 1].abs() + above[m].abs());
        }
        sum / (4.4 + 2.5 * i as f64)
    }

    /// The contexts of the counters, made of numbers of eight bits.
    fn contexts(&self, At { i, x, y }: At, expected: &Expected) -> [u64; CONTEXTS] {
        let m = x + MARGIN;
        let shift = self.scale.bits - 8;
        // Beyond the left and upper edges it is the nearest sample before, and 0 before the first.
        let at = |c: usize, west: usize, north: usize| {
            let [row, above] = [0, 1].map(|k| &self.channels[c].rows[k].value);
            let value = match (west, north) {
                (1, 0) if x > 0 => row[m - 1],
                (0, 1) if y > 0 => above[m],
                (1, 0) if y > 0 => above[m],
                (0, 1) if x > 0 => row[m - 1],
                (0, 0) => row[m],
                _ => 0,
            };
            i64::from(value >> shift)
        };
        let last = (1i64 << expected.depth) - 1;
        let centre = ((expected.centre + 0.5).floor() as i64).clamp(0, last) >> shift;
        let contexts = if i == 0 {
            let (w, n) = (at(0, 1, 0), at(0, 0, 1));
            [
                centre,
                w << 8 | n,
                centre << 8 | expected.class as i64,
                (w + n) >> 1,
            ]
        } else {
            let to_first = |c, west, north| at(c, west, north) - at(0, west, north) + 256;
            let (first, around) = (at(0, 0, 0), to_first(i, 1, 0) << 10 | to_first(i, 0, 1));
            match i {
                1 => [first, centre, around, centre << 10 | first],
                _ => {
                    let second = to_first(1, 0, 0);
                    [second, second << 10 | first, second << 10 | centre, around]
                }
            }
        };
        contexts.map(|c| c as u64)
    }

    /// Codes a leaf of the tree: its decisions from the root down.
    fn leaf<C: Coder>(&mut self, at: At, expected: &Expected, leaf: i64, coder: &mut C) -> i64 {
        let i = at.i;
        let contexts = self.contexts(at, expected);
        let inverse = expected.widths.map(|w| 65536.0 / w);
        let tables = self.tables;
        // The share of each distribution below `v`.
        let below = |v: i64| {
            let z = v as f64 - 0.5 - expected.centre;
            inverse.map(|inverse| tables.logistic((z * inverse) as i64))
        };
        let (mut low, mut high) = (expected.offset, expected.offset + expected.samples);
        let (mut below_low, mut below_high) = (below(low), below(high));
        let mut path = 1u64;
        let (mut places, mut node) = ([0; CONTEXTS], 1);
        for bit in 0..expected.depth {
            if bit % GROUP == 0 {
                node = 1;
                let key = |j| ((CONTEXTS * i + j) as u64) << 56 | contexts[j] << 24 | path;
                places = self.context_table.find(std::array::from_fn(key));
            }
            let left = expected.depth - 1 - bit;
            let middle = (((path as i64) << 1 | 1) - (2 << bit)) << left;
            let one = if middle <= low {
                true
            } else if middle >= high {
                false
            } else {
                let below_middle = below(middle);
                let mut inputs = [0.0; INPUTS];
                for k in 0..WIDTHS.len() {
                    let ones = below_high[k] - below_middle[k].min(below_high[k]);
                    let zeros = below_middle[k] - below_low[k].min(below_middle[k]);
                    inputs[k] = tables.logit(ones + LEAST, zeros + LEAST);
                }
                let counters = places.map(|place| self.context_table.counter(place, node));
                for (input, counter) in inputs[WIDTHS.len()..].iter_mut().zip(counters) {
                    *input = counter.logit(&tables);
                }
                let experience = counters[if i == 2 { 1 } else { 0 }].experience();
                let sets = [
                    (17 * i + bit as usize) * 6 + experience,
                    3 * 17 * 6 + (SCALES * i + expected.class) * 9 + left.min(8) as usize,
                ];
                let mixed = self.mixer.mix(inputs, sets);
                let one = coder.fixed(Bit::new(mixed.one), leaf >= middle);
                self.mixer.learn(&mixed, one);
                for place in places {
                    self.context_table.learn(place, node, one);
                }
                if one {
                    below_low = below_middle;
                } else {
                    below_high = below_middle;
                }
                one
            };
            if one {
                low = low.max(middle);
            } else {
                high = high.min(middle);
            }
            path = path << 1 | u64::from(one);
            node = 2 * node + usize::from(one);
        }
        low
    }
}
