//! The functions as C calls them, and the Rust library beside them.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{null, null_mut};

use dcodec::{Colour, Metadata, Picture};

use crate::decoder::*;
use crate::encoder::*;
use crate::info::*;
use crate::layout::*;
use crate::memory::*;
use crate::prior::*;
use crate::progress::*;
use crate::status::*;
use crate::stream::*;
use crate::version::*;

/// A layout without gaps.
fn layout(width: u32, height: u32, channels: u32, depth: u32) -> Layout {
    Layout {
        width,
        height,
        channels,
        depth,
        stride: 0,
    }
}

/// Samples of a smooth picture.
fn samples(layout: &Layout) -> Vec<u8> {
    let n = unsafe { dcodec_layout_bytes(layout) };
    (0..n).map(|i| (i * 7 / 5 % 251) as u8).collect()
}

fn message() -> String {
    let text = unsafe { CStr::from_ptr(dcodec_message()) };
    text.to_str().unwrap().to_owned()
}

/// A handle that `make` makes.
fn handle<T>(make: impl FnOnce(*mut *mut T) -> Status) -> *mut T {
    let mut handle = null_mut();
    assert_eq!(make(&mut handle), Status::Ok, "{}", message());
    handle
}

fn encoder() -> *mut Encoder {
    handle(|at| unsafe { dcodec_encoder_new(at) })
}

fn decoder() -> *mut Decoder {
    handle(|at| unsafe { dcodec_decoder_new(at) })
}

/// The file of an encoder, which is freed.
fn encoded(encoder: *mut Encoder, samples: &[u8], layout: &Layout) -> Vec<u8> {
    let (mut data, mut size) = (null_mut(), 0);
    unsafe {
        let status = dcodec_encoder_encode(
            encoder,
            samples.as_ptr().cast(),
            layout,
            &mut data,
            &mut size,
        );
        assert_eq!(status, Status::Ok, "{}", message());
        let file = std::slice::from_raw_parts(data, size).to_vec();
        dcodec_bytes_free(data, size);
        dcodec_encoder_free(encoder);
        file
    }
}

/// Picture of a file in a buffer of a layout, whose bytes were all 99 before.
fn decoded(decoder: *const Decoder, file: &[u8], layout: &Layout) -> Vec<u8> {
    let mut to = vec![99; unsafe { dcodec_layout_bytes(layout) }];
    let at = to.as_mut_ptr().cast();
    let status = unsafe {
        dcodec_decoder_decode(decoder, file.as_ptr(), file.len(), at, layout, null_mut())
    };
    assert_eq!(status, Status::Ok, "{}", message());
    to
}

fn info(file: &[u8]) -> Info {
    let mut info = std::mem::MaybeUninit::uninit();
    let status = unsafe { dcodec_info_read(file.as_ptr(), file.len(), info.as_mut_ptr()) };
    assert_eq!(status, Status::Ok, "{}", message());
    unsafe { info.assume_init() }
}

