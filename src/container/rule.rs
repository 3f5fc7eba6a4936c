//! Rules of the format that bytes can break.

/// A rule of the format that bytes break.
#[derive(Debug)]
pub(crate) struct BrokenRule {
    /// The rule, with both numbers.
    pub reason: String,
    /// The clause that states it.
    pub clause: &'static str,
}

impl BrokenRule {
    /// The rule of `clause`.
    pub fn new(reason: impl Into<String>, clause: &'static str) -> Self {
        BrokenRule {
            reason: reason.into(),
            clause,
        }
    }
}

/// The reason that a header or the head of a part or layer cannot be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The bytes end inside it.
    Short,
    /// No further bytes make it valid.
    Malformed(BrokenRule),
}
