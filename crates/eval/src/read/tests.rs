use std::cell::Cell;
use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use image::{DynamicImage, ImageBuffer, Luma, Rgb};

use super::*;

/// A file of `bytes`, followed by a hole up to `size` bytes.
fn file(folder: &Path, name: &str, bytes: &[u8], size: u64) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(size.max(bytes.len() as u64)).unwrap();
    path
}

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let image = ImageBuffer::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    read_picture(path, limits, |_| Ok(()))
}

const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
    ImageFormat::Gif,
];

/// More than any test may read.
const HUGE: u64 = 40 << 30;

#[test]
fn what_is_no_picture_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("zeros", &b""[..]),
        ("text", b"just text"),
        ("coded", &dcodec::container::SIGNATURE),
    ] {
        let path = file(folder.path(), name, bytes, HUGE);
        let refused = read(&path, &Limits::pixels(1000));
        assert!(
            matches!(refused, Err(Error::Picture { .. } | Error::Coded { .. })),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn no_more_is_read_than_the_picture_needs() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let bytes = picture(format, 40, 30);
        let path = file(folder.path(), "short", &bytes, 0);
        let seen = Cell::new(None);
        let whole = read_picture(&path, &Limits::pixels(1200), |form| {
            seen.set(Some((form.width, form.height)));
            Ok::<_, Error>(())
        });
        assert_eq!(
            (whole.unwrap(), seen.get()),
            (bytes.clone(), Some((40, 30)))
        );
        // The hole after it is of no use, and a TIFF of that length is refused.
        let path = file(folder.path(), "long", &bytes, HUGE);
        match read(&path, &Limits::pixels(1200)) {
            Ok(read) => assert!(
                read.starts_with(&bytes) && read.len() < 40 << 20,
                "{format:?}"
            ),
            Err(e) => assert!(format == ImageFormat::Tiff, "{format:?}: {e}"),
        }
        let few = read(&path, &Limits::pixels(1199));
        assert!(matches!(few, Err(Error::TooLarge { .. })), "{format:?}");
        // Nor is it read where it is to be refused.
        let refuse = |_| Err(Error::Nothing("refused"));
        let refused = read_picture(&path, &Limits::pixels(1200), refuse);
        assert!(matches!(refused, Err(Error::Nothing(_))), "{format:?}");
    }
}

/// The size that is told before the work is the size of the picture.
#[test]
fn of_two_sizes_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut tiff = picture(ImageFormat::Tiff, 40, 30);
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes([tiff[directory], tiff[directory + 1]]));
    // The unit of the resolution becomes a second width.
    let mut entries = (0..count).map(|i| directory + 2 + 12 * i);
    let unit = entries.find(|&at| tiff[at..at + 2] == [0x28, 1]).unwrap();
    tiff[unit..unit + 12].copy_from_slice(&[0, 1, 3, 0, 1, 0, 0, 0, 5, 0, 0, 0]);
    let path = file(folder.path(), "two.tif", &tiff, 0);
    let told = Cell::new(None);
    let read = read_picture(&path, &Limits::pixels(1200), |form| {
        told.set(Some((form.width, form.height)));
        Ok::<_, Error>(())
    });
    assert_eq!(told.get(), Some((5, 30)));
    let loaded = load::load_picture(&read.unwrap(), &path, 1200).unwrap();
    assert_eq!((loaded.picture.width(), loaded.picture.height()), (5, 30));
}

/// More than the longest XMP that a coded file holds, before the pixels.
#[test]
fn long_metadata_may_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let png = picture(ImageFormat::Png, 40, 30);
    let text = [&b"iTXtXML:com.adobe.xmp\0\0\0\0\0"[..], &[b' '; 17 << 20]].concat();
    let length = (text.len() - 4) as u32;
    let check = crc32fast::hash(&text).to_be_bytes();
    let long = [&png[..33], &length.to_be_bytes(), &text, &check, &png[33..]].concat();
    let path = file(folder.path(), "long.png", &long, 0);
    let read = read(&path, &Limits::pixels(1200)).unwrap();
    assert!(read == long);
    let loaded = load::load_picture(&read, &path, 1200).unwrap();
    assert!(loaded.metadata.xmp.is_none());
    assert!(
        loaded
            .notes
            .iter()
            .any(|n| n.contains("XMP of 17825792 bytes was left out"))
    );
}

/// Four bytes for each sample, and more than all else that a file has.
#[test]
fn samples_in_text_are_read_to_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let text = [&b"P2 4000 4000 255\n"[..], &b"129\n".repeat(4000 * 4000)].concat();
    let path = file(folder.path(), "long.pgm", &text, 0);
    let read = read(&path, &Limits::pixels(1 << 24)).unwrap();
    assert!(read == text);
    assert!(load::load_picture(&read, &path, 1 << 24).is_ok());
}

/// A file of gigabytes whose first sample is no number.
#[test]
fn long_text_is_tried_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "long.ppm", b"P3 9000 9000 255\n", HUGE);
    let mut tried = PictureFile::open(&path).unwrap();
    let limits = Limits::pixels(1 << 40);
    let form = tried.form(ImageFormat::Pnm, &limits).unwrap().unwrap();
    let refused = tried.reach_of_picture(form, ImageFormat::Pnm, &limits);
    assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
}

#[test]
fn broken_heads_are_read_in_part() {
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let bytes = picture(format, 40, 30);
        let path = file(folder.path(), "long", &bytes[..14], HUGE);
        let read = read(&path, &Limits::pixels(1 << 40));
        let few = |bytes: &Vec<u8>| bytes.len() as u64 <= 64 << 20;
        assert!(
            read.as_ref().is_ok_and(few),
            "{format:?}: {:?}",
            read.map(|b| b.len())
        );
    }
}

