//! The metadata that can be kept, and notes on everything that is not.

use dcodec::container::MAX_METADATA;
use dcodec::{Colour, Metadata};
use image::ImageFormat;

use super::tiff::{self, Page};
use super::{bmp, jpeg, png};
use crate::{colour, exif};

const CREDENTIALS: &str = "the content credentials (C2PA) were left out: they seal the old file";
pub const OBLONG: &str = "the shape of the pixels, which are not square, was left out";

/// Leaves out of the metadata what does not belong to the picture any more, or fits no file, and
/// says so; also what the file has besides them.
pub fn losses(
    metadata: &mut Metadata,
    colour: Colour,
    bytes: &[u8],
    format: ImageFormat,
) -> Vec<String> {
    let mut notes = Vec::new();
    match format {
        ImageFormat::Jpeg => of_jpeg(metadata, bytes, &mut notes),
        ImageFormat::Png => of_png(metadata, colour, bytes, &mut notes),
        ImageFormat::Tiff => of_tiff(metadata, colour, bytes, &mut notes),
        ImageFormat::Bmp => match bmp::profile(bytes) {
            Ok(icc) => metadata.icc = icc,
            Err(reason) => notes.push(format!("{reason}: it was left out")),
        },
        ImageFormat::Gif if has_comment(bytes) => {
            notes.push("the comment of the GIF was left out".into());
        }
        _ => {}
    }
    let says_adobe = metadata.exif.as_deref().is_some_and(exif::says_adobe_rgb);
    if metadata.icc.is_none() && colour == Colour::Rgb && says_adobe {
        metadata.icc = colour::of_gamma(Some(colour::ADOBE_GAMMA), colour::ADOBE, colour);
        notes.push("the colour profile is that of Adobe RGB, which the EXIF names".into());
    }
    let inks = match format {
        ImageFormat::Jpeg => jpeg::is_cmyk(bytes),
        ImageFormat::Tiff => Page::open(bytes).is_ok_and(|page| page.is_cmyk()),
        _ => false,
    };
    if inks {
        notes.push(
            "inks (CMYK) were turned into RGB without their profile: colours are approximate"
                .into(),
        );
    }
    fit_profile(metadata, colour, &mut notes);
    if metadata
        .icc
        .take_if(|icc| colour::is_srgb(icc, colour))
        .is_some()
    {
        notes.push("the colour profile says sRGB, as no profile does: it was left out".into());
    }
    for (place, kind) in [
        (&mut metadata.icc, "colour profile"),
        (&mut metadata.exif, "EXIF"),
        (&mut metadata.xmp, "XMP"),
    ] {
        let bytes = place.as_ref().map_or(0, Vec::len) as u64;
        if bytes >= MAX_METADATA {
            *place = None;
            notes.push(format!(
                "the {kind} of {bytes} bytes was left out: the format holds less than {MAX_METADATA}"
            ));
        }
    }
    notes
}

/// A profile for grey samples or for RGB ones, as the picture has them.
fn fit_profile(metadata: &mut Metadata, colour: Colour, notes: &mut Vec<String>) {
    if let Some(fault) = metadata.icc.as_deref().and_then(colour::fault) {
        metadata.icc = None;
        notes.push(format!("the colour profile {fault}: it was left out"));
    }
    let Some(icc) = metadata.icc.take_if(|icc| !colour::fits(icc, colour)) else {
        return;
    };
    let (kind, other) = match colour {
        Colour::Grey => ("grey", "RGB"),
        Colour::Rgb => ("colours", "grey"),
    };
    if !matches!(colour::space(&icc), Some(b"RGB " | b"GRAY")) {
        notes.push("the colour profile is of neither RGB nor grey: it was left out".into());
        return;
    }
    // Which colours a profile for grey means nobody knows.
    metadata.icc = match colour {
        Colour::Grey => colour::converted(&icc, colour),
        Colour::Rgb => None,
    };
    notes.push(match metadata.icc {
        Some(_) => {
            format!("the colour profile is for {other}: its curve was kept, as one for {kind}")
        }
        None => {
            format!("the colour profile is for {other}, the picture of {kind}: it was left out")
        }
    });
}

