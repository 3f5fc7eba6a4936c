//! Damage in the coded samples of a JPEG. Decoders show such a file all the same, and most say
//! nothing.
//!
//! The codes of all scans are walked through (ITU-T T.81, annexes F and G), and no picture is made
//! of them.

use std::slice::Iter;

use super::{is_frame, scan_length, segments_from};

/// Bytes that may follow the last code of a scan: some cameras fill files up.
const MOST_LEFT: usize = 8;

/// Why a walk stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The codes cannot be those of the picture.
    Damage,
    /// The layout is none that this walk knows.
    Unknown,
}

type Walk<T> = Result<T, Stop>;

/// True if the codes of the scans are too few, far too many, or none at all. False if the file is
/// not understood here.
pub fn is_damaged(bytes: &[u8]) -> bool {
    Walker::default().walk(bytes) == Err(Stop::Damage)
}

/// The bits of coded samples between two markers.
struct Bits<'a> {
    rest: Iter<'a, u8>,
    byte: u8,
    /// Bits of the byte that are still to come.
    left: u32,
}

impl<'a> Bits<'a> {
    fn new(coded: &'a [u8]) -> Self {
        Bits {
            rest: coded.iter(),
            byte: 0,
            left: 0,
        }
    }

    fn bit(&mut self) -> Walk<u32> {
        if self.left == 0 {
            self.byte = *self.rest.next().ok_or(Stop::Damage)?;
            // A zero is filled in after it.
            if self.byte == 0xff {
                self.rest.next();
            }
            self.left = 8;
        }
        self.left -= 1;
        Ok(u32::from(self.byte >> self.left) & 1)
    }

    /// The next bits, up to 16.
    fn bits(&mut self, n: u32) -> Walk<u32> {
        (0..n).try_fold(0, |value, _| Ok(2 * value + self.bit()?))
    }

    fn skip(&mut self, n: u32) -> Walk<()> {
        (0..n).try_for_each(|_| self.bit().map(drop))
    }

    /// Damage, if more is left than what any program fills in.
    fn check_end(&self) -> Walk<()> {
        let rest = self.rest.as_slice();
        let filled = rest.windows(2).all(|pair| pair[0] == pair[1]);
        match rest.len() > MOST_LEFT && !filled {
            true => Err(Stop::Damage),
            false => Ok(()),
        }
    }
}

/// A Huffman table.
#[derive(Debug, Clone)]
struct Table {
    /// For codes of each length: what is added to one to get the index of its value, and the first
    /// that is too large.
    lengths: [(i32, i32); 16],
    values: Vec<u8>,
}

impl Table {
    fn new(counts: &[u8; 16], values: &[u8]) -> Self {
        let (mut code, mut index) = (0, 0);
        let lengths = counts.map(|count| {
            let of_length = (index - code, code + i32::from(count));
            index += i32::from(count);
            code = 2 * of_length.1;
            of_length
        });
        Table {
            lengths,
            values: values.to_vec(),
        }
    }

    fn value(&self, bits: &mut Bits) -> Walk<u8> {
        let mut code = 0;
        for (offset, end) in self.lengths {
            code = 2 * code + bits.bit()? as i32;
            if code < end {
                let value = self.values.get((code + offset) as usize);
                return value.copied().ok_or(Stop::Damage);
            }
        }
        Err(Stop::Damage)
    }
}

/// A component of the picture.
#[derive(Debug)]
struct Component {
    id: u8,
    /// Blocks of a unit of all components: columns times rows.
    blocks: usize,
    /// Blocks of a scan of this one alone.
    alone: usize,
    /// The coefficients of each block that are not zero, a bit for each, in a progressive picture.
    nonzero: Vec<u64>,
}

#[derive(Debug)]
struct Frame {
    progressive: bool,
    /// Units of all components.
    units: usize,
    components: Vec<Component>,
}

