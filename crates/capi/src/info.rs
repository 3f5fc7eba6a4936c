//! The contents of a file, which are known without the network.

use dcodec::container::{Event, Header, Parser, PartName};
use dcodec::{Error, Metadata, Result};

use crate::guard::{bytes, given, guarded, put};
use crate::layout::Layout;
use crate::memory::{clear, give};
use crate::status::Status;

/// The contents of a file, as far as its bytes have come.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The picture as the file has it, without gaps: a buffer to decode to.
    pub layout: Layout,
    /// Bytes of the header. Fewer are no picture.
    pub header_bytes: u64,
    /// Bytes of the file up to its end marker, or all if that has not come.
    pub file_bytes: u64,
    /// Whole layers.
    pub layers: u32,
    /// 1 if the end marker has come, 0 if the bytes are a prefix.
    pub complete: u32,
    /// 1 if the exact samples of the picture have come.
    pub exact: u32,
    /// Identity of the prior that the file needs.
    pub prior: [u8; 4],
}

impl Info {
    /// The contents of a file of which only the header is known.
    pub fn of(header: &Header) -> Self {
        Info {
            layout: Layout::of(&header.form),
            header_bytes: header.file_bytes() as u64,
            file_bytes: header.file_bytes() as u64,
            layers: 0,
            complete: 0,
            exact: 0,
            prior: header.prior.0,
        }
    }

    /// Takes an event over that ends at the byte `offset` of the file.
    pub fn take(&mut self, event: &Event, offset: u64) {
        self.file_bytes = self.file_bytes.max(offset);
        match event {
            Event::Layer(..) => self.layers += 1,
            Event::Part(PartName::EXACT, _) => self.exact = 1,
            Event::End => self.complete = 1,
            _ => {}
        }
    }
}

/// Kind of metadata.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataKind {
    /// The ICC profile that the samples are meant in. Without one they are sRGB.
    Icc = 0,
    /// EXIF, from its byte order mark on.
    Exif = 1,
    /// The XMP packet.
    Xmp = 2,
}

/// The place of a kind of metadata, by its number.
///
/// # Errors
/// [`Error::Parameter`] for other numbers.
pub fn place(metadata: &mut Metadata, kind: u32) -> Result<&mut Option<Vec<u8>>> {
    const ICC: u32 = MetadataKind::Icc as u32;
    const EXIF: u32 = MetadataKind::Exif as u32;
    const XMP: u32 = MetadataKind::Xmp as u32;
    match kind {
        ICC => Ok(&mut metadata.icc),
        EXIF => Ok(&mut metadata.exif),
        XMP => Ok(&mut metadata.xmp),
        n => Err(Error::Parameter(format!(
            "no kind of metadata has the number {n}"
        ))),
    }
}

/// Parses a file or a prefix of one, and calls `each` for all that is whole.
///
/// # Errors
/// Those of [`Parser::push`]; [`Error::Format`] if the header is not whole.
fn parse(data: &[u8], mut each: impl FnMut(&Event, u64)) -> Result<Info> {
    let mut parser = Parser::new(u64::MAX);
    let mut rest = data;
    let mut info: Option<Info> = None;
    loop {
        let (used, event) = parser.push(rest)?;
        rest = &rest[used..];
        if let Event::Header(header) = &event {
            info = Some(Info::of(header));
        }
        let offset = (data.len() - rest.len()) as u64;
        if let Some(info) = &mut info {
            info.take(&event, offset);
        }
        each(&event, offset);
        if matches!(event, Event::NeedMore | Event::End) {
            return info.ok_or_else(|| parser.incomplete().into());
        }
    }
}

/// Reads the contents of a file or of a prefix of one. The network takes no part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_info_read(data: *const u8, size: usize, info: *mut Info) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        let data = unsafe { bytes(data, size, "data") }?;
        let read = parse(data, |_, _| {})?;
        // SAFETY: as the header states.
        unsafe { put(info, read, "info") }
    })
}

/// Reads metadata of a file: a dcodec_metadata_kind. If there is none, or it has not come, the
/// data is null and the size 0. Free it by dcodec_bytes_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_metadata_read(
    data: *const u8,
    size: usize,
    kind: u32,
    metadata: *mut *mut u8,
    metadata_size: *mut usize,
) -> Status {
    guarded(|| {
        // SAFETY: as the header states.
        unsafe { clear(metadata, metadata_size) }?;
        // SAFETY: as the header states.
        let data = unsafe { bytes(data, size, "data") }?;
        let mut found = Metadata::default();
        place(&mut found, kind)?;
        parse(data, |event, _| {
            if let Event::Part(name, payload) = event {
                found.take(*name, payload);
            }
        })?;
        match place(&mut found, kind)?.take() {
            // SAFETY: as the header states.
            Some(bytes) => unsafe { give(bytes, metadata, metadata_size) },
            None => Ok(()),
        }
    })
}

/// The layout of a thumbnail of at most `longest` pixels along the longer side, without gaps, for
/// dcodec_decoder_thumbnail. A picture that is no larger keeps its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcodec_thumbnail_layout(
    info: *const Info,
    longest: u32,
    layout: *mut Layout,
) -> Status {
    guarded(|| {
        if longest == 0 {
            return Err(Error::Parameter("a picture has a pixel at least".into()));
        }
        // SAFETY: as the header states.
        let own = unsafe { given(info, "info") }?.layout;
        let (width, height) = own.fitted(longest)?;
        let fitted = Layout {
            width,
            height,
            stride: 0,
            ..own
        };
        // SAFETY: as the header states.
        unsafe { put(layout, fitted, "layout") }
    })
}
