//! Orientation of a picture, from its metadata.

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
        let digits = xmp_digits(xmp);
        let said = digits.first().map(|&at| xmp[at] - b'0');
        digits.into_iter().for_each(|at| xmp[at] = b'1');
        said.and_then(Orientation::from_exif)
    });
    let container = container.filter(|&o| o != Orientation::NoTransforms);
    exif.or(container)
        .or(xmp)
        .unwrap_or(Orientation::NoTransforms)
}

/// Offsets of the digits of `tiff:Orientation` in an XMP packet, an attribute or an element.
fn xmp_digits(xmp: &[u8]) -> Vec<usize> {
    const NAME: &[u8] = b"tiff:Orientation";
    let skip_blanks = |at: usize| {
        let rest = xmp.get(at..).unwrap_or_default().iter();
        at + rest.take_while(|b| b.is_ascii_whitespace()).count()
    };
    let after = |at: usize, these: &[u8]| {
        let at = skip_blanks(at);
        xmp.get(at).filter(|b| these.contains(b)).map(|_| at + 1)
    };
    let digit = |name: usize| {
        let end = name + NAME.len();
        let value = match after(end, b"=") {
            Some(at) => after(at, b"\"'")?,
            None => after(end, b">")?,
        };
        let at = skip_blanks(value);
        let ends = after(at + 1, b"\"'<").is_some();
        (xmp.get(at)?.is_ascii_digit() && ends).then_some(at)
    };
    let names = xmp.windows(NAME.len()).enumerate();
    names
        .filter(|(_, w)| *w == NAME)
        .filter_map(|(at, _)| digit(at))
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
}