fn of_jpeg(metadata: &mut Metadata, bytes: &[u8], notes: &mut Vec<String>) {
    notes.push(
        "the JPEG is decoded and its pixels are coded: the original file cannot be restored bit by bit".into(),
    );
    let unread = jpeg::unread(bytes);
    if unread.gain_map {
        notes.push("the gain map was left out: the picture is the one for usual displays".into());
    } else if unread.pictures {
        notes.push("only the first picture of the JPEG is coded: it has more".into());
    } else if unread.trailing > 0 {
        let n = unread.trailing;
        notes.push(format!("{n} bytes after the end of the JPEG were left out"));
    }
    let more = unread.gain_map || unread.pictures || unread.trailing > 0;
    // It promises what is not there any more.
    if more && metadata.xmp.take_if(|xmp| jpeg::tells_more(xmp)).is_some() {
        notes.push("the XMP is about what was left out: it was left out too".into());
    }
    for (left, what) in [
        (unread.iptc, "the IPTC of the JPEG was left out"),
        (
            unread.photoshop,
            "the resources of Photoshop in the JPEG were left out",
        ),
        (unread.comment, "the comment of the JPEG was left out"),
        (
            unread.extended_xmp,
            "the extended part of the XMP was left out",
        ),
        (unread.credentials, CREDENTIALS),
        (unread.oblong, OBLONG),
        (
            unread.profile && metadata.icc.is_none(),
            "the colour profile of the JPEG is damaged or too long: it was left out",
        ),
    ] {
        if left {
            notes.push(what.into());
        }
    }
}

fn of_png(metadata: &mut Metadata, colour: Colour, bytes: &[u8], notes: &mut Vec<String>) {
    let Metadata { icc, exif, xmp } = &*metadata;
    for (kind, lost) in [
        ("colour profile", icc.is_none() && png::has_profile(bytes)),
        ("EXIF", exif.is_none() && png::has(bytes, png::Kind::Exif)),
        ("XMP", xmp.is_none() && png::has(bytes, png::Kind::Xmp)),
        (
            "EXIF or XMP",
            exif.is_none() && xmp.is_none() && png::has_either(bytes),
        ),
    ] {
        if lost {
            notes.push(format!(
                "the {kind} of the PNG is damaged or too long: it was left out"
            ));
        }
    }
    // A profile that is of no use is none.
    fit_profile(metadata, colour, notes);
    let (space, lost) = png::space(bytes, metadata.icc.is_some(), colour);
    if lost {
        notes.push(
            "the colour space of cICP of the PNG has no profile here: it was left out".into(),
        );
    }
    if let png::Space::Made(chunks, icc) = space {
        metadata.icc = Some(icc);
        notes.push(format!(
            "the colour profile was made from {chunks} of the PNG"
        ));
    }
    if png::has_light_levels(bytes) {
        notes.push("the light levels of the PNG (mDCV, cLLI) were left out".into());
    }
    for (left, what) in [
        (png::has_credentials(bytes), CREDENTIALS),
        (png::has_oblong_pixels(bytes), OBLONG),
    ] {
        if left {
            notes.push(what.into());
        }
    }
    let texts = png::texts(bytes);
    if !texts.is_empty() {
        notes.push(format!(
            "text of the PNG was left out: {}",
            texts.join(", ")
        ));
    }
}

fn of_tiff(metadata: &mut Metadata, colour: Colour, bytes: &[u8], notes: &mut Vec<String>) {
    let Ok(page) = Page::open(bytes) else {
        return;
    };
    if let (None, Some(primaries)) = (&metadata.icc, page.primaries()) {
        metadata.icc = colour::of_gamma(None, primaries, colour);
        if metadata.icc.is_some() {
            notes.push("the colour profile was made from the primaries of the TIFF".into());
        }
    }
    if page.others > 0 {
        notes.push("only the first page of the TIFF is coded: it has more".into());
    }
    if page.premultiplied {
        notes.push("colours were stored times alpha (associated): they were divided by it".into());
    }
    if page.unknown {
        notes.push("further samples of unknown meaning in each pixel were left out".into());
    }
    notes.extend(tiff::unread(&page).into_iter().map(String::from));
}

/// True if a GIF has a comment extension, looked for between its blocks.
fn has_comment(bytes: &[u8]) -> bool {
    let table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let mut at = 13 + bytes.get(10).map_or(0, |&flags| table(flags));
    loop {
        match bytes.get(at..at + 2) {
            Some([0x21, 0xfe]) => return true,
            Some([0x21, _]) => at += 2,
            Some([0x2c, _]) => {
                let flags = bytes.get(at + 9).copied().unwrap_or(0);
                at += 11 + table(flags);
            }
            _ => return false,
        }
        while let Some(&length) = bytes.get(at).filter(|&&length| length > 0) {
            at += 1 + usize::from(length);
        }
        at += 1;
    }
}
