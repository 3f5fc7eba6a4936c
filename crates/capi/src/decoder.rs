//! Decoders of whole files and prefixes.

use std::ffi::c_void;

use dcodec::container::{Event, Parser};
use dcodec::prior::Look;
use dcodec::{DEFAULT_MAX_CALLS, DEFAULT_MAX_PIXELS, Decoded, Error, Form, Result};

use crate::guard::{bytes, given, given_mut, guarded, hand_over, release};
use crate::layout::Layout;
use crate::prior::Prior;
use crate::progress::{Listener, ProgressFunction};
use crate::status::Status;

/// The way in which pictures are displayed.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// By the larger prior l and a post-filter: the picture of the command, with the best PSNR.
    Recommended = 0,
    /// By the prior of the file alone: the fastest.
    Plain = 1,
    /// As the first, but with texture that the bits make likely: closer to the original for the
    /// eye.
    Vivid = 2,
}

/// Exact share of a decoded picture.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exact {
    /// Nothing.
    None = 0,
    /// exact_rows rows from the top.
    Rows = 1,
    /// All of it, as its check proves.
    All = 2,
    /// Nothing, although the file is exact: this build cannot show it, or the check does not fit.
    Unusable = 3,
}

/// The bytes that a picture was made from.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// Bytes of the file.
    pub bytes: u64,
    /// Share of the next layer that had come, 0 to 1.
    pub partial: f64,
    /// Noise level of the state that was shown, in 8-bit levels; 0 before the first layer.
    pub sigma: f64,
    /// Whole layers.
    pub layers: u32,
    /// 1 if the end marker was reached.
    pub complete: u32,
    /// Exact share of the picture.
    pub exact: Exact,
    /// Rows from the top that are exact.
    pub exact_rows: u32,
}

impl Coverage {
    fn of(decoded: &Decoded) -> Self {
        let coverage = &decoded.coverage;
        let (exact, exact_rows) = match coverage.exact {
            dcodec::Exact::All => (Exact::All, decoded.picture.height()),
            dcodec::Exact::Rows(n) => (Exact::Rows, n),
            dcodec::Exact::Unusable => (Exact::Unusable, 0),
            _ => (Exact::None, 0),
        };
        Coverage {
            bytes: coverage.bytes,
            partial: coverage.partial,
            sigma: coverage.sigma.unwrap_or(0.0),
            layers: coverage.layers,
            complete: coverage.complete.into(),
            exact,
            exact_rows,
        }
    }
}

/// The settings of a decode.
pub struct Decoder {
    prior: Option<dcodec::Prior>,
    display: Display,
    max_pixels: u64,
    max_memory: u64,
    max_layers: u32,
    listener: Listener,
}

impl Decoder {
    /// The decoder of these settings.
    pub fn made(&self) -> dcodec::Decoder {
        let decoder = match &self.prior {
            Some(prior) => dcodec::Decoder::new(prior),
            None => dcodec::Decoder::default(),
        };
        let decoder = match self.display {
            Display::Recommended => decoder,
            Display::Plain => decoder.display(dcodec::Display::PLAIN),
            Display::Vivid => decoder.look(Look::Vivid),
        };
        decoder
            .max_pixels(self.max_pixels)
            .max_memory(self.max_memory)
            .max_calls(self.max_layers)
    }

    /// The form of the picture of a file.
    ///
    /// # Errors
    /// Those of [`Parser::push`]; [`Error::Format`] if the header is not whole.
    fn form(&self, data: &[u8]) -> Result<Form> {
        let mut parser = Parser::new(self.max_pixels);
        match parser.push(data)? {
            (_, Event::Header(header)) => Ok(header.form),
            _ => Err(parser.incomplete().into()),
        }
    }
}

/// Writes a picture to a buffer, and what it was made from to `coverage` if that is not null.
///
/// # Safety
/// As the header states.
pub unsafe fn show(
    decoded: &Decoded,
    samples: *mut c_void,
    layout: &Layout,
    coverage: *mut Coverage,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        layout.write(&decoded.picture, samples)?;
        if !coverage.is_null() {
            coverage.write(Coverage::of(decoded));
        }
    }
    Ok(())
}

/// Makes a decoder for files of all priors inside the library, with the default limits: 100
/// megapixels, 128 layers, any memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_new(decoder: *mut *mut Decoder) -> Status {
    let made = || {
        Ok(Decoder {
            prior: None,
            display: Display::Recommended,
            max_pixels: DEFAULT_MAX_PIXELS,
            max_memory: u64::MAX,
            max_layers: DEFAULT_MAX_CALLS,
            listener: Listener::default(),
        })
    };
    // SAFETY: as the header states.
    guarded(|| unsafe { hand_over(decoder, made) })
}