impl Frame {
    fn new(marker: u8, data: &[u8]) -> Option<Self> {
        let number = |at: usize| {
            Some(usize::from(u16::from_be_bytes(
                *data.get(at..)?.first_chunk()?,
            )))
        };
        let (height, width) = (number(1)?, number(3)?);
        let count = usize::from(*data.get(5)?);
        let members = data.get(6..6 + 3 * count)?.chunks_exact(3);
        let sides = |sampling: u8| (usize::from(sampling >> 4), usize::from(sampling & 15));
        let across = members.clone().map(|c| sides(c[1]).0).max()?;
        let down = members.clone().map(|c| sides(c[1]).1).max()?;
        if !matches!(marker, 0xc0..=0xc2) || height == 0 || width == 0 {
            return None;
        }
        let components = members.map(|c| {
            let (h, v) = sides(c[1]);
            let side =
                |length: usize, own: usize, most: usize| (length * own).div_ceil(most).div_ceil(8);
            (h * v > 0).then(|| Component {
                id: c[0],
                blocks: h * v,
                alone: side(width, h, across) * side(height, v, down),
                nonzero: Vec::new(),
            })
        });
        Some(Frame {
            progressive: marker == 0xc2,
            units: width.div_ceil(8 * across) * height.div_ceil(8 * down),
            components: components.collect::<Option<_>>()?,
        })
    }
}

/// The header of a scan.
struct Scan {
    /// Components, and the tables of each.
    members: Vec<(usize, usize, usize)>,
    /// First and last coefficient.
    band: (u32, u32),
    /// Bits of coefficients that came before are made finer.
    refines: bool,
}

impl Scan {
    fn new(frame: &Frame, data: &[u8]) -> Option<Self> {
        let count = usize::from(*data.first()?);
        let members = data.get(1..1 + 2 * count)?.chunks_exact(2).map(|pair| {
            let component = frame.components.iter().position(|c| c.id == pair[0])?;
            let [dc, ac] = [pair[1] >> 4, pair[1] & 15].map(usize::from);
            (dc < 4 && ac < 4).then_some((component, dc, ac))
        });
        let &[first, last, bits] = data.get(1 + 2 * count..)?.first_chunk()?;
        let members: Vec<_> = members.collect::<Option<_>>()?;
        let sane = match (frame.progressive, first) {
            (false, _) => true,
            (true, 0) => last == 0,
            (true, _) => first <= last && last < 64 && members.len() == 1,
        };
        (sane && !members.is_empty()).then_some(Scan {
            members,
            band: (first.into(), last.into()),
            refines: bits >> 4 != 0,
        })
    }
}

#[derive(Debug, Default)]
struct Walker {
    frame: Option<Frame>,
    /// Of first coefficients, and of the others.
    tables: [[Option<Table>; 4]; 2],
    /// Units between two markers that restart the codes. None if it is 0.
    interval: usize,
}

impl Walker {
    fn walk(&mut self, bytes: &[u8]) -> Walk<()> {
        let mut at = 2;
        loop {
            let mut header = None;
            for segment in segments_from(bytes, at) {
                at = segment.end;
                let data = segment.data;
                match segment.marker {
                    0xc4 => self.take_tables(data).ok_or(Stop::Unknown)?,
                    0xda => header = Some(data),
                    0xdd => {
                        let interval = data.first_chunk().ok_or(Stop::Unknown)?;
                        self.interval = u16::from_be_bytes(*interval).into();
                    }
                    marker if is_frame(marker) => {
                        self.frame = Some(Frame::new(marker, data).ok_or(Stop::Unknown)?);
                    }
                    _ => {}
                }
            }
            let Some(header) = header else {
                return Ok(());
            };
            let coded = bytes.get(at..).unwrap_or_default();
            let coded = &coded[..scan_length(coded).ok_or(Stop::Unknown)?];
            at += coded.len();
            self.scan(header, coded)?;
        }
    }

    fn take_tables(&mut self, mut data: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = data.split_first() {
            let (counts, rest) = rest.split_first_chunk()?;
            let total = counts.iter().map(|&n| usize::from(n)).sum();
            let (values, rest) = rest.split_at_checked(total)?;
            let place = self.tables.get_mut(usize::from(kind >> 4))?;
            *place.get_mut(usize::from(kind & 15))? = Some(Table::new(counts, values));
            data = rest;
        }
        Some(())
    }