#[test]
fn memory_is_a_limit_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = picture(ImageFormat::Bmp, 300, 200);
    let path = file(folder.path(), "a.bmp", &bytes, 0);
    let limits = |max_memory| Limits {
        max_pixels: 1 << 20,
        max_memory,
    };
    let most = bytes.len() as u64;
    assert_eq!(read(&path, &limits(most)).unwrap(), bytes);
    let over = read(&path, &limits(most - 1));
    assert!(matches!(over, Err(Error::TooLong { limit, .. }) if limit == most - 1));
}

/// The second page of a TIFF may be of any length, and a broken first one is told without it.
#[test]
fn long_tiffs_are_tried_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = picture(ImageFormat::Tiff, 40, 30);
    let path = file(folder.path(), "pages.tif", &bytes, 50 << 20);
    let whole = read(&path, &Limits::pixels(100_000_000)).unwrap();
    assert_eq!(whole.len(), 50 << 20);
    let mut deflated = Vec::new();
    let image = ImageBuffer::from_fn(64, 64, |x, y| Luma([(x * y) as u8]));
    let mut encoder = tiff::encoder::TiffEncoder::new(Cursor::new(&mut deflated)).unwrap();
    encoder = encoder.with_compression(tiff::encoder::Compression::Lzw);
    encoder
        .write_image::<tiff::encoder::colortype::Gray8>(64, 64, image.as_raw())
        .unwrap();
    // The strip comes first, after the head of eight bytes.
    deflated[8..200].fill(0xff);
    let path = file(folder.path(), "broken.tif", &deflated, 50 << 20);
    let broken = read(&path, &Limits::pixels(100_000_000));
    assert!(matches!(broken, Err(Error::Damaged { .. })), "{broken:?}");
}

#[cfg(unix)]
#[test]
fn streams_are_read_as_far_as_files() {
    use std::process::{Child, Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        let bytes = picture(format, 40, 30);
        let path = file(folder.path(), "a", &bytes, 0);
        let start = |files: &[&Path]| {
            let mut command = Command::new("cat");
            command.args(files).stdout(Stdio::piped()).spawn().unwrap()
        };
        let stream = |child: &mut Child| PictureFile {
            name: "a stream".into(),
            bytes: Bytes::Stream(
                Box::new(child.stdout.take().unwrap()),
                SpooledTempFile::new(1000),
                0,
            ),
        };
        let mut child = start(&[&path]);
        let mut short = stream(&mut child);
        assert_eq!(short.format().unwrap(), format);
        let limits = Limits::pixels(100_000);
        let form = short.form(format, &limits).unwrap().unwrap();
        assert_eq!((form.width, form.height), (40, 30));
        let most = short.reach_of_picture(form, format, &limits).unwrap();
        assert_eq!(short.read(most).unwrap(), bytes, "{format:?}");
        assert!(child.wait().unwrap().success());
        // Without an end.
        let mut child = start(&[&path, Path::new("/dev/zero")]);
        let mut long = stream(&mut child);
        assert_eq!(long.format().unwrap(), format);
        let form = long.form(format, &limits).unwrap().unwrap();
        let most = long.reach_of_picture(form, format, &limits).unwrap();
        assert!(most < 40 << 20, "{format:?}");
        assert!(long.read(most).unwrap().starts_with(&bytes), "{format:?}");
        drop(long);
        // It has nobody to write to any more.
        assert!(!child.wait().unwrap().success());
    }
}

#[test]
fn directories_of_tiffs_are_found() {
    for (head, at) in [
        (&b"II*\0\x08\x01\0\0"[..], 264),
        (b"MM\0*\0\0\x01\x08", 264),
        (b"II+\0\x08\0\0\0\x10\x01\0\0\0\0\0\0", 272),
        (b"MM\0+\0\x08\0\0\0\0\0\0\0\0\x01\x10", 272),
        (b"II*\0\x08", 0),
        (b"", 0),
    ] {
        assert_eq!(directory_of_tiff(head), at, "{head:?}");
    }
}

/// Damage of any kind is an error, or a picture within the limits, and never a panic.
#[test]
fn damaged_files_are_read_within_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        max_pixels: 100_000,
        max_memory: 60 << 20,
    };
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 33) as usize % below
    };
    let (mut pictures, mut refused) = (0, 0);
    for format in FORMATS {
        let good = picture(format, 40, 30);
        for _ in 0..150 {
            let mut bytes = good.clone();
            // Most of what decides stands in front.
            for _ in 0..1 + random(4) {
                let within = [bytes.len(), 64.min(bytes.len())][random(2)];
                bytes[random(within)] = [0, 0xff, 0x80, random(256) as u8][random(4)];
            }
            if random(3) == 0 {
                bytes.truncate(random(good.len()));
            }
            let size = if random(8) == 0 { 70 << 20 } else { 0 };
            let path = file(folder.path(), "damaged", &bytes, size);
            let loaded = read(&path, &limits).and_then(|bytes| {
                assert!(bytes.len() as u64 <= limits.max_memory, "{format:?}");
                crate::load::load_picture(&bytes, &path, limits.max_pixels)
            });
            match loaded {
                Ok(loaded) => {
                    let pixels = u64::from(loaded.picture.width() * loaded.picture.height());
                    assert!(pixels <= limits.max_pixels, "{format:?}");
                    pictures += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(pictures > 100 && refused > 100, "{pictures} and {refused}");
}
