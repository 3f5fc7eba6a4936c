//! Checks: the CRC that closes a stretch of the file (clause 7).

/// The most bytes that a file goes on without a check in front of a layer.
const UNCHECKED: u64 = 1024;

/// Whether a check follows the head of a layer that ends `bytes` behind the check before.
pub(crate) fn is_checked(bytes: u64) -> bool {
    bytes >= UNCHECKED
}

/// The check that closes a stretch of the file: the low 16 bits of the CRC-32 of all bytes since the check before.
pub(crate) fn check(crc: &crc32fast::Hasher) -> [u8; 2] {
    (crc.clone().finalize() as u16).to_le_bytes()
}