    fn scan(&mut self, header: &[u8], coded: &[u8]) -> Walk<()> {
        let frame = self.frame.as_mut().ok_or(Stop::Unknown)?;
        let scan = Scan::new(frame, header).ok_or(Stop::Unknown)?;
        let units = match scan.members[..] {
            [(component, ..)] => frame.components[component].alone,
            _ => frame.units,
        };
        if frame.progressive && scan.band.0 > 0 {
            let component = &mut frame.components[scan.members[0].0];
            component.nonzero.resize(component.alone, 0);
        }
        let interval = match self.interval {
            0 => units,
            interval => interval,
        };
        let mut pieces = pieces(coded)?;
        // Some write a marker after the last unit too.
        if pieces.len() > 1 && pieces.last().is_some_and(|piece| piece.is_empty()) {
            pieces.pop();
        }
        if pieces.len() != units.div_ceil(interval) {
            return Err(Stop::Damage);
        }
        for (piece, first) in pieces.into_iter().zip((0..).step_by(interval)) {
            let mut codes = Codes {
                bits: Bits::new(piece),
                tables: &self.tables,
                scan: &scan,
                zeros: 0,
            };
            for unit in first..units.min(first + interval) {
                codes.unit(frame, unit)?;
            }
            codes.bits.check_end()?;
        }
        Ok(())
    }
}

/// The codes between the markers that restart them.
fn pieces(coded: &[u8]) -> Walk<Vec<&[u8]>> {
    let restarts = |pair: &[u8]| pair[0] == 0xff && matches!(pair[1], 0xd0..=0xd7);
    let (mut pieces, mut rest, mut next) = (Vec::new(), coded, 0);
    while let Some(at) = rest.windows(2).position(restarts) {
        if rest[at + 1] != 0xd0 + next {
            return Err(Stop::Damage);
        }
        pieces.push(&rest[..at]);
        rest = &rest[at + 2..];
        next = (next + 1) % 8;
    }
    pieces.push(rest);
    Ok(pieces)
}

/// The codes of a scan.
struct Codes<'a> {
    bits: Bits<'a>,
    tables: &'a [[Option<Table>; 4]; 2],
    scan: &'a Scan,
    /// Blocks to come in which no further coefficient is new.
    zeros: u32,
}

