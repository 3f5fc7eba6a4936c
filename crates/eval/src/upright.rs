//! Orientation of a picture, from its metadata.

use std::ops::Range;

use dcodec::Metadata;
use image::metadata::Orientation;

/// The mark of a JPEG segment, which some WebP files have before their EXIF.
const MARK: &[u8] = b"Exif\0\0";

/// The turn that makes the pixels upright: of the EXIF, else of the file's own container, else of
/// the XMP. The metadata then say upright.
pub fn take_orientation(metadata: &mut Metadata, container: Option<Orientation>) -> Orientation {
    let exif = metadata.exif.as_mut().and_then(|exif| {
        if exif.starts_with(MARK) {
            exif.drain(..MARK.len());
        }
        Orientation::remove_from_exif_chunk(exif)
    });
    let xmp = metadata.xmp.as_mut().and_then(|xmp| {
        let mut places = xmp_numbers(xmp, b"tiff:Orientation");
        // Other numbers are no orientation.
        places.retain(|place| place.len() == 1);
        let said = places.first().map(|place| xmp[place.start] - b'0');
        places.into_iter().for_each(|place| xmp[place].fill(b'1'));
        said.and_then(Orientation::from_exif)
    });
    let container = container.filter(|&o| o != Orientation::NoTransforms);
    exif.or(container)
        .or(xmp)
        .unwrap_or(Orientation::NoTransforms)
}

/// Writes the size of a turned picture wherever XMP tells the size.
pub fn tell_size(xmp: &mut Vec<u8>, width: u32, height: u32) {
    let names: [(&[u8], u32); 4] = [
        (b"tiff:ImageWidth", width),
        (b"tiff:ImageLength", height),
        (b"exif:PixelXDimension", width),
        (b"exif:PixelYDimension", height),
    ];
    for (name, size) in names {
        for place in xmp_numbers(xmp, name).into_iter().rev() {
            xmp.splice(place, size.to_string().into_bytes());
        }
    }
}

/// The digits of each number called `name` in an XMP packet, an attribute or an element.
fn xmp_numbers(xmp: &[u8], name: &[u8]) -> Vec<Range<usize>> {
    let skip_blanks = |at: usize| {
        let rest = xmp.get(at..).unwrap_or_default().iter();
        at + rest.take_while(|b| b.is_ascii_whitespace()).count()
    };
    let after = |at: usize, these: &[u8]| {
        let at = skip_blanks(at);
        xmp.get(at).filter(|b| these.contains(b)).map(|_| at + 1)
    };
    let digits = |start: usize| {
        let end = start + name.len();
        let value = match after(end, b"=") {
            Some(at) => after(at, b"\"'")?,
            None => after(end, b">")?,
        };
        let start = skip_blanks(value);
        let rest = xmp.get(start..)?.iter();
        let end = start + rest.take_while(|b| b.is_ascii_digit()).count();
        let ends = after(end, b"\"'<").is_some();
        (end > start && ends).then_some(start..end)
    };
    let names = xmp.windows(name.len()).enumerate();
    names
        .filter(|(_, w)| *w == name)
        .filter_map(|(at, _)| digits(at))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF of one entry, the orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        bytes.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    fn taken(exif: Option<Vec<u8>>, xmp: Option<&str>) -> (Orientation, Metadata) {
        let mut metadata = Metadata {
            icc: None,
            exif,
            xmp: xmp.map(|x| x.as_bytes().to_vec()),
        };
        let orientation = take_orientation(&mut metadata, None);
        (orientation, metadata)
    }

    #[test]
    fn the_mark_goes_and_the_turn_is_found() {
        let (orientation, metadata) = taken(Some([MARK, &exif(6)].concat()), None);
        assert_eq!(orientation, Orientation::Rotate90);
        assert_eq!(metadata.exif, Some(exif(1)));
    }

    #[test]
    fn exif_goes_before_xmp() {
        let (orientation, metadata) = taken(Some(exif(3)), Some("<x tiff:Orientation=\"6\"/>"));
        assert_eq!(orientation, Orientation::Rotate180);
        assert_eq!(
            metadata.xmp.as_deref(),
            Some(&b"<x tiff:Orientation=\"1\"/>"[..])
        );
    }

    #[test]
    fn xmp_alone_turns() {
        for (form, upright) in [
            ("tiff:Orientation=\"8\"", "tiff:Orientation=\"1\""),
            ("tiff:Orientation = ' 8 '", "tiff:Orientation = ' 1 '"),
            (
                "<tiff:Orientation>\n8</tiff:Orientation >",
                "<tiff:Orientation>\n1</tiff:Orientation >",
            ),
        ] {
            let (orientation, metadata) = taken(None, Some(form));
            assert_eq!(orientation, Orientation::Rotate270, "{form}");
            assert_eq!(metadata.xmp.as_deref(), Some(upright.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_orientation_stays() {
        for text in [
            "tiff:Orientation",
            "tiff:Orientation=",
            "tiff:Orientation=\"",
            "tiff:Orientation=\"8",
            "tiff:Orientation=\"12\"",
            "tiff:Orientation>x<",
        ] {
            let (orientation, metadata) = taken(Some(b"Exif".to_vec()), Some(text));
            assert_eq!(orientation, Orientation::NoTransforms, "{text}");
            assert_eq!(metadata.xmp.as_deref(), Some(text.as_bytes()));
        }
    }

    #[test]
    fn sizes_are_told() {
        let mut xmp =
            b"<r exif:PixelXDimension=\"4000\" tiff:ImageWidth='x'><exif:PixelYDimension>\
            99</exif:PixelYDimension><tiff:ImageLength>7"
                .to_vec();
        tell_size(&mut xmp, 30, 40_000);
        let wanted = "<r exif:PixelXDimension=\"30\" tiff:ImageWidth='x'><exif:PixelYDimension>\
            40000</exif:PixelYDimension><tiff:ImageLength>7";
        assert_eq!(String::from_utf8(xmp).unwrap(), wanted);
    }
}
