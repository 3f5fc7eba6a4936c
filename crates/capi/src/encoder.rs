//! Encoders.

use std::ffi::c_void;

use dcodec::prior::Shipped;
use dcodec::{Effort, Error, Metadata, Result, Target};

use crate::guard::{bytes, given, given_mut, guarded, hand_over, release};
use crate::info::place;
use crate::layout::Layout;
use crate::memory::{clear, give};
use crate::prior::Prior;
use crate::progress::{Listener, ProgressFunction};
use crate::status::Status;

/// The judge that files are made for.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tune {
    /// The eye; PSNR where that is the target.
    Usual = 0,
    /// The eye, by SSIMULACRA2.
    Eye = 1,
    /// RGB PSNR.
    Psnr = 2,
    /// None: everything is sent alike.
    Plain = 3,
}

/// The settings of an encode.
pub struct Encoder {
    prior: Option<dcodec::Prior>,
    target: Target,
    effort: u8,
    tune: Option<dcodec::Tune>,
    metadata: Metadata,
    max_memory: u64,
    listener: Listener,
}

impl Encoder {
    /// The encoder of these settings.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an effort that there is none of; those of [`Shipped::shared`].
    fn made(&self) -> Result<dcodec::Encoder> {
        let effort = Effort::new(self.effort).ok_or_else(|| {
            Error::Parameter(format!("effort must be 1 to 5, not {}", self.effort))
        })?;
        let prior = match &self.prior {
            Some(prior) => prior.clone(),
            None => Shipped::of_effort(self.effort).shared()?,
        };
        let encoder = dcodec::Encoder::new(&prior)
            .target(self.target)
            .effort(effort)
            .metadata(self.metadata.clone())
            .max_memory(self.max_memory);
        Ok(match self.tune {
            Some(tune) => encoder.tune(tune),
            None => encoder,
        })
    }
}

/// Makes an encoder of quality 75 and effort 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_new(encoder: *mut *mut Encoder) -> Status {
    let made = || {
        Ok(Encoder {
            prior: None,
            target: Target::Quality(75.0),
            effort: 3,
            tune: None,
            metadata: Metadata::default(),
            max_memory: u64::MAX,
            listener: Listener::default(),
        })
    };
    // SAFETY: as the header states.
    guarded(|| unsafe { hand_over(encoder, made) })
}

/// Frees an encoder. Null is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_free(encoder: *mut Encoder) {
    // SAFETY: as the header states.
    unsafe { release(encoder) };
}

/// Changes a setting.
///
/// # Safety
/// As the header states.
unsafe fn set(encoder: *mut Encoder, change: impl FnOnce(&mut Encoder) -> Result<()>) -> Status {
    // SAFETY: as the caller promises.
    guarded(|| change(unsafe { given_mut(encoder, "encoder") }?))
}

/// Sets the target, in the place of the one before.
///
/// # Safety
/// As the header states.
unsafe fn aim(encoder: *mut Encoder, target: Target) -> Status {
    // SAFETY: as the caller promises.
    unsafe {
        set(encoder, |encoder| {
            encoder.target = target;
            Ok(())
        })
    }
}

/// Ends files at this number of bits per pixel, headers included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_bpp(encoder: *mut Encoder, bpp: f64) -> Status {
    // SAFETY: as the header states.
    unsafe { aim(encoder, Target::Bpp(bpp)) }
}

/// Ends files at this number of bytes, headers included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_bytes(encoder: *mut Encoder, bytes: u64) -> Status {
    // SAFETY: as the header states.
    unsafe { aim(encoder, Target::Bytes(bytes)) }
}

/// Ends files where the decoded picture has this RGB PSNR in dB.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_psnr(encoder: *mut Encoder, psnr: f64) -> Status {
    // SAFETY: as the header states.
    unsafe { aim(encoder, Target::Psnr(psnr)) }
}

