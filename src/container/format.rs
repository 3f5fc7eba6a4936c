//! The constants of version 1 of the format.

/// The first three bytes of every file.
pub const SIGNATURE: [u8; 3] = [0x89, b'D', b'F'];

/// The version of the format that this crate writes and reads.
pub const VERSION: u8 = 1;

/// The tag of the end marker.
pub(crate) const TAG_END: u8 = 0x00;

/// A layer's tag is this plus the distance of its noise level from the one before, in grid steps
/// (1..=127).
pub(crate) const TAG_LAYER: u8 = 0x80;

/// The bit of a layer's tag that says, in a file with corrected layers, that the layer starts from
/// a corrected x0_hat.
pub(crate) const TAG_CORRECTED: u8 = 0x40;

/// The most grid steps that a layer may go down.
pub const MAX_DELTA: u16 = 127;

/// The most grid steps that a layer may go down in a file with corrected layers.
pub const MAX_DELTA_CORRECTED: u16 = 63;

/// The largest side of a picture, in pixels.
pub const MAX_SIDE: u32 = 1 << 20;

/// The most bytes of one metadata part, as stored and as unpacked.
pub const MAX_METADATA: u64 = 1 << 24;
