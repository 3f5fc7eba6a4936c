//! Picture files of other makers, through our own code.

use std::cell::RefCell;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use dcodec::Form;
use dcodec_eval::Error;
use dcodec_eval::load::load_picture;
use dcodec_eval::read::{Limits, read_picture};
use tempfile::NamedTempFile;

/// Pixels of the pictures that are decoded, at most.
const MAX_PIXELS: u64 = 256 * 256;

thread_local! {
    /// A file that is filled again and again.
    static FILE: RefCell<NamedTempFile> =
        RefCell::new(NamedTempFile::new().expect("a temporary file"));
}

/// Reading and decoding a picture file takes bounded time and memory, and the picture is as large
/// as was told before it was decoded.
pub fn load(data: &[u8]) {
    let limits = Limits {
        max_pixels: MAX_PIXELS,
        max_memory: 64 << 20,
    };
    let at_once = load_picture(data, Path::new("fuzz"), MAX_PIXELS);
    let mut told: Option<Form> = None;
    let check = |form: Form| {
        told = Some(form);
        Ok::<_, Error>(())
    };
    let read = FILE.with_borrow_mut(|file| {
        let there = file.as_file_mut();
        there.set_len(0).expect("a temporary file");
        there.seek(SeekFrom::Start(0)).expect("a temporary file");
        there.write_all(data).expect("room for a few bytes");
        read_picture(file.path(), &limits, check)
    });
    if let Ok(bytes) = &read {
        assert!(*bytes == data, "not the bytes of the file");
    }
    if let Ok(loaded) = at_once {
        let pixels = u64::from(loaded.picture.width()) * u64::from(loaded.picture.height());
        assert!(pixels <= MAX_PIXELS);
        if let (Ok(_), Some(form)) = (read, told) {
            let side = |a: u32, b: u32| (a.min(b), a.max(b));
            let picture = &loaded.picture;
            assert_eq!(
                side(picture.width(), picture.height()),
                side(form.width, form.height)
            );
        }
    }
}