/// Ends files at a quality, 0 to 100. The default is 75.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_quality(encoder: *mut Encoder, quality: f64) -> Status {
    // SAFETY: as the header states.
    unsafe { aim(encoder, Target::Quality(quality)) }
}

/// Ends files at the exact picture. Their prefixes are lossy pictures.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_lossless(encoder: *mut Encoder) -> Status {
    // SAFETY: as the header states.
    unsafe { aim(encoder, Target::Lossless(None)) }
}

/// Sets the effort, 1 (fastest) to 5 (smallest files). The default is 3. Effort 1 takes the prior
/// xs, unless one is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_effort(encoder: *mut Encoder, effort: u32) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(encoder, |encoder| {
            let level = u8::try_from(effort).ok();
            let level = level.filter(|&level| Effort::new(level).is_some());
            encoder.effort = level
                .ok_or_else(|| Error::Parameter(format!("effort must be 1 to 5, not {effort}")))?;
            Ok(())
        })
    }
}

/// Sets the judge that files are made for: a dcodec_tune.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_tune(encoder: *mut Encoder, tune: u32) -> Status {
    const USUAL: u32 = Tune::Usual as u32;
    const EYE: u32 = Tune::Eye as u32;
    const PSNR: u32 = Tune::Psnr as u32;
    const PLAIN: u32 = Tune::Plain as u32;
    // SAFETY: as the header states.
    unsafe {
        set(encoder, |encoder| {
            encoder.tune = match tune {
                USUAL => None,
                EYE => Some(dcodec::Tune::Eye),
                PSNR => Some(dcodec::Tune::Psnr),
                PLAIN => Some(dcodec::Tune::Plain),
                n => return Err(Error::Parameter(format!("no tune has the number {n}"))),
            };
            Ok(())
        })
    }
}

/// Sets the prior. Null is the default one of the effort.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_prior(
    encoder: *mut Encoder,
    prior: *const Prior,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(encoder, |encoder| {
            encoder.prior = prior.as_ref().map(|prior| prior.prior.clone());
            Ok(())
        })
    }
}

/// Sets metadata that files carry besides the picture: a dcodec_metadata_kind and its bytes, which
/// are copied. With a size of 0 there is none of the kind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_metadata(
    encoder: *mut Encoder,
    kind: u32,
    data: *const u8,
    size: usize,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(encoder, |encoder| {
            let data = bytes(data, size, "data")?;
            *place(&mut encoder.metadata, kind)? = Some(data.to_vec()).filter(|d| !d.is_empty());
            Ok(())
        })
    }
}

/// Refuses pictures that would take more bytes of memory, before any work. The default is no limit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_max_memory(
    encoder: *mut Encoder,
    bytes: u64,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(encoder, |encoder| {
            encoder.max_memory = bytes;
            Ok(())
        })
    }
}

/// Sets a function that hears of the progress and can stop the work, and a pointer that it is
/// given. Null is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_set_progress(
    encoder: *mut Encoder,
    function: ProgressFunction,
    user: *mut c_void,
) -> Status {
    // SAFETY: as the header states.
    unsafe {
        set(encoder, |encoder| {
            encoder.listener = Listener { function, user };
            Ok(())
        })
    }
}

/// Encodes the picture in a buffer of the caller's. The file is the library's: free it by
/// dcodec_bytes_free. After an error the data is null and the size 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_encoder_encode(
    encoder: *const Encoder,
    samples: *const c_void,
    layout: *const Layout,
    data: *mut *mut u8,
    size: *mut usize,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let (encoder, picture) = unsafe {
            clear(data, size)?;
            let layout = given(layout, "layout")?;
            (given(encoder, "encoder")?, layout.read(samples)?)
        };
        let mut tell = |progress| encoder.listener.tell(progress);
        let encoded = encoder.made()?.encode_with(&picture, &mut tell)?;
        // SAFETY: as the header states.
        unsafe { give(encoded.bytes, data, size) }
    })
}
