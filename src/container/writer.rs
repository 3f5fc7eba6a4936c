//! Writes a file, part by part.

use crate::codes::SigmaCode;
use crate::container::{
    BandAllocation, Header, Layer, MAX_DELTA, PartName, SIGNATURE, TAG_END, TAG_LAYER, VERSION,
    check, header, is_checked, varint,
};

/// A file under construction. Its bytes so far are always the prefix of a valid file.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    crc: crc32fast::Hasher,
    checked: usize,
    sigma: SigmaCode,
    layers: u32,
    banded: bool,
    allocation: BandAllocation,
    next: BandAllocation,
}

impl Writer {
    /// Starts a file with its header.
    ///
    /// # Panics
    /// For an odd `start`, which no header can tell.
    pub fn new(header: &Header) -> Self {
        let start = header.start.get();
        assert!(start.is_multiple_of(2), "start {start}");
        let mut w = Writer {
            bytes: Vec::new(),
            crc: crc32fast::Hasher::new(),
            checked: 0,
            sigma: header.start,
            layers: 0,
            banded: header.banded,
            allocation: BandAllocation::first(header.form.colour),
            next: BandAllocation::first(header.form.colour),
        };
        w.bytes.extend(SIGNATURE);
        w.bytes.extend([VERSION, header::flags(header)]);
        varint::write(&mut w.bytes, header.form.width.into());
        varint::write(&mut w.bytes, header.form.height.into());
        w.bytes.extend(header.prior.0);
        if header.seed != 0 {
            varint::write(&mut w.bytes, header.seed);
        }
        w.bytes.push((start / 2) as u8);
        w.check();
        w
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Always false: there is a header.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes since the last check.
    pub fn unchecked(&self) -> u64 {
        (self.bytes.len() - self.checked) as u64
    }

    /// Bytes of a part with a payload of `len` bytes.
    pub fn part_bytes(len: usize) -> usize {
        let mut number = Vec::new();
        varint::write(&mut number, len as u64);
        4 + number.len() + 2 + len + 2
    }

    /// Appends a named part.
    pub fn part(&mut self, name: PartName, payload: &[u8]) {
        self.bytes.extend(name.0);
        varint::write(&mut self.bytes, payload.len() as u64);
        self.check();
        self.bytes.extend(payload);
        self.check();
    }

    /// How stages are allotted to the bands at present.
    pub fn allocation(&self) -> BandAllocation {
        self.allocation
    }

    /// Whether a layer of this allocation changes it; none in a file without bands.
    pub fn change(&self, allocation: BandAllocation) -> Option<bool> {
        self.banded.then_some(allocation != self.allocation)
    }

    /// Allots the stages of the next layer, and of those after it, to the bands of a file that has them; by 8 codes less to 7
    /// more than before.
    pub fn allot(&mut self, allocation: BandAllocation) {
        self.next = allocation;
    }

    /// Appends the head of a layer that ends at the noise level `sigma`, 1 to 127 codes below the one before.
    ///
    /// # Panics
    /// For another level, which no head can tell.
    pub fn layer(&mut self, sigma: SigmaCode, stages: u32) -> Layer {
        let delta = self.sigma.get().checked_sub(sigma.get());
        let delta = delta.filter(|d| (1..=MAX_DELTA).contains(d));
        let delta = delta.expect("layers go down by 1 to 127 codes");
        let layer = Layer {
            index: self.layers,
            sigma,
            stages,
            allocation: self.next,
            offset: self.bytes.len() as u64,
        };
        self.bytes.push(TAG_LAYER + delta as u8);
        let change = self.change(self.next);
        varint::write(&mut self.bytes, Layer::number(stages, change));
        if change == Some(true) {
            self.bytes.extend(self.allocation.change_to(self.next));
        }
        self.allocation = self.next;
        if is_checked(self.unchecked()) {
            self.check();
        }
        self.sigma = sigma;
        self.layers += 1;
        layer
    }

    /// Appends trellis bits of the layer begun last.
    pub fn body(&mut self, bits: &[u8]) {
        self.bytes.extend(bits);
    }

    /// Ends the file.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(TAG_END);
        self.check();
        self.bytes
    }

    /// The file cut to `len` bytes, without an end marker.
    pub fn cut(mut self, len: usize) -> Vec<u8> {
        self.bytes.truncate(len);
        self.bytes
    }

    fn check(&mut self) {
        self.crc.update(&self.bytes[self.checked..]);
        self.bytes.extend(check(&self.crc));
        self.checked = self.bytes.len();
        self.crc = crc32fast::Hasher::new();
    }
}
