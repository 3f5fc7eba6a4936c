//! Which metadata the user wants to leave out.

use clap::{Args, ValueEnum};
use dcodec::Metadata;

/// Metadata that are not passed on.
#[derive(Debug, Args)]
pub struct Strip {
    /// Leave metadata out: --strip leaves all, --strip=exif,xmp these (icc, exif, xmp). Without its ICC profile a picture counts as sRGB
    #[arg(long, value_name = "KIND,..", num_args = 0..=1, require_equals = true, value_delimiter = ',', default_missing_value = "all")]
    pub strip: Vec<Kind>,
}

impl Strip {
    /// What remains of `metadata`.
    pub fn apply(&self, mut metadata: Metadata) -> Metadata {
        for kind in &self.strip {
            match kind {
                Kind::All => metadata = Metadata::default(),
                Kind::Icc => metadata.icc = None,
                Kind::Exif => metadata.exif = None,
                Kind::Xmp => metadata.xmp = None,
            }
        }
        metadata
    }
}

/// A kind of metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    All,
    Icc,
    Exif,
    Xmp,
}
