//! The library for C. `include/dcodec.h` is made of these files by cbindgen, comments included, and
//! `docs/c.md` tells how to build, install and use it.
//!
//! Handles are boxes that C holds by pointers. No function takes a pointer that it does not check
//! for null, and none lets a panic out: it becomes `DCODEC_STATUS_INTERNAL`.

// The header states once, before its first function, which pointers callers may pass.
#![allow(clippy::missing_safety_doc)]

mod decoder;
mod encoder;
mod guard;
mod info;
mod layout;
mod memory;
mod prior;
mod progress;
mod status;
mod stream;
#[cfg(test)]
mod tests;
mod version;