/// Frees a decoder. Null is ignored. Streams of it stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_free(decoder: *mut Decoder) {
    // SAFETY: as the header states.
    unsafe { release(decoder) };
}

/// Changes a setting.
///
/// # Safety
/// As the header states.
unsafe fn set(decoder: *mut Decoder, change: impl FnOnce(&mut Decoder) -> Result<()>) -> Status {
    // SAFETY: as the caller promises.
    guarded(|| change(unsafe { given_mut(decoder, "decoder") }?))
}

/// Sets the prior of the files. Null is the one inside the library that a file needs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_set_prior(
    decoder: *mut Decoder,
    prior: *const Prior,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(decoder, |decoder| {
            decoder.prior = prior.as_ref().map(|prior| prior.prior.clone());
            Ok(())
        })
    }
}

/// Sets how pictures are displayed: a dcodec_display.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_set_display(decoder: *mut Decoder, display: u32) -> Status {
    const RECOMMENDED: u32 = Display::Recommended as u32;
    const PLAIN: u32 = Display::Plain as u32;
    const VIVID: u32 = Display::Vivid as u32;
    // SAFETY: as the header states.
    unsafe {
        set(decoder, |decoder| {
            decoder.display = match display {
                RECOMMENDED => Display::Recommended,
                PLAIN => Display::Plain,
                VIVID => Display::Vivid,
                n => return Err(Error::Parameter(format!("no display has the number {n}"))),
            };
            Ok(())
        })
    }
}

/// Refuses pictures of more pixels. The default is 100 million.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_set_max_pixels(
    decoder: *mut Decoder,
    pixels: u64,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(decoder, |decoder| {
            decoder.max_pixels = pixels;
            Ok(())
        })
    }
}

/// Refuses pictures that would take more bytes of memory, before any work. The default is no limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_set_max_memory(
    decoder: *mut Decoder,
    bytes: u64,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(decoder, |decoder| {
            decoder.max_memory = bytes;
            Ok(())
        })
    }
}

/// Refuses files of more layers, each of which takes a call of the network. The default is 128; no
/// file of the encoder has as many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_set_max_layers(
    decoder: *mut Decoder,
    layers: u32,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(decoder, |decoder| {
            decoder.max_layers = layers;
            Ok(())
        })
    }
}

/// Sets a function that hears of the progress and can stop the work, and a pointer that it is
/// given. Null is none. It hears of decodes, not of thumbnails and streams.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_set_progress(
    decoder: *mut Decoder,
    function: ProgressFunction,
    user: *mut c_void,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(decoder, |decoder| {
            decoder.listener = Listener { function, user };
            Ok(())
        })
    }
}

/// Decodes a file, or any prefix of one that reaches past the header, to a buffer of the caller's.
///
/// The width and the height of the layout are those of the picture, which dcodec_info_read tells.
/// Channels and depth are the caller's choice: grey fills three channels, absent alpha is opaque,
/// alpha without a channel is left out, and samples are brought to the depth. Only colours do not
/// fit into 1 or 2 channels. Coverage may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_decode(
    decoder: *const Decoder,
    data: *const u8,
    size: usize,
    samples: *mut c_void,
    layout: *const Layout,
    coverage: *mut Coverage,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let (decoder, data, layout) = unsafe {
            let data = bytes(data, size, "data")?;
            (given(decoder, "decoder")?, data, given(layout, "layout")?)
        };
        // Before the work.
        layout.check_fits(&decoder.form(data)?)?;
        let mut tell = |progress| decoder.listener.tell(progress);
        let decoded = decoder.made().decode_with(data, &mut tell)?;
        // SAFETY: as the header states.
        unsafe { show(&decoded, samples, layout, coverage) }
    })
}

/// Decodes a thumbnail of at most `longest` pixels along the longer side, in a small part of the
/// time, from as few of the first bytes as it needs. dcodec_thumbnail_layout tells its size.
/// Channels and depth are as in dcodec_decoder_decode. Coverage may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_decoder_thumbnail(
    decoder: *const Decoder,
    data: *const u8,
    size: usize,
    longest: u32,
    samples: *mut c_void,
    layout: *const Layout,
    coverage: *mut Coverage,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let (decoder, data, layout) = unsafe {
            let data = bytes(data, size, "data")?;
            (given(decoder, "decoder")?, data, given(layout, "layout")?)
        };
        let form = decoder.form(data)?;
        let (width, height) = form.fitted(longest);
        layout.check_fits(&Form {
            width,
            height,
            ..form
        })?;
        let decoded = decoder.made().thumbnail(data, longest)?;
        // SAFETY: as the header states.
        unsafe { show(&decoded, samples, layout, coverage) }
    })
}