impl Codes<'_> {
    /// The codes of a unit: a block, or one or more of each component.
    fn unit(&mut self, frame: &mut Frame, unit: usize) -> Walk<()> {
        let alone = self.scan.members.len() == 1;
        for &(component, dc, ac) in &self.scan.members {
            let component = &mut frame.components[component];
            let blocks = if alone { 1 } else { component.blocks };
            for _ in 0..blocks {
                match (frame.progressive, self.scan.band.0, self.scan.refines) {
                    (false, ..) => self.sequential(dc, ac)?,
                    (true, 0, false) => self.first(dc)?,
                    (true, 0, true) => self.bits.skip(1)?,
                    (true, _, false) => self.band(ac, &mut component.nonzero[unit])?,
                    (true, _, true) => self.finer_band(ac, &mut component.nonzero[unit])?,
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, kind: usize, table: usize) -> Walk<u8> {
        let table = self.tables[kind][table].as_ref();
        table.ok_or(Stop::Unknown)?.value(&mut self.bits)
    }

    /// The first coefficient of a block.
    fn first(&mut self, dc: usize) -> Walk<()> {
        match self.value(0, dc)? {
            size @ 0..=16 => self.bits.skip(size.into()),
            _ => Err(Stop::Damage),
        }
    }

    /// All coefficients of a block.
    fn sequential(&mut self, dc: usize, ac: usize) -> Walk<()> {
        self.first(dc)?;
        let mut k = 1;
        while k < 64 {
            match self.value(1, ac)? {
                0x00 => break,
                0xf0 => k += 16,
                code => {
                    k += 1 + u32::from(code >> 4);
                    self.bits.skip(u32::from(code) & 15)?;
                    if k > 64 || code & 15 == 0 {
                        return Err(Stop::Damage);
                    }
                }
            }
        }
        Ok(())
    }

    /// Blocks after which a code of `run` ends the zeros, with its bits.
    fn end_of_band(&mut self, run: u8) -> Walk<u32> {
        Ok((1 << run) + self.bits.bits(run.into())?)
    }

    /// Coefficients of a band, for the first time (G.1.2.2).
    fn band(&mut self, ac: usize, nonzero: &mut u64) -> Walk<()> {
        let (mut k, last) = self.scan.band;
        if self.zeros > 0 {
            self.zeros -= 1;
            return Ok(());
        }
        while k <= last {
            let code = self.value(1, ac)?;
            let (run, size) = (code >> 4, code & 15);
            match (run, size) {
                (15, 0) => k += 16,
                (run, 0) => {
                    self.zeros = self.end_of_band(run)? - 1;
                    break;
                }
                (run, size) => {
                    k += u32::from(run);
                    if k > last {
                        return Err(Stop::Damage);
                    }
                    self.bits.skip(size.into())?;
                    *nonzero |= 1 << k;
                    k += 1;
                }
            }
        }
        Ok(())
    }

    /// Further bits of the coefficients of a band, and new ones (G.1.2.3).
    fn finer_band(&mut self, ac: usize, nonzero: &mut u64) -> Walk<()> {
        let (mut k, last) = self.scan.band;
        let known = *nonzero;
        while k <= last && self.zeros == 0 {
            let code = self.value(1, ac)?;
            let (mut run, size) = (code >> 4, code & 15);
            match size {
                0 if run < 15 => {
                    self.zeros = self.end_of_band(run)?;
                    break;
                }
                0 => {}
                1 => self.bits.skip(1)?,
                _ => return Err(Stop::Damage),
            }
            // A bit for each known coefficient, up to the place of the new one.
            while k <= last {
                if known >> k & 1 == 1 {
                    self.bits.skip(1)?;
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                k += 1;
            }
            if size == 1 {
                if k > last {
                    return Err(Stop::Damage);
                }
                *nonzero |= 1 << k;
            }
            k += 1;
        }
        if self.zeros > 0 {
            self.zeros -= 1;
            if k <= last {
                let rest = known >> k << k & (u64::MAX >> (63 - last));
                self.bits.skip(rest.count_ones())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::jpeg::{coded, segments};

    /// 60 x 40 pixels of samples/coffee.png by `cjpeg -quality 60 -sample 2x1 -progressive -restart
    /// 4B`: ten scans of all four kinds.
    const PROGRESSIVE: &[u8] = include_bytes!("progressive.jpg");

    fn baseline() -> Vec<u8> {
        let pixel = |x: u32, y: u32| [(x * y) as u8, 255 - x as u8, (x * x + y) as u8];
        coded(90, 70, pixel)
    }

    #[test]
    fn damage_of_codes_is_found() {
        for (jpeg, least) in [(&baseline()[..], 0.4), (PROGRESSIVE, 0.4)] {
            assert!(!is_damaged(jpeg));
            let first = segments(jpeg).last().unwrap().end;
            let (mut found, all) = (0, jpeg.len() - 2 - first);
            for i in first..jpeg.len() - 2 {
                let mut damaged = jpeg.to_vec();
                damaged[i] ^= 0x24;
                found += usize::from(is_damaged(&damaged));
            }
            // The rest are other codes of the same number.
            let share = found as f64 / all as f64;
            println!("{found} of {all} changes of a byte are found");
            assert!(share > least, "{found} of {all}");
        }
    }

    #[test]
    fn codes_that_are_missing_or_too_many_are_damage() {
        let jpeg = baseline();
        let (start, end) = (segments(&jpeg).last().unwrap().end, jpeg.len() - 2);
        let middle = (start + end) / 2;
        let with = |codes: &[&[u8]]| [&jpeg[..start], &codes.concat(), &jpeg[end..]].concat();
        let codes = &jpeg[start..end];
        assert!(is_damaged(&with(&[&jpeg[start..middle]])));
        assert!(is_damaged(&with(&[codes, b"more of them"])));
        assert!(is_damaged(&with(&[codes, b"\xff\xd0", codes])));
        // Zeros that fill the file up.
        assert!(!is_damaged(&with(&[codes, &[0; 500]])));
    }

    #[test]
    fn any_bytes_are_walked_through() {
        for jpeg in [&baseline()[..], PROGRESSIVE] {
            for i in 0..jpeg.len() {
                is_damaged(&jpeg[..i]);
                for value in [0, 0x11, 0xff] {
                    let mut damaged = jpeg.to_vec();
                    damaged[i] = value;
                    is_damaged(&damaged);
                }
            }
        }
    }
}
