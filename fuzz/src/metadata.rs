//! Metadata of hostile files, on their way to picture files and back.

use std::path::Path;

use arbitrary::{Result, Unstructured};
use dcodec::container::{Header, PartName, PriorId, SigmaCode, Trellis, Writer};
use dcodec::{BitDepth, Metadata};
use dcodec_eval::load::load_picture;
use dcodec_eval::save::{Format, encode_picture};

use crate::file::{MAX_PIXELS, decoder};
use crate::picture::{form, picture};

const PARTS: [PartName; 3] = [PartName::ICC, PartName::EXIF, PartName::XMP];

/// Formats that are written, and then read again.
const FORMATS: [Format; 8] = [
    Format::Png,
    Format::Jpeg,
    Format::WebP,
    Format::Bmp,
    Format::Tiff,
    Format::Pnm,
    Format::Ppm,
    Format::Pgm,
];

/// Metadata of any bytes are decoded, written to each format with the picture, and read again.
pub fn metadata(data: &[u8]) {
    // Bytes that run out are no failure.
    let _ = tried(&mut Unstructured::new(data));
}

fn tried(u: &mut Unstructured) -> Result<()> {
    let found = match u.arbitrary()? {
        true => of_parts(u)?,
        false => as_they_are(u)?,
    };
    let format = *u.choose(&FORMATS)?;
    let picture = picture(u)?;
    let Ok((file, _)) = encode_picture(&picture, &found, format) else {
        let grey = format == Format::Pgm && picture.colour() != dcodec::Colour::Grey;
        assert!(grey, "{format:?} takes every small picture");
        return Ok(());
    };
    let loaded = load_picture(&file, Path::new("fuzz"), MAX_PIXELS);
    let loaded = loaded.expect("what we write we read");
    let turned = found.exif.is_some() || found.xmp.is_some();
    let exact = matches!(format, Format::Png | Format::Tiff) && !turned;
    // A profile may say that grey is shown as colour.
    if exact && picture.colour() == loaded.picture.colour() {
        assert!(loaded.picture == picture, "{format:?}: not the picture");
    }
    let size = |p: &dcodec::Picture| (p.width().min(p.height()), p.width().max(p.height()));
    assert_eq!(size(&loaded.picture), size(&picture));
    Ok(())
}

/// Metadata of a coded file whose parts have any payload.
fn of_parts(u: &mut Unstructured) -> Result<Metadata> {
    let form = dcodec::Form {
        alpha: false,
        depth: BitDepth::Eight,
        ..form(u)?
    };
    let header = Header {
        form,
        prior: PriorId(*b"fuzz"),
        seed: 0,
        trellis: Trellis::Nu12,
        start: SigmaCode::MAX,
        banded: false,
        corrected: false,
    };
    let mut writer = Writer::new(&header);
    for _ in 0..u.int_in_range(0..=4u8)? {
        let name = *u.choose(&PARTS)?;
        let payload: Vec<u8> = u.arbitrary()?;
        writer.part(name, &payload);
    }
    let decoded = decoder(header.prior).decode(&writer.finish());
    Ok(decoded.expect("damaged metadata are absent").metadata)
}

fn as_they_are(u: &mut Unstructured) -> Result<Metadata> {
    let some = |bytes: Option<Vec<u8>>| bytes.filter(|b| !b.is_empty());
    Ok(Metadata {
        icc: some(u.arbitrary()?),
        exif: some(u.arbitrary()?),
        xmp: some(u.arbitrary()?),
    })
}
