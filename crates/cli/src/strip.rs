//! Metadata that are left out.

use clap::{Args, ValueEnum};
use dcodec::Metadata;

/// The kinds of metadata that are not passed on.
#[derive(Debug, Args)]
pub struct Strip {
    /// Leave metadata out: --strip leaves all, --strip=exif,xmp these (icc, exif, xmp). Without its
    /// ICC profile a picture counts as sRGB; its EXIF tells the resolution too
    #[arg(long, value_name = "KIND,..", num_args = 0..=1, require_equals = true, value_delimiter = ',', default_missing_value = "all")]
    pub strip: Vec<MetadataKind>,
}

impl Strip {
    /// The rest of `metadata`.
    pub fn apply(&self, mut metadata: Metadata) -> Metadata {
        for kind in &self.strip {
            match kind {
                MetadataKind::All => metadata = Metadata::default(),
                MetadataKind::Icc => metadata.icc = None,
                MetadataKind::Exif => metadata.exif = None,
                MetadataKind::Xmp => metadata.xmp = None,
            }
        }
        metadata
    }
}

/// A kind of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetadataKind {
    All,
    Icc,
    Exif,
    Xmp,
}
