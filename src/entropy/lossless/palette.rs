//! Colours of a picture that has few.

use crate::entropy::coder::{Adaptive, Bit, Coder};
use crate::entropy::lossless::colour::{Colour, pack, unpack};
use crate::entropy::lossless::context_table::{ContextTable, GROUP, join};
use crate::entropy::lossless::layout::Layout;
use crate::entropy::lossless::mixing::{LogisticMixer, Tables};

/// The most colours of a palette.
const MOST: usize = 256;

/// The colours of a picture in rising order.
#[derive(Clone)]
pub struct Palette(Vec<Colour>);

impl Palette {
    /// A palette that is still to be decoded.
    pub fn unknown() -> Self {
        Palette(Vec::new())
    }

    /// The palette of a picture of at most 256 colours. `fetch(y, row)` fills row `y`.
    pub fn of(layout: Layout, mut fetch: impl FnMut(usize, &mut [u16])) -> Option<Self> {
        let mut colours = Vec::new();
        let mut row = vec![0; layout.row_len()];
        for y in 0..layout.size.1 {
            fetch(y, &mut row);
            let mut last = None;
            for pixel in row.chunks_exact(layout.channels) {
                let colour = pack(pixel);
                if last.replace(colour) == Some(colour) {
                    continue;
                }
                if let Err(place) = colours.binary_search(&colour) {
                    if colours.len() == MOST {
                        return None;
                    }
                    colours.insert(place, colour);
                }
            }
        }
        Some(Palette(colours))
    }

    /// Codes the palette. A decoder takes no notice of `self` and returns the one that it reads.
    pub fn code<C: Coder>(self, layout: Layout, coder: &mut C) -> Self {
        let len = (0..8).rev().fold(0, |n, bit| {
            let one = self.0.len().wrapping_sub(1) >> bit & 1 == 1;
            n << 1 | usize::from(coder.fixed(Bit::EVEN, one))
        });
        let mut models = [[Adaptive::new(); 18]; 3];
        let mut last = [0u16; 3];
        let channels = layout.channels;
        let mut colours = Vec::with_capacity(len + 1);
        for k in 0..=len {
            let mut pixel = last;
            if let Some(&colour) = self.0.get(k) {
                unpack(colour, &mut pixel[..channels]);
            }
            for c in 0..channels {
                let step = i32::from(pixel[c]) - i32::from(last[c]);
                // The first samples rise. Steps of the others have a sign, the lowest bit.
                let number = match c {
                    0 => step as u32,
                    _ => (step << 1 ^ step >> 31) as u32,
                };
                let number = gamma(&mut models[c], number, coder);
                let step = match c {
                    0 => number as i32,
                    _ => (number >> 1) as i32 ^ -((number & 1) as i32),
                };
                let sample = i32::from(last[c]).wrapping_add(step);
                last[c] = (sample & ((1 << layout.bits) - 1)) as u16;
            }
            colours.push(pack(&last[..channels]));
        }
        Palette(colours)
    }

    /// Number of colours.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of a colour, or 0 of one that is not there.
    pub fn index(&self, pixel: &[u16]) -> Colour {
        self.0.binary_search(&pack(pixel)).unwrap_or(0) as Colour
    }

    /// The colour at a place.
    pub fn colour(&self, index: Colour) -> Colour {
        self.0[index as usize]
    }
}

/// Codes a number below 2^17: the length of its successor in unary, then the bits below the first.
fn gamma<C: Coder>(models: &mut [Adaptive; 18], number: u32, coder: &mut C) -> u32 {
    let next = number.wrapping_add(1);
    let last = models.len() - 1;
    let mut length = 0;
    while length < last && coder.bit(&mut models[length], (next >> length) > 1) {
        length += 1;
    }
    let mut bits = 1;
    for bit in (0..length).rev() {
        bits = bits << 1 | u32::from(coder.fixed(Bit::EVEN, next >> bit & 1 == 1));
    }
    bits - 1
}

/// Contexts of a bit of a place.
const CONTEXTS: usize = 4;

/// First weight of a context, and the learning rate of weights.
const START: f32 = 0.4;
const RATE: f32 = 0.006;

/// The most bits of a place.
const BITS: usize = 8;

/// The model of places in the palette.
#[derive(Clone)]
pub struct IndexModel {
    tables: Tables,
    mixer: LogisticMixer<CONTEXTS>,
}

impl IndexModel {
    /// The model before the first place.
    pub fn new(tables: Tables) -> Self {
        IndexModel {
            tables,
            mixer: LogisticMixer::new(tables, BITS + 36, [START; CONTEXTS], RATE),
        }
    }

    /// Codes a place of the palette in the context of the places of the left and the upper pixel.
    pub fn code<C: Coder>(
        &mut self,
        table: &mut ContextTable,
        palette: &Palette,
        [w, n]: [Colour; 2],
        value: Colour,
        coder: &mut C,
    ) -> Colour {
        let len = palette.len() as u64;
        let depth = u64::BITS - (len - 1).leading_zeros();
        let contexts = [
            join(100, 0),
            join(101, w),
            join(102, n),
            join(join(103, w), n),
        ];
        let (mut places, mut node) = ([0; CONTEXTS], 1);
        let mut path = 1u64;
        for bit in 0..depth {
            if bit % GROUP == 0 {
                node = 1;
                places = table.find(contexts.map(|context| join(context, path)));
            }
            let left = depth - 1 - bit;
            let middle = ((path << 1 | 1) - (2 << bit)) << left;
            let one = middle < len && {
                let counters = places.map(|place| table.counter(place, node));
                let experience = counters[3].experience() * 6 + counters[1].experience();
                let inputs = counters.map(|counter| counter.logit(&self.tables));
                let mixed = self.mixer.mix(inputs, [bit as usize, BITS + experience]);
                let one = coder.fixed(Bit::new(mixed.one), value >> left & 1 == 1);
                self.mixer.learn(&mixed, one);
                places.iter().for_each(|&p| table.learn(p, node, one));
                one
            };
            path = path << 1 | u64::from(one);
            node = 2 * node + usize::from(one);
        }
        path - (1 << depth)
    }
}