#[test]
fn the_version_is_that_of_the_shared_library() {
    assert_eq!(dcodec_abi_version(), DCODEC_ABI_VERSION);
    assert_eq!(env!("DCODEC_SONAME_ABI"), DCODEC_ABI_VERSION.to_string());
    let version = unsafe { CStr::from_ptr(dcodec_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}

#[test]
fn files_are_those_of_the_rust_library() {
    let layout = layout(40, 24, 3, 8);
    let own = samples(&layout);
    let picture = Picture::new(40, 24, Colour::Rgb, own.clone(), None).unwrap();
    let prior = dcodec::Prior::shipped().unwrap();
    let wanted = dcodec::Encoder::new(&prior).target(dcodec::Target::Bpp(1.5));
    let wanted = wanted.encode(&picture).unwrap().bytes;
    let encoder = encoder();
    assert_eq!(unsafe { dcodec_encoder_set_bpp(encoder, 1.5) }, Status::Ok);
    let file = encoded(encoder, &own, &layout);
    assert_eq!(file, wanted);
    let decoder = decoder();
    let shown = decoded(decoder, &file, &layout);
    let wanted = dcodec::decode(&file).unwrap();
    assert_eq!(Some(&shown[..]), wanted.picture.samples().as_eight());
    unsafe { dcodec_decoder_free(decoder) };
    let info = info(&file);
    let complete = wanted.coverage.complete.into();
    assert_eq!(
        (info.layout, info.complete, info.exact),
        (layout, complete, 0)
    );
    assert_eq!(info.file_bytes, file.len() as u64);
    assert_eq!(info.layers, wanted.coverage.layers);
    assert_eq!(info.prior, prior.id().0);
}

#[test]
fn lossless_pictures_of_every_layout_come_back() {
    for (channels, depth) in [
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 8),
        (1, 16),
        (2, 16),
        (3, 16),
        (4, 16),
    ] {
        let tight = layout(19, 17, channels, depth);
        let own = samples(&tight);
        let row = own.len() / 17;
        // With gaps, whose bytes count for nothing.
        let gappy = Layout {
            stride: row + 5,
            ..tight
        };
        let mut spread = vec![3; 17 * (row + 5) - 5];
        for (to, from) in spread.chunks_mut(row + 5).zip(own.chunks(row)) {
            to[..row].copy_from_slice(from);
        }
        let encoder = encoder();
        assert_eq!(unsafe { dcodec_encoder_set_lossless(encoder) }, Status::Ok);
        let file = encoded(encoder, &spread, &gappy);
        let info = info(&file);
        assert_eq!((info.layout, info.exact), (tight, 1));
        let decoder = decoder();
        assert_eq!(
            decoded(decoder, &file, &tight),
            own,
            "{channels} channels of {depth} bits"
        );
        let shown = decoded(decoder, &file, &gappy);
        for (y, (shown, own)) in shown.chunks(row + 5).zip(own.chunks(row)).enumerate() {
            assert_eq!(&shown[..row], own);
            assert!(shown[row..].iter().all(|&gap| gap == 99), "row {y}");
        }
        unsafe { dcodec_decoder_free(decoder) };
    }
}

#[test]
fn buffers_may_be_richer_than_the_picture() {
    let grey = layout(18, 16, 1, 8);
    let own = samples(&grey);
    let encoder_of = || {
        let encoder = encoder();
        assert_eq!(unsafe { dcodec_encoder_set_lossless(encoder) }, Status::Ok);
        encoder
    };
    let file = encoded(encoder_of(), &own, &grey);
    let decoder = decoder();
    let shown = decoded(decoder, &file, &layout(18, 16, 4, 16));
    let wanted: Vec<u8> = own
        .iter()
        .flat_map(|&v| {
            [
                u16::from(v) * 257,
                u16::from(v) * 257,
                u16::from(v) * 257,
                u16::MAX,
            ]
        })
        .flat_map(u16::to_ne_bytes)
        .collect();
    assert_eq!(shown, wanted);
    // From 16 bits to 8, and alpha left out.
    let deep = layout(16, 16, 4, 16);
    let own = samples(&deep);
    let file = encoded(encoder_of(), &own, &deep);
    let shown = decoded(decoder, &file, &layout(16, 16, 3, 8));
    let wanted = own.chunks(8).flat_map(|pixel| {
        let samples = pixel[..6]
            .chunks(2)
            .map(|v| u16::from_ne_bytes([v[0], v[1]]));
        samples.map(|v| ((u32::from(v) + 128) / 257) as u8)
    });
    assert_eq!(shown, wanted.collect::<Vec<u8>>());
    // Colours do not fit into one channel, and the size must be right.
    for wrong in [
        layout(16, 16, 1, 8),
        layout(16, 17, 3, 8),
        layout(16, 16, 5, 8),
    ] {
        let mut to = vec![0u8; 4096];
        let (at, n) = (file.as_ptr(), file.len());
        let to = to.as_mut_ptr().cast();
        let status = unsafe { dcodec_decoder_decode(decoder, at, n, to, &wrong, null_mut()) };
        assert_eq!(status, Status::Parameter, "{wrong:?}");
    }
    unsafe { dcodec_decoder_free(decoder) };
}

#[test]
fn streams_show_the_picture_of_every_prefix() {
    let layout = layout(48, 40, 3, 8);
    let own = samples(&layout);
    let encoder = encoder();
    let profile = b"a profile".repeat(9);
    let (at, n) = (profile.as_ptr(), profile.len());
    let kind = MetadataKind::Icc as u32;
    assert_eq!(
        unsafe { dcodec_encoder_set_metadata(encoder, kind, at, n) },
        Status::Ok
    );
    let file = encoded(encoder, &own, &layout);
    let decoder = decoder();
    let stream = handle(|at| unsafe { dcodec_stream_new(decoder, at) });
    let (mut ends, mut shown) = (0, 0);
    let mut to = vec![0u8; own.len()];
    for (i, mut piece) in file.chunks(50).enumerate() {
        while !piece.is_empty() {
            let (mut used, mut event) = (0, Event::End);
            let (at, n) = (piece.as_ptr(), piece.len());
            let status = unsafe { dcodec_stream_push(stream, at, n, &mut used, &mut event) };
            assert_eq!(status, Status::Ok, "{}", message());
            piece = &piece[used..];
            ends += usize::from(event == Event::End);
        }
        if i % 4 != 0 {
            continue;
        }
        let mut coverage = std::mem::MaybeUninit::uninit();
        let (at, cover) = (to.as_mut_ptr().cast(), coverage.as_mut_ptr());
        let status = unsafe { dcodec_stream_show(stream, at, &layout, cover) };
        assert_eq!(status, Status::Ok, "{}", message());
        let prefix = &file[..file.len().min(50 * (i + 1))];
        assert_eq!(to, decoded(decoder, prefix, &layout));
        assert_eq!(unsafe { coverage.assume_init() }.bytes, prefix.len() as u64);
        shown += 1;
    }
    assert!(ends == 1 && shown > 2, "{ends} ends, {shown} pictures");
    let (mut at, mut n) = (null(), 0);
    assert_eq!(
        unsafe { dcodec_stream_metadata(stream, kind, &mut at, &mut n) },
        Status::Ok
    );
    assert_eq!(unsafe { std::slice::from_raw_parts(at, n) }, profile);
    let (mut read, mut n) = (null_mut(), 0);
    let (data, size) = (file.as_ptr(), file.len());
    unsafe {
        assert_eq!(
            dcodec_metadata_read(data, size, kind, &mut read, &mut n),
            Status::Ok
        );
        assert_eq!(std::slice::from_raw_parts(read, n), profile);
        dcodec_bytes_free(read, n);
        let exif = MetadataKind::Exif as u32;
        assert_eq!(
            dcodec_metadata_read(data, size, exif, &mut read, &mut n),
            Status::Ok
        );
        assert!(read.is_null() && n == 0);
        assert_eq!(
            dcodec_metadata_read(data, size, 3, &mut read, &mut n),
            Status::Parameter
        );
        dcodec_stream_free(stream);
        dcodec_decoder_free(decoder);
    }
    let decoded = dcodec::decode(&file).unwrap();
    let wanted = Metadata {
        icc: Some(profile),
        ..Metadata::default()
    };
    assert_eq!(decoded.metadata, wanted);
}

#[test]
fn thumbnails_are_those_of_the_rust_library() {
    let whole = layout(96, 64, 4, 8);
    let file = encoded(encoder(), &samples(&whole), &whole);
    let info = info(&file);
    let mut small = whole;
    assert_eq!(
        unsafe { dcodec_thumbnail_layout(&info, 20, &mut small) },
        Status::Ok
    );
    assert_eq!(small, layout(20, 13, 4, 8));
    let mut to = vec![0u8; unsafe { dcodec_layout_bytes(&small) }];
    let decoder = decoder();
    let (at, n, room) = (file.as_ptr(), file.len(), to.as_mut_ptr().cast());
    let status = unsafe { dcodec_decoder_thumbnail(decoder, at, n, 20, room, &small, null_mut()) };
    assert_eq!(status, Status::Ok, "{}", message());
    let wanted = dcodec::Decoder::default()
        .thumbnail(&file, 20)
        .unwrap()
        .picture;
    let alpha = wanted.alpha().unwrap().as_eight().unwrap();
    let pixels = wanted.samples().as_eight().unwrap().chunks(3).zip(alpha);
    let wanted: Vec<u8> = pixels.flat_map(|(c, &a)| [c[0], c[1], c[2], a]).collect();
    assert_eq!(to, wanted);
    unsafe {
        assert_eq!(
            dcodec_thumbnail_layout(&info, 0, &mut small),
            Status::Parameter
        );
        let status = dcodec_decoder_thumbnail(decoder, at, n, 30, room, &small, null_mut());
        assert_eq!(status, Status::Parameter);
        dcodec_decoder_free(decoder);
    }
}

/// Counts its calls in `user`, and stops at the second.
unsafe extern "C" fn twice(progress: *const Progress, user: *mut c_void) -> c_int {
    let (progress, calls) = unsafe { (&*progress, &mut *user.cast::<u32>()) };
    *calls += 1;
    assert_eq!(progress.layers, *calls);
    c_int::from(*calls == 2)
}

#[test]
fn work_reports_and_stops() {
    let layout = layout(48, 40, 3, 8);
    let own = samples(&layout);
    let file = encoded(encoder(), &own, &layout);
    let (mut calls, mut data, mut size) = (0u32, null_mut(), 1);
    let user = (&raw mut calls).cast::<c_void>();
    unsafe {
        let encoder = encoder();
        assert_eq!(
            dcodec_encoder_set_progress(encoder, Some(twice), user),
            Status::Ok
        );
        let at = own.as_ptr().cast();
        let status = dcodec_encoder_encode(encoder, at, &layout, &mut data, &mut size);
        assert_eq!((status, calls, size), (Status::Cancelled, 2, 0));
        assert!(data.is_null());
        dcodec_encoder_free(encoder);
        calls = 0;
        let decoder = decoder();
        assert_eq!(
            dcodec_decoder_set_progress(decoder, Some(twice), user),
            Status::Ok
        );
        let mut to = own.clone();
        let (at, n, room) = (file.as_ptr(), file.len(), to.as_mut_ptr().cast());
        let status = dcodec_decoder_decode(decoder, at, n, room, &layout, null_mut());
        assert_eq!((status, calls), (Status::Cancelled, 2));
        assert_eq!(to, own);
        dcodec_decoder_free(decoder);
    }
}

#[test]
fn errors_have_codes_and_texts() {
    let layout = layout(40, 24, 3, 8);
    let own = samples(&layout);
    let file = encoded(encoder(), &own, &layout);
    let mut to = own.clone();
    let room: *mut c_void = to.as_mut_ptr().cast();
    let show = |decoder, file: &[u8]| {
        let (at, n) = (file.as_ptr(), file.len());
        unsafe { dcodec_decoder_decode(decoder, at, n, room, &layout, null_mut()) }
    };
    unsafe {
        let decoder = decoder();
        assert_eq!(show(decoder, b"no file of this kind"), Status::Format);
        assert!(message().contains("clause"), "{}", message());
        assert_eq!(show(decoder, &file[..6]), Status::Format);
        assert_eq!(show(decoder, &[]), Status::Format);
        assert_eq!(show(null(), &file), Status::Parameter);
        assert_eq!(message(), "decoder is null");
        dcodec_decoder_set_max_pixels(decoder, 100);
        assert_eq!(show(decoder, &file), Status::Limits);
        dcodec_decoder_set_max_pixels(decoder, 1 << 20);
        dcodec_decoder_set_max_memory(decoder, 1000);
        assert_eq!(show(decoder, &file), Status::Limits);
        dcodec_decoder_set_max_memory(decoder, u64::MAX);
        dcodec_decoder_set_max_layers(decoder, 1);
        assert_eq!(show(decoder, &file), Status::Limits);
        dcodec_decoder_set_max_layers(decoder, 128);
        let xs = handle(|at| dcodec_prior_named(c"xs".as_ptr(), at));
        dcodec_decoder_set_prior(decoder, xs);
        dcodec_prior_free(xs);
        assert_eq!(show(decoder, &file), Status::WrongPrior);
        dcodec_decoder_set_prior(decoder, null());
        assert_eq!(dcodec_decoder_set_display(decoder, 7), Status::Parameter);
        assert_eq!(
            dcodec_decoder_set_display(decoder, Display::Plain as u32),
            Status::Ok
        );
        assert_eq!(show(decoder, &file), Status::Ok);
        let vivid = Display::Vivid as u32;
        assert_eq!(dcodec_decoder_set_display(decoder, vivid), Status::Ok);
        assert_eq!(show(decoder, &file), Status::Ok);
        dcodec_decoder_free(decoder);
        let mut none = std::ptr::dangling_mut();
        assert_eq!(
            dcodec_prior_named(c"m".as_ptr(), &mut none),
            Status::Parameter
        );
        assert!(none.is_null() && message().contains('m'));
        assert_eq!(dcodec_prior_named(null(), &mut none), Status::Parameter);
        assert_eq!(
            dcodec_prior_from_bytes(file.as_ptr(), 9, &mut none),
            Status::Backend
        );
        let (mut data, mut size) = (null_mut(), 0);
        let mut refused = |encoder, samples: *const c_void| {
            dcodec_encoder_encode(encoder, samples, &layout, &mut data, &mut size)
        };
        let encoder = encoder();
        assert_eq!(refused(encoder, null()), Status::Parameter);
        assert_eq!(dcodec_encoder_set_effort(encoder, 6), Status::Parameter);
        assert_eq!(dcodec_encoder_set_effort(encoder, 257), Status::Parameter);
        assert_eq!(dcodec_encoder_set_tune(encoder, 4), Status::Parameter);
        assert_eq!(dcodec_encoder_set_tune(encoder, 2), Status::Ok);
        dcodec_encoder_set_bpp(encoder, f64::NAN);
        assert_eq!(refused(encoder, own.as_ptr().cast()), Status::Parameter);
        dcodec_encoder_set_bytes(encoder, 3);
        assert_eq!(refused(encoder, own.as_ptr().cast()), Status::Parameter);
        dcodec_encoder_set_quality(encoder, 30.0);
        dcodec_encoder_set_max_memory(encoder, 1000);
        assert_eq!(refused(encoder, own.as_ptr().cast()), Status::Limits);
        dcodec_encoder_free(encoder);
        assert_eq!(dcodec_encoder_set_psnr(null_mut(), 30.0), Status::Parameter);
        assert_eq!(dcodec_encoder_new(null_mut()), Status::Parameter);
    }
}

#[test]
fn panics_stay_inside() {
    let status = crate::guard::guarded(|| panic!("on purpose: {}", 7));
    assert_eq!(status, Status::Internal);
    assert_eq!(message(), "a fault of dcodec: on purpose: 7");
}

#[test]
fn null_is_freed() {
    unsafe {
        dcodec_encoder_free(null_mut());
        dcodec_decoder_free(null_mut());
        dcodec_stream_free(null_mut());
        dcodec_prior_free(null_mut());
        dcodec_bytes_free(null_mut(), 5);
    }
}
