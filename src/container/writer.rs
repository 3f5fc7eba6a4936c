//! Writes a file, part by part.

use crate::codes::{BandAllocation, SigmaCode};
use crate::container::check::{check, is_checked};
use crate::container::format::TAG_END;
use crate::container::header::Header;
use crate::container::layer::Layer;
use crate::container::part::{PartHead, PartName};

/// A file under construction. Its bytes are a prefix of a valid file at any time.
#[derive(Debug, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
    crc: crc32fast::Hasher,
    checked: usize,
    sigma: SigmaCode,
    layers: u32,
    banded: bool,
    /// The most codes that a layer may go down.
    most: u16,
    /// True if the next layer starts from a corrected x0_hat.
    corrected: bool,
    allocation: BandAllocation,
    next: BandAllocation,
}

impl Writer {
    /// Starts a file with its header.
    ///
    /// # Panics
    /// For an odd `start`, which no header can tell.
    pub fn new(header: &Header) -> Self {
        let mut w = Writer {
            bytes: Vec::new(),
            crc: crc32fast::Hasher::new(),
            checked: 0,
            sigma: header.start,
            layers: 0,
            banded: header.banded,
            most: header.most_codes(),
            corrected: false,
            allocation: BandAllocation::first(header.form.colour),
            next: BandAllocation::first(header.form.colour),
        };
        header.write(&mut w.bytes);
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

    /// Bytes of a part with a payload of `len` bytes, its checks included.
    pub fn part_bytes(len: usize) -> usize {
        let head = PartHead {
            name: PartName::EXACT,
            len: len as u64,
        };
        head.part_bytes() as usize
    }

    /// Appends a named part.
    pub fn part(&mut self, name: PartName, payload: &[u8]) {
        let len = payload.len() as u64;
        PartHead { name, len }.write(&mut self.bytes);
        self.check();
        self.bytes.extend(payload);
        self.check();
    }

    /// The allocation of the layer before.
    pub fn allocation(&self) -> BandAllocation {
        self.allocation
    }

    /// True if a layer of this allocation changes it; none in a file without bands.
    pub fn change(&self, allocation: BandAllocation) -> Option<bool> {
        self.banded.then_some(allocation != self.allocation)
    }

    /// Sets the allocation of the next layer and of all after it, in a file with bands. Each code
    /// may change by -8 to 7.
    pub fn allot(&mut self, allocation: BandAllocation) {
        self.next = allocation;
    }

    /// Sets if the next layer and all after it start from a corrected x0_hat, in a file with
    /// corrected layers.
    pub fn correct(&mut self, corrected: bool) {
        self.corrected = corrected;
    }

    /// Appends the head of a layer that ends at the noise level `sigma`, 1 to 127 codes below the
    /// one before, 1 to 63 in a file with corrected layers.
    ///
    /// # Panics
    /// For another level, which no head can tell.
    pub fn layer(&mut self, sigma: SigmaCode, stages: u32) -> Layer {
        let delta = self.sigma.get().checked_sub(sigma.get());
        let delta = delta.filter(|d| (1..=self.most).contains(d));
        let delta = delta.expect("layers go down by 1 to 127 or 63 codes");
        let layer = Layer {
            index: self.layers,
            sigma,
            stages,
            allocation: self.next,
            corrected: self.corrected,
            offset: self.bytes.len() as u64,
        };
        layer.write_head(&mut self.bytes, delta as u8, self.banded, self.allocation);
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
