//! What the tests share: the prior, sample pictures, and the measuring pictures where they are present.
#![allow(dead_code)]

use std::path::PathBuf;

use dcodec::{Picture, Prior};

pub fn prior() -> Prior {
    Prior::shipped().expect("the shipped prior loads")
}

pub fn sample_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name)
}

pub fn load(path: impl Into<PathBuf>) -> Picture {
    let path = path.into();
    let image = image::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Picture::from_image(&image).0
}

/// A window of a sample picture.
pub fn crop(name: &str, x: u32, y: u32, width: u32, height: u32) -> Picture {
    let image = image::open(sample_path(name))
        .expect("sample")
        .crop_imm(x, y, width, height);
    Picture::from_image(&image).0
}

/// A measuring picture named relative to $DCODEC_DATA; says so and returns none where they are absent.
pub fn data(name: &str) -> Option<Picture> {
    match std::env::var_os("DCODEC_DATA") {
        Some(root) => Some(load(PathBuf::from(root).join(name))),
        None => {
            println!(
                "skipped: DCODEC_DATA does not name the folder with the measuring pictures ({name})"
            );
            None
        }
    }
}
