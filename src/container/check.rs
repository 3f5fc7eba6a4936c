//! Checks: the CRC that closes a stretch of the file (clause 7).

/// Bytes of a check.
pub(crate) const CHECK_BYTES: usize = 2;

/// The most bytes that a file goes on without a check before a layer.
const UNCHECKED: u64 = 1024;

/// True if a check follows the head of a layer that ends `bytes` after the last check.
pub(crate) fn is_checked(bytes: u64) -> bool {
    bytes >= UNCHECKED
}

/// The check that closes a stretch of the file: the low 16 bits of the CRC-32 of all bytes since
/// the last check, low byte first.
pub(crate) fn check(crc: &crc32fast::Hasher) -> [u8; CHECK_BYTES] {
    (crc.clone().finalize() as u16).to_le_bytes()
}
