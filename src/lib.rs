//! A progressive image codec whose prior is a diffusion model: one file holds every rate, and any
//! prefix of it is a picture.
//!
//! The algorithm is that of section 4.3 of *Denoising Diffusion Probabilistic Models* (Ho, Jain and
//! Abbeel 2020). Sender and receiver share a prior p(x_s | x_t), given by a denoiser. The sender
//! transmits, layer by layer, samples of q(x_s | x_t, x_0) for about KL( q || p ) bits each. After
//! any number of bits the receiver shows x0_hat = E[x_0 | x_t].
//!
//! [`Encoder`] writes files, [`decode`] and [`Decoder`] read files and prefixes, [`StreamDecoder`]
//! reads bytes as they come. Each has a runnable example. A [`Prior`] holds the network;
//! [`Prior::shipped`] is part of the crate.
//!
//! ```
//! use dcodec::{Colour, Encoder, Picture, Prior, Target};
//!
//! let prior = Prior::shipped()?;
//! let picture = Picture::new(40, 30, Colour::Rgb, (0..3600).map(|i| (i / 15) as u8).collect(), None)?;
//! let file = Encoder::new(&prior).target(Target::Quality(60.0)).encode(&picture)?.bytes;
//! let preview = dcodec::decode(&file[..file.len() / 2])?;
//! println!("{:?}", preview.coverage);
//! # Ok::<(), dcodec::Error>(())
//! ```
//!
//! The meaning of a file never depends on a floating-point number of the network: parsing and code
//! parameters are integers ([`container`], [`schedule`]), and the network only moves the mean of p.
//! The specification is `codec-spec/format.md`; `docs/design.md` says why it is so.
//!
//! # A map of the source
//!
//! | Question | File below `src` |
//! |---|---|
//! | Where does the loop x_T -> x_0 run, at both ends? | `reverse/chain.rs` |
//! | Where is a layer sent (Algorithm 3)? | `channel/sender.rs`; its bits are found in `channel/search.rs` |
//! | Where is a layer received (Algorithm 4)? | `channel/receiver.rs`; its signs are read in `channel/trellis.rs` |
//! | Where is x0_hat made? | `prior/prior.rs`, by the networks in `prior/cpu`, `prior/candle`, `prior/cuda`, `prior/diffusers` |
//! | Where is it decided what a state shows, also inside a layer? | `reverse/estimate.rs`, by `reverse/display.rs` |
//! | Where are the noise levels of the layers chosen? | `encoder/effort.rs` |
//! | Where is the band allocation chosen? | `encoder/allocation.rs`; its integers are `BandAllocation` in `codes.rs` |
//! | Where are files tuned for the eye or for PSNR? | `encoder/tune.rs` |
//! | Where is a PSNR target searched? | `encoder/psnr_search.rs` |
//! | Where is the picture filtered before it is sent? | `encoder/prefilter` |
//! | Where is a file written and parsed? | `container/writer.rs`, `container/parser.rs` |
//! | Where is it decided if a file is lossy or exact? | `encoder/encoder.rs` |
//! | How does a build test itself? | `conformance.rs`, by files of `codec-spec/files` |
//! | Where are exact samples coded? | `entropy/lossless`, called from `encoder/lossless.rs` and `decoder/lossless.rs` |
//!
//! Modules import from those above them only, in this order: `codes`, `parallel`, `random`,
//! `timings`; `error`; `pixels`, `progress`, `schedule`; `channel`, `container`, `entropy`,
//! `prior`; `analysis`, `reverse`; `sampler`; `decoder`, `encoder`; `conformance`.
//! `tests/layout.rs` holds them to it.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]
#![warn(missing_docs)]

/// The examples of docs/rust.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
mod guide {}

pub mod analysis;
// Public for the benchmarks and tests of this repository only; not part of the API.
#[doc(hidden)]
pub mod channel;
mod codes;
#[cfg(feature = "shipped")]
pub mod conformance;
pub mod container;
mod decoder;
mod elementary;
mod encoder;
// Public for the benchmarks and tests of this repository only; not part of the API.
#[doc(hidden)]
pub mod entropy;
mod error;
mod parallel;
mod pixels;
pub mod prior;
mod progress;
// Public for the benchmarks and tests of this repository only; not part of the API.
#[doc(hidden)]
pub mod random;
mod reverse;
pub mod sampler;
pub mod schedule;
mod timings;

pub use codes::{BitDepth, Colour, Form};
pub use container::Event;
pub use container::metadata::Metadata;
#[cfg(feature = "hooks")]
pub use decoder::register_image_hooks;
pub use decoder::{
    Coverage, DEFAULT_MAX_CALLS, DEFAULT_MAX_PIXELS, Decoded, Decoder, Exact, StreamDecoder, decode,
};
pub use encoder::{Effort, Encoded, Encoder, Interest, LayerReport, Region, Target, Tune};
pub use error::{Error, FormatError, Result};
pub use pixels::metrics;
pub use pixels::picture::Picture;
pub use pixels::planes::Planes;
pub use pixels::samples::Samples;
pub use prior::{LOWEST_SIGMA, Prior};
pub use progress::{Progress, Report};
pub use reverse::Display;
pub use sampler::{Mode, Sampler};
pub use timings::Timings;
