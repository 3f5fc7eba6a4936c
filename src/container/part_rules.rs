//! Rules of where named parts may stand (clauses 4.7 to 4.12).

use crate::codes::BitDepth;
use crate::container::header::Header;
use crate::container::part::PartName;
use crate::container::rule::BrokenRule;

/// The parts with a place of their own that the file had so far.
#[derive(Debug, Default)]
pub(crate) struct PartRules {
    alpha: bool,
    alpha_low: bool,
    exact: bool,
    range: bool,
}

impl PartRules {
    /// Takes note of a part of `len` bytes after `layers` layers. Returns true if its payload is to
    /// be kept, or the rule that the part breaks.
    pub fn part(
        &mut self,
        name: PartName,
        len: u64,
        layers: u32,
        header: &Header,
    ) -> Result<bool, BrokenRule> {
        let pixels = header.form.pixels();
        let alpha = pixels + pixels / 16 + 4096;
        let (fine, seen, most, rule) = match name {
            PartName::ALPHA | PartName::ALPHA_LOW => {
                let fine = match name {
                    PartName::ALPHA => header.form.alpha,
                    _ => header.form.depth == BitDepth::Sixteen && self.alpha,
                };
                let seen = match name {
                    PartName::ALPHA => &mut self.alpha,
                    _ => &mut self.alpha_low,
                };
                let rule = BrokenRule::new(
                    "alpha comes once, before the exact samples, if the header announces it, low bytes after the high",
                    "4.8",
                );
                (fine && !self.exact, seen, alpha, rule)
            }
            PartName::EXACT => {
                self.alpha_came(header)?;
                let rule =
                    BrokenRule::new("the exact samples come once, after the last layer", "4.12");
                let most = header.form.colour_bytes() + 16;
                (true, &mut self.exact, most, rule)
            }
            PartName::RANGE => {
                let rule = BrokenRule::new(
                    "the range of samples comes once, in four bytes, before the first layer, and only of 16 bits",
                    "4.13",
                );
                let fine = header.form.depth == BitDepth::Sixteen && layers == 0 && len == 4;
                (fine, &mut self.range, u64::MAX, rule)
            }
            _ => return Ok(len <= name.most(alpha)),
        };
        if len > most {
            return Err(BrokenRule {
                reason: format!("{len} bytes, at most {most} for this picture"),
                clause: "4.7",
            });
        }
        if !fine || *seen {
            return Err(rule);
        }
        *seen = true;
        Ok(true)
    }

    /// The rule that a layer breaks which follows now, if there is one.
    pub fn layer(&self) -> Result<(), BrokenRule> {
        match self.exact {
            true => Err(BrokenRule::new("a layer after the exact samples", "4.12")),
            false => Ok(()),
        }
    }

    /// The rule that exact samples or the end marker break which follow now, if there is one.
    pub fn alpha_came(&self, header: &Header) -> Result<(), BrokenRule> {
        match header.form.alpha && !self.alpha {
            true => Err(BrokenRule::new(
                "alpha is announced but did not come",
                "4.8",
            )),
            false => Ok(()),
        }
    }
}
