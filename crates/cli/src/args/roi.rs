//! Regions of interest.

use std::str::FromStr;

/// A rectangle of interest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roi {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
    pub weight: Option<f64>,
}

impl FromStr for Roi {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected x,y,width,height in pixels, and :weight if you like".to_owned();
        let (rectangle, weight) = match text.split_once(':') {
            Some((r, w)) => (r, Some(w.trim().parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let numbers = rectangle.split(',').map(|n| n.trim().parse().ok());
        match numbers.collect::<Option<Vec<u32>>>().as_deref() {
            Some(&[x, y, width, height]) => Ok(Roi {
                x,
                y,
                width,
                height,
                weight,
            }),
            _ => Err(wrong()),
        }
    }
}
