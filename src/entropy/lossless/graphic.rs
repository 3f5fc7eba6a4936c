//! Pixels of drawings, text, screenshots and dithers: most equal one nearby.

use crate::entropy::coder::{Adaptive, Bit, Coder};
use crate::entropy::lossless::colour::{Colour, pack, unpack};
use crate::entropy::lossless::context_table::{ContextTable, join};
use crate::entropy::lossless::layout::{Layout, Scale};
use crate::entropy::lossless::mixing::{LogisticMixer, Tables};
use crate::entropy::lossless::model::SampleModel;
use crate::entropy::lossless::palette::{IndexModel, Palette};

/// Rows kept: the present one and those above.
const ROWS: usize = 4;

/// Columns of zeros at both ends of a row.
const MARGIN: usize = 3;

/// Neighbours of a pixel as (columns to the left, rows up), nearest first.
const NEAR: [(isize, usize); 20] = [
    (1, 0),
    (0, 1),
    (1, 1),
    (-1, 1),
    (2, 0),
    (0, 2),
    (-2, 1),
    (2, 1),
    (-1, 2),
    (1, 2),
    (3, 0),
    (0, 3),
    (-2, 2),
    (2, 2),
    (-3, 1),
    (3, 1),
    (-1, 3),
    (1, 3),
    (-3, 2),
    (3, 2),
];

/// The nearest neighbours, which are candidates and tell the successor.
const NEAREST: usize = 6;

/// The most candidates.
const CANDIDATES: usize = 4;

/// Contexts of a decision about candidates.
const CONTEXTS: usize = 8;

/// Decisions about candidates: is it the first, is it another, is it the second, is it the third.
const NODES: usize = 4;

/// First weight of a context, and the learning rate of weights.
const START: f32 = 0.2;
const RATE: f32 = 0.006;

/// Sets of weights of a decision by the experience of two counters.
const BY_EXPERIENCE: usize = 36;

/// Sets of weights of a decision by the nearest neighbours that equal the first candidate, and by
/// the trust in the successor.
const BY_NEIGHBOURS: usize = 16 * (TRUST as usize + 1);

/// The colour that followed a neighbourhood, and the trust in it, by its right guesses in a row.
type Successor = (Colour, u8);

/// The most trust.
const TRUST: u8 = 7;

/// Places of the table of successors for a number of pixels.
fn successors(pixels: u64) -> u64 {
    pixels.next_power_of_two().clamp(1 << 10, 1 << 20)
}

/// Coder of the colours that are not near.
#[derive(Clone)]
enum Others {
    Palette(Palette, IndexModel),
    Samples(SampleModel<'static>),
}

/// The model of the pixels of a picture.
#[derive(Clone)]
pub struct GraphicModel {
    channels: usize,
    rows: [Vec<Colour>; ROWS],
    /// By the last two rows: was each a repeat of the row above?
    repeat: [Adaptive; 4],
    repeats: usize,
    successors: Vec<Successor>,
    table: ContextTable,
    mixer: LogisticMixer<CONTEXTS>,
    tables: Tables,
    others: Others,
}

/// The colours nearby that a pixel may have, the likeliest first.
struct Candidates {
    colours: [Colour; CANDIDATES],
    number: usize,
    /// Trust in the successor of the neighbourhood.
    trust: u8,
}

impl Candidates {
    /// The successor of the neighbourhood, if it has one, and the nearest neighbours.
    fn new(near: &[Colour; NEAR.len()], (successor, trust): Successor) -> Self {
        let mut candidates = Candidates {
            colours: [0; CANDIDATES],
            number: 0,
            trust,
        };
        let successor = (trust > 0).then_some(successor);
        for &colour in successor.iter().chain(&near[..NEAREST]) {
            let Candidates {
                colours, number, ..
            } = &mut candidates;
            if *number < CANDIDATES && !colours[..*number].contains(&colour) {
                colours[*number] = colour;
                *number += 1;
            }
        }
        candidates
    }

    fn colours(&self) -> &[Colour] {
        &self.colours[..self.number]
    }

    /// The neighbours that equal the first candidate, one bit each, the nearest lowest.
    fn equal(&self, near: &[Colour; NEAR.len()]) -> u64 {
        let bit = |(k, &v): (usize, &Colour)| u64::from(v == self.colours[0]) << k;
        near.iter().enumerate().map(bit).sum()
    }

    /// The contexts of the decisions.
    fn contexts(&self, near: &[Colour; NEAR.len()], equal: u64) -> [u64; CONTEXTS] {
        let first = self.colours[0];
        let hash = |n: usize| near[..n].iter().fold(first, |h, &v| join(h, v));
        // Which of the eight nearest are equal, whatever their colours.
        let pattern = (1..8).fold(0, |pattern, k| {
            let label = near.iter().position(|&v| v == near[k]).unwrap_or(k);
            pattern << 3 | label as u64
        });
        [
            equal & 0xfff,
            hash(2),
            hash(4),
            hash(6),
            hash(12),
            join(pattern, u64::from(self.trust)),
            equal,
            [5, 1, 11].iter().fold(first, |h, &k| join(h, near[k])),
        ]
    }
}

impl GraphicModel {
    /// Bytes of the model of a picture of `width` x `height` pixels.
    pub fn bytes(width: u64, height: u64, channels: u64) -> u64 {
        let pixels = width * height;
        ROWS as u64 * 8 * width
            + successors(pixels) * size_of::<Successor>() as u64
            + ContextTable::bytes(2 * pixels)
            + SampleModel::bytes(width, height, channels)
    }

