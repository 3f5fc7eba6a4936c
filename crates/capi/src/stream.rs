//! Bytes as they come.

use std::ffi::c_void;

use dcodec::{Error, Metadata, Result, StreamDecoder};

use crate::decoder::{Coverage, Decoder, show};
use crate::guard::{bytes, given, given_mut, guarded, hand_over, put, release};
use crate::info::{Info, place};
use crate::layout::Layout;
use crate::status::Status;

/// Something that the bytes so far complete.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// All bytes are used up; nothing is complete yet.
    NeedMore = 0,
    /// The header: dcodec_stream_info has the size of the picture, and there is a first picture.
    Header = 1,
    /// Metadata, alpha, exact samples, or another part besides the layers.
    Part = 2,
    /// The head of a layer, whose bits follow.
    LayerHead = 3,
    /// A whole layer: the picture is better.
    Layer = 4,
    /// The end of the file. Further bytes are ignored.
    End = 5,
}

impl Event {
    fn of(event: &dcodec::Event) -> Self {
        match event {
            dcodec::Event::NeedMore => Event::NeedMore,
            dcodec::Event::Header(_) => Event::Header,
            dcodec::Event::LayerHead(_) => Event::LayerHead,
            dcodec::Event::Layer(..) => Event::Layer,
            dcodec::Event::End => Event::End,
            _ => Event::Part,
        }
    }
}

/// A decoder that takes bytes as they come and shows a picture at any time. It keeps its state, so
/// that new bytes continue where the last ones ended.
pub struct Stream {
    /// Away during a call, and for good after a panic.
    decoder: Option<StreamDecoder>,
    metadata: Metadata,
    /// None before the header.
    info: Option<Info>,
    /// Bytes taken.
    offset: u64,
}

impl Stream {
    /// Does `work` with the decoder, which is lost if that panics.
    fn with<T>(&mut self, work: impl FnOnce(&mut StreamDecoder) -> Result<T>) -> Result<T> {
        let Some(mut decoder) = self.decoder.take() else {
            let e = "the stream was lost by a fault of dcodec in an earlier call";
            return Err(Error::Backend(e.into()));
        };
        let result = work(&mut decoder);
        self.decoder = Some(decoder);
        result
    }

    fn push(&mut self, input: &[u8]) -> Result<(usize, Event)> {
        if self.info.is_some_and(|info| info.complete == 1) {
            return Ok((input.len(), Event::End));
        }
        let (used, event) = self.with(|decoder| decoder.push(input))?;
        self.offset += used as u64;
        match &event {
            dcodec::Event::Header(header) => self.info = Some(Info::of(header)),
            dcodec::Event::Part(name, payload) => self.metadata.take(*name, payload),
            _ => {}
        }
        if let Some(info) = &mut self.info {
            info.take(&event, self.offset);
        }
        Ok((used, Event::of(&event)))
    }
}

/// Starts a stream with the settings of a decoder, which may be freed before it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_stream_new(
    decoder: *const Decoder,
    stream: *mut *mut Stream,
) -> Status {
    let made = || {
        // SAFETY: as the header states.
        let decoder = unsafe { given(decoder, "decoder") }?;
        Ok(Stream {
            decoder: Some(decoder.made().stream()),
            metadata: Metadata::default(),
            info: None,
            offset: 0,
        })
    };
    // SAFETY: as the header states.
    guarded(|| unsafe { hand_over(stream, made) })
}

/// Frees a stream. Null is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_stream_free(stream: *mut Stream) {
    // SAFETY: as the header states.
    unsafe { release(stream) };
}

/// Takes bytes from the front of `data` until something is complete, and tells the number of bytes
/// taken and the event. Push the rest until none is left; pieces may have any size. After an error
/// the stream can only be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_stream_push(
    stream: *mut Stream,
    data: *const u8,
    size: usize,
    used: *mut usize,
    event: *mut Event,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        unsafe {
            put(used, 0, "used")?;
            put(event, Event::NeedMore, "event")?;
            let stream = given_mut(stream, "stream")?;
            let (taken, happened) = stream.push(bytes(data, size, "data")?)?;
            put(used, taken, "used")?;
            put(event, happened, "event")
        }
    })
}

/// Tells the contents of the file so far. Before the header that is DCODEC_STATUS_PARAMETER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_stream_info(stream: *const Stream, info: *mut Info) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let own = unsafe { given(stream, "stream") }?.info;
        let own = own.ok_or_else(|| Error::Parameter("the header has not come yet".into()))?;
        // SAFETY: as the header states.
        unsafe { put(info, own, "info") }
    })
}

/// Writes the picture of all bytes so far to a buffer of the caller's, as dcodec_decoder_decode
/// does. It may be called at any time after the header, and the stream goes on. Coverage may be
/// null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_stream_show(
    stream: *mut Stream,
    samples: *mut c_void,
    layout: *const Layout,
    coverage: *mut Coverage,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let (stream, layout) = unsafe { (given_mut(stream, "stream")?, given(layout, "layout")?) };
        stream.with(|decoder| {
            if let Some(header) = decoder.header() {
                // Before the work.
                layout.check_fits(&header.form)?;
            }
            let decoded = decoder.preview()?;
            // SAFETY: as the header states.
            unsafe { show(&decoded, samples, layout, coverage) }
        })
    })
}

/// Points at metadata that has come: a dcodec_metadata_kind. If there is none, the data is null
/// and the size 0. The bytes are the stream's, and valid up to its next call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_stream_metadata(
    stream: *mut Stream,
    kind: u32,
    data: *mut *const u8,
    size: *mut usize,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let stream = unsafe { given_mut(stream, "stream") }?;
        let own = place(&mut stream.metadata, kind)?;
        let (at, n) = match own {
            Some(own) => (own.as_ptr(), own.len()),
            None => (std::ptr::null(), 0),
        };
        // SAFETY: as the header states.
        unsafe {
            put(data, at, "the place of the data")?;
            put(size, n, "the place of the size")
        }
    })
}
