//! Which parts may stand where (clauses 4.7 to 4.12).

use super::{Header, PartName};

/// The parts of the file so far, of those that have a place.
#[derive(Debug, Default)]
pub(super) struct Places {
    alpha: bool,
    alpha_low: bool,
    exact: bool,
}

impl Places {
    /// Whether the payload of a part of `len` bytes behind `layers` layers is to be kept; or what is wrong with the part.
    pub fn part(
        &mut self,
        name: PartName,
        len: u64,
        layers: u32,
        header: &Header,
    ) -> Result<bool, String> {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let alpha = pixels + pixels / 16 + 4096;
        let (fine, seen, most, rule) = match name {
            PartName::ALPHA | PartName::ALPHA_LOW => {
                let fine = match name {
                    PartName::ALPHA => header.alpha,
                    _ => header.deep && self.alpha,
                };
                let seen = match name {
                    PartName::ALPHA => &mut self.alpha,
                    _ => &mut self.alpha_low,
                };
                let rule = "alpha comes once, before the first layer, if the header announces it, low bytes behind the high (4.8)";
                (fine && layers == 0, seen, alpha, rule)
            }
            PartName::EXACT => {
                let rule = "the exact samples come once, behind the last layer (4.12)";
                (layers > 0, &mut self.exact, header.raw_bytes() + 16, rule)
            }
            _ => return Ok(len <= name.most(alpha)),
        };
        if len > most {
            return Err(format!(
                "{len} bytes, at most {most} for this picture (4.7)"
            ));
        }
        if !fine || *seen {
            return Err(rule.into());
        }
        *seen = true;
        Ok(true)
    }

    /// What is wrong with a layer that follows, if anything.
    pub fn layer(&self, header: &Header) -> Result<(), &'static str> {
        match (header.alpha && !self.alpha, self.exact) {
            (true, _) => Err("alpha is announced but does not come first (4.8)"),
            (_, true) => Err("a layer behind the exact samples (4.12)"),
            _ => Ok(()),
        }
    }
}