    /// The model before the first row. Without a palette the samples of new colours are coded.
    pub fn new(layout: Layout, scale: Scale, palette: Option<Palette>) -> Self {
        let tables = Tables::new();
        let pixels = layout.pixels();
        let sets = NODES * (BY_EXPERIENCE + BY_NEIGHBOURS);
        GraphicModel {
            channels: layout.channels,
            rows: std::array::from_fn(|_| vec![0; layout.size.0 + 2 * MARGIN]),
            repeat: [Adaptive::new(); 4],
            repeats: 0,
            successors: vec![(0, 0); successors(pixels as u64) as usize],
            table: ContextTable::new(2 * pixels),
            mixer: LogisticMixer::new(tables, sets, [START; CONTEXTS], RATE),
            tables,
            others: match palette {
                Some(palette) => Others::Palette(palette, IndexModel::new(tables)),
                None => Others::Samples(SampleModel::new(layout, scale, None)),
            },
        }
    }

    /// Codes a row of interleaved samples. Rows are coded in order.
    pub fn row<C: Coder>(&mut self, y: usize, samples: &mut [u16], coder: &mut C) {
        self.rows.rotate_right(1);
        let pixels = samples.len() / self.channels;
        for (x, pixel) in samples.chunks_exact(self.channels).enumerate() {
            self.rows[0][MARGIN + x] = match &self.others {
                Others::Palette(palette, _) => palette.index(pixel),
                Others::Samples(_) => pack(pixel),
            };
        }
        if let Others::Samples(model) = &mut self.others {
            model.begin_row();
        }
        let [row, above, ..] = &mut self.rows;
        let inside = MARGIN..MARGIN + pixels;
        let same = row[inside.clone()] == above[inside];
        let same = coder.bit(&mut self.repeat[self.repeats], same);
        self.repeats = (self.repeats << 1 | usize::from(same)) & 3;
        if same {
            row.copy_from_slice(above);
        }
        for (x, pixel) in samples.chunks_exact_mut(self.channels).enumerate() {
            if same {
                self.know(x, pixel);
            } else {
                self.pixel((x, y), pixel, coder);
            }
        }
    }

    /// Writes the samples of a pixel whose colour is known.
    fn know(&mut self, x: usize, pixel: &mut [u16]) {
        let colour = self.rows[0][MARGIN + x];
        match &mut self.others {
            Others::Palette(palette, _) => unpack(palette.colour(colour), pixel),
            Others::Samples(model) => {
                unpack(colour, pixel);
                model.know(x, pixel);
            }
        }
    }

    /// Codes one pixel.
    fn pixel<C: Coder>(&mut self, (x, y): (usize, usize), pixel: &mut [u16], coder: &mut C) {
        let m = x + MARGIN;
        let value = self.rows[0][m];
        let near = NEAR.map(|(left, up)| self.rows[up][m.wrapping_add_signed(-left)]);
        let hash = near[..NEAREST].iter().fold(0, |h, &v| join(h, v));
        let place = (hash >> 32) as usize & (self.successors.len() - 1);
        let candidates = Candidates::new(&near, self.successors[place]);
        let colour = match (
            self.choose(&near, &candidates, value, coder),
            &mut self.others,
        ) {
            (Some(colour), _) => {
                self.rows[0][m] = colour;
                self.know(x, pixel);
                colour
            }
            (None, Others::Palette(palette, model)) => {
                let colour = model.code(&mut self.table, palette, [near[0], near[1]], value, coder);
                unpack(palette.colour(colour), pixel);
                colour
            }
            (None, Others::Samples(model)) => {
                model.pixel((x, y), pixel, coder);
                pack(pixel)
            }
        };
        self.rows[0][m] = colour;
        let (successor, trust) = &mut self.successors[place];
        match (*successor == colour, *trust) {
            (true, trusted) => *trust = (trusted + 1).min(TRUST),
            (false, 2..) => *trust /= 2,
            (false, _) => (*successor, *trust) = (colour, 1),
        }
    }

    /// Codes which candidate a pixel is. None if it is none of them.
    fn choose<C: Coder>(
        &mut self,
        near: &[Colour; NEAR.len()],
        candidates: &Candidates,
        value: Colour,
        coder: &mut C,
    ) -> Option<Colour> {
        let colours = candidates.colours();
        // Of a palette of no other colours one of them is certain.
        let certain = match &self.others {
            Others::Palette(palette, _) => palette.len() == colours.len(),
            Others::Samples(_) => false,
        };
        if certain && colours.len() == 1 {
            return Some(colours[0]);
        }
        let equal = candidates.equal(near);
        let mut number = 0;
        let places = self
            .table
            .find(candidates.contexts(near, equal).map(|context| {
                number += 1;
                join(context, number)
            }));
        let by_neighbours = (equal & 15) as usize * (TRUST as usize + 1);
        let by_neighbours = by_neighbours + usize::from(candidates.trust);
        let mut decide = |node: usize, bit: bool| {
            let counters = places.map(|place| self.table.counter(place, node));
            let experience = counters[4].experience() * 6 + counters[3].experience();
            let sets = [
                (node - 1) * BY_EXPERIENCE + experience,
                NODES * BY_EXPERIENCE + (node - 1) * BY_NEIGHBOURS + by_neighbours,
            ];
            let inputs = counters.map(|counter| counter.logit(&self.tables));
            let mixed = self.mixer.mix(inputs, sets);
            let bit = coder.fixed(Bit::new(mixed.one), bit);
            self.mixer.learn(&mixed, bit);
            for place in places {
                self.table.learn(place, node, bit);
            }
            bit
        };
        if decide(1, value == colours[0]) {
            return Some(colours[0]);
        }
        let (last, others) = colours[1..].split_last()?;
        if !certain && !decide(2, colours.contains(&value)) {
            return None;
        }
        for (k, &colour) in others.iter().enumerate() {
            if decide(k + 3, value == colour) {
                return Some(colour);
            }
        }
        Some(*last)
    }
}
