//! The C interface of the module for browsers, on this machine.

use std::ffi::CStr;

use dcodec::container::Parser;
use dcodec::{Error, Event, Result};

use crate::file::{MAX_PIXELS, Rng, pieces, repaired};

#[path = "../../crates/wasm/src/lib.rs"]
mod door;

/// Layers that are decoded by a network, at most.
const MOST_LAYERS: usize = 8;

/// Bytes of tensors that a weights file of the fuzzer gets, at most.
const MOST_ZEROS: u64 = 1 << 20;

/// The calls of the module in the order of a page, with the bytes as a file, and as weights.
pub fn wasm(data: &[u8]) {
    match data.strip_prefix(b"weights:") {
        Some(header) => {
            if let Ok(prior) = Named::new(&weights(header)) {
                drop(Page::open(Some(&prior)));
            }
        }
        None => {
            let mut rng = Rng::of(data);
            for file in [data.to_vec(), repaired(data)] {
                if is_quick(&file) {
                    shown(&file, &mut rng);
                }
            }
        }
    }
}

/// A safetensors file with this header, whose tensors are zeros.
fn weights(header: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    let json: serde_json::Value = serde_json::from_slice(header).unwrap_or_default();
    let tensors = json.as_object().into_iter().flat_map(|map| map.values());
    let ends = tensors.filter_map(|tensor| tensor["data_offsets"][1].as_u64());
    let end = ends.max().unwrap_or(0).min(MOST_ZEROS);
    file.resize(file.len() + end as usize, 0);
    file
}

/// True for a small picture of few layers.
fn is_quick(file: &[u8]) -> bool {
    let layers = || -> Result<usize> {
        let mut parser = Parser::new(MAX_PIXELS / 4);
        let (mut rest, mut layers) = (file, 0);
        loop {
            let (used, event) = parser.push(rest)?;
            rest = &rest[used..];
            match event {
                Event::LayerHead(_) => layers += 1,
                Event::NeedMore | Event::End => return Ok(layers),
                _ => {}
            }
        }
    };
    match layers() {
        Ok(layers) => layers <= MOST_LAYERS,
        // A page takes larger pictures, and their time.
        Err(Error::Limits(_)) => false,
        // The layers before the damage are decoded.
        Err(_) => file.len() < 64,
    }
}

/// A file that comes in pieces is the picture that it is at once.
fn shown(file: &[u8], rng: &mut Rng) {
    let shown = |pieces: &[&[u8]]| {
        let mut page = Page::open(None).expect("the priors inside");
        for piece in pieces {
            page.push(piece)?;
        }
        page.show()
    };
    assert_eq!(shown(&pieces(file, rng)), shown(&[file]));
}

/// The calls of a page, with the memory that it manages.
struct Page(*mut door::Decoder);

impl Page {
    fn open(prior: Option<&Named>) -> Result<Self, String> {
        assert!((0..=2).contains(&door::kernel()));
        // SAFETY: the prior is not forgotten.
        let decoder = unsafe { door::open(prior.map_or(std::ptr::null(), |prior| prior.0)) };
        match decoder.is_null() {
            true => Err(message()),
            false => Ok(Page(decoder)),
        }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        header(bytes);
        while !bytes.is_empty() {
            let room = Room::of(bytes);
            // SAFETY: the decoder is open, and the room holds `n` bytes.
            match unsafe { door::push(self.0, room.at, room.n) } {
                -1 => return Err(message()),
                0 => panic!("no byte of {} was taken", bytes.len()),
                taken => bytes = &bytes[taken as usize..],
            }
        }
        Ok(())
    }

    /// Width, height and pixels.
    fn show(&mut self) -> Result<(u32, u32, Vec<u8>), String> {
        // SAFETY: the decoder is open. The pixels are 4 bytes each.
        unsafe {
            if door::show(self.0) == -1 {
                return Err(message());
            }
            let (width, height) = (door::width(self.0), door::height(self.0));
            let n = 4 * width as usize * height as usize;
            let icc = std::slice::from_raw_parts(door::icc(self.0), door::icc_size(self.0));
            assert!(icc.is_empty() || !door::facts(self.0).is_null());
            assert!(door::layers(self.0) >= 0);
            let pixels = std::slice::from_raw_parts(door::pixels(self.0), n);
            Ok((width, height, pixels.to_vec()))
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the decoder is open, and is not used again.
        unsafe { door::close(self.0) }
    }
}

/// The facts of a header at the front of any bytes.
fn header(bytes: &[u8]) {
    let room = Room::of(bytes);
    // SAFETY: the room holds `n` bytes. The facts are seven numbers.
    unsafe {
        assert!(!door::sha256(room.at, room.n).is_null());
        let facts = door::header(room.at, room.n);
        if let Some(&[width, height, ..]) = facts.cast::<[u32; 7]>().as_ref() {
            assert_eq!(width == 0, height == 0);
        }
    }
}

/// A prior of a weights file.
struct Named(*mut dcodec::Prior);

impl Named {
    fn new(weights: &[u8]) -> Result<Self, String> {
        let room = Room::of(weights);
        // SAFETY: the room holds `n` bytes.
        let prior = unsafe { door::prior(room.at, room.n) };
        match prior.is_null() {
            true => Err(message()),
            false => Ok(Named(prior)),
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // SAFETY: the prior is not used again.
        unsafe {
            assert_eq!(
                door::serves(door::prior_id(self.0), door::prior_id(self.0)),
                1
            );
            door::forget(self.0);
        }
    }
}

/// Room in the module's memory.
struct Room {
    at: *mut u8,
    n: usize,
}

impl Room {
    fn of(bytes: &[u8]) -> Self {
        let (at, n) = (door::alloc(bytes.len()), bytes.len());
        // SAFETY: there is room for `n` bytes.
        unsafe { at.copy_from_nonoverlapping(bytes.as_ptr(), n) };
        Room { at, n }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: it came from `alloc(n)`.
        unsafe { door::free(self.at, self.n) }
    }
}

fn message() -> String {
    // SAFETY: the message ends in a zero byte.
    let text = unsafe { CStr::from_ptr(door::message().cast()) };
    text.to_str().expect("UTF-8").to_owned()
}
