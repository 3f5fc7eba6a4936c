//! The peak memory of an encode or a decode, from the size of the picture.

use crate::channel::code::Code;
use crate::channel::rotation::window;
use crate::channel::search::search_bytes;
use crate::codes::Form;
use crate::container::Header;
use crate::entropy::{Layout, exact_memory};
use crate::error::{Error, Result};
use crate::prior::Prior;
use crate::reverse::display::Display;

/// Bytes of the program, and of small blocks that the allocator keeps.
const PROGRAM: u64 = 26_000_000;

/// Bytes of the largest block that glibc may keep when it is freed. Larger ones it gives back.
const KEPT: u64 = 32 << 20;

/// Memory that is alive at the peak, besides the memory of the channel and of the network.
pub struct Alive<'a> {
    /// Number of arrays of D 32-bit floats.
    pub arrays: u64,
    /// Bytes of pictures and files.
    pub bytes: u64,
    /// The display of states.
    pub display: &'a Display,
    /// True if layers are searched for.
    pub searching: bool,
    /// Bytes of work between layers or after them, when no other work is under way.
    pub aside: u64,
}

/// Bytes of memory for the exact samples, beside the chain or without it. `copies` bytes a sample
/// are held besides the model.
pub fn exact(form: &Form, copies: u64, beside_chain: bool) -> u64 {
    let samples = form.pixels() * form.colour.channels() as u64;
    exact_memory(Layout::of(form), beside_chain) + copies * samples
}

/// The expected peak of memory, in bytes, of work on the picture of `header`.
///
/// # Errors
/// [`Error::WrongPrior`] if the file was made with another prior.
pub fn peak(prior: &Prior, header: &Header, alive: Alive) -> Result<u64> {
    let (values, (width, height)) = (header.coded_len(), header.coded_size());
    let n = prior.ensemble_of(header.prior).ok_or(Error::WrongPrior {
        needed: header.prior,
        given: prior.id(),
    })?;
    let shown = alive.display.ensemble_size();
    let (network, tile) = match alive.display.prior() {
        None => prior.memory(width, height, n.max(shown)),
        // The activations of one at a time, and the memory that both keep always.
        Some(other) => {
            let own = prior.memory(width, height, n);
            let shower = other.memory(width, height, shown);
            let [kept, others] = [prior, other].map(|prior| prior.kept(width, height));
            let network = (own.0 + others).max(kept + shower.0);
            (network, own.1.max(shower.1))
        }
    };
    let priors = || [Some(prior), alive.display.prior()].into_iter().flatten();
    // Networks take turns, and free their activations.
    let (network, tile) = match alive.display.filter() {
        None => (network, tile),
        Some(filter) => {
            let kept: u64 = priors().map(|prior| prior.kept(width, height)).sum();
            let (own, tiles) = filter.memory(width, height);
            (network.max(kept + own), tile.max(tiles))
        }
    };
    // What stays of the networks while layers are mixed.
    let frees = prior.frees_buffers(width, height);
    let idle = match frees {
        true => priors().map(|prior| prior.kept(width, height)).sum(),
        false => network,
    };
    // Two arrays suffice where the picture is denoised at half its size, which has to be held too.
    let reduced = (8 + 1) * values + tile + network;
    let search = match alive.searching {
        true => search_bytes(Code::new(header.trellis)),
        false => 0,
    };
    let window = |values: u64| 4 * window(usize::try_from(values).unwrap_or(usize::MAX)) as u64;
    let channel = search
        + match header.banded {
            false => window(values),
            // A plane and scales on their way to bands and back, or the rotation of the largest
            // band.
            true if alive.searching => (28 * values / 9).max(window(2 * values / 3)),
            true => (16 * values / 9).max(window(2 * values / 3)),
        };
    let arrays = 4 * alive.arrays * values;
    let called = arrays + tile.max(alive.aside) + network;
    let mixed = arrays + channel + idle;
    let array = 4 * values;
    let kept = if array <= KEPT { array } else { 0 };
    let (corrected, corrector, anchor) = match header.corrected {
        true => {
            let (corrector, stays, tile) = prior.corrector_memory(width, height);
            let stays = if frees { stays } else { corrector };
            // x_t and x0_hat of the last call are kept in 16 bits.
            (
                8 * values + tile + idle + corrector - stays,
                stays,
                4 * values,
            )
        }
        false => (0, 0, 0),
    };
    // An eighth of the values: codewords, and bits of a layer on their way.
    let work = called.max(mixed).max(reduced).max(corrected);
    Ok(PROGRAM + corrector + anchor + kept + alive.bytes + values / 8 + work)
}

/// Refuses work that takes more than `most` bytes.
///
/// # Errors
/// [`Error::Limits`], with the `advice`.
pub fn check(what: &str, header: &Header, bytes: u64, most: u64, advice: &str) -> Result<()> {
    if bytes <= most {
        return Ok(());
    }
    Err(Error::Limits(format!(
        "{what} {} x {} pixels takes about {} of memory, over the limit of {}: {advice}",
        header.form.width,
        header.form.height,
        amount(bytes),
        amount(most)
    )))
}

/// A number of bytes in words.
pub fn amount(bytes: u64) -> String {
    match bytes {
        100_000_000.. => format!("{:.2} GB", bytes as f64 / 1e9),
        100_000.. => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{bytes} bytes"),
    }
}
