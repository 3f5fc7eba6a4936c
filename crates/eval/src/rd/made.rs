//! Files that are made for their rate, one for each, beside the prefixes of one file.

use std::time::Instant;

use dcodec::{Picture, Result, Target};

use super::measure::{OurCodec, Point, QualityMeter, Stage, pixels};
use super::settings::Settings;

/// The codec of these points.
pub const NAME: &str = "dcodec-made";

/// Qualities of the mean curve: one setting for all pictures, as other codecs are plotted. From 130
/// levels of noise to 4.5.
const QUALITIES: [f64; 8] = [36.0, 44.0, 52.0, 59.0, 66.0, 72.0, 78.0, 84.0];

impl OurCodec<'_> {
    /// The bitrates, and the qualities of the mean curve, as far as they are asked for. Bitrates
    /// that are less than a header are left out.
    pub fn targets(&self, settings: &Settings, picture: &Picture) -> Vec<Target> {
        let rates = self.points.iter().map(|&rate| Target::Bpp(rate));
        let rates = rates.filter(|target| !self.is_too_low(*target, picture));
        let qualities = QUALITIES.map(Target::Quality);
        let rates = rates.filter(|_| settings.made_for_rates);
        let qualities = qualities.iter().filter(|_| settings.made_for_qualities);
        rates.chain(qualities.copied()).collect()
    }

    /// Encodes for every target, and measures each file whole. `progress` takes the share done.
    pub fn made_for(
        &self,
        targets: &[Target],
        name: &str,
        picture: &Picture,
        meter: &QualityMeter,
        progress: &dyn Fn(Stage, f64),
    ) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        for (i, &target) in targets.iter().enumerate() {
            points.push(self.made(name, picture, meter, target)?);
            progress(Stage::Decode, (i + 1) as f64 / targets.len() as f64);
        }
        Ok(points)
    }

    /// True for a bitrate that does not hold more than the header.
    fn is_too_low(&self, target: Target, picture: &Picture) -> bool {
        /// Bytes of a file that shows something.
        const LEAST: f64 = 32.0;
        matches!(target, Target::Bpp(rate) if rate * pixels(picture) < 8.0 * LEAST)
    }

    /// One file, encoded and decoded.
    fn made(
        &self,
        name: &str,
        picture: &Picture,
        meter: &QualityMeter,
        target: Target,
    ) -> Result<Point> {
        let start = Instant::now();
        let bytes = self.encoder(target).encode(picture)?.bytes;
        let encode_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let shown = self.decoder().decode(&bytes)?;
        let decode_s = start.elapsed().as_secs_f64();
        let (asked, setting) = match target {
            Target::Bpp(rate) => (Some(rate), String::new()),
            Target::Quality(quality) => (None, quality.to_string()),
            _ => (None, String::new()),
        };
        Ok(Point {
            codec: NAME.to_owned(),
            picture: name.to_owned(),
            asked,
            sigma: None,
            setting,
            bytes: bytes.len() as u64,
            bpp: 8.0 * bytes.len() as f64 / pixels(picture),
            quality: meter.measure(&shown.picture)?,
            encode_s,
            decode_s,
            step: None,
        })
    }
}
