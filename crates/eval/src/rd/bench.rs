//! Other codecs, by the tools installed on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dcodec::{Metadata, Picture};

use super::codecs::{InstalledCodec, Progressive, ProgressiveSetting};
use super::measure::{Point, QualityMeter, pixels, rgb};
use super::process::{CallValues, ToolError, call};
use crate::load::load_picture;
use crate::save::{Format, encode_picture};
use crate::{Error, io, temporary};

/// Quality layers of the progressive JPEG 2000 file, and those an octave of bitrate.
const LAYERS: i32 = 37;
const LAYERS_PER_OCTAVE: f64 = 6.0;
/// Bits per pixel of all these layers.
const ALL_LAYERS: f64 = 2.0;

/// Measurements of a peer on one picture.
#[derive(Debug, Default)]
pub struct PeerPoints {
    pub points: Vec<Point>,
    /// Reasons of points that are missing, a line each.
    pub failures: Vec<String>,
    /// A tool ran out of its time: more calls would cost as much each.
    pub hung: bool,
}

impl PeerPoints {
    fn fail(&mut self, codec: &str, of: &str, e: &ToolError) {
        self.hung |= matches!(e, ToolError::Hung(_));
        self.failures.push(format!("{codec}: {of}: {e}"));
    }
}

/// Bits per pixel of the quality layers up to and with `layer`.
fn layer_bpp(layer: i32) -> f64 {
    ALL_LAYERS * (f64::from(layer - LAYERS + 1) / LAYERS_PER_OCTAVE).exp2()
}

/// One picture, and the folder of the tools' files of it, which goes when this is dropped.
pub struct Bench<'a> {
    folder: temporary::Folder,
    pixels: f64,
    name: &'a str,
    meter: &'a QualityMeter,
    time_limit: Duration,
}

impl<'a> Bench<'a> {
    /// Writes the picture as the tools read it, RGB without alpha.
    pub fn new(
        name: &'a str,
        picture: &Picture,
        meter: &'a QualityMeter,
        time_limit: Duration,
    ) -> crate::Result<Self> {
        let folder =
            temporary::Folder::new("dcodec-rd-").map_err(|e| Error::io(std::env::temp_dir(), e))?;
        let picture = rgb(picture)?;
        for (file, format) in [("source.ppm", Format::Ppm), ("source.png", Format::Png)] {
            let (bytes, _) = encode_picture(&picture, &Metadata::default(), format)?;
            let path = folder.path().join(file);
            fs::write(&path, bytes).map_err(|e| Error::io(path, e))?;
        }
        Ok(Bench {
            folder,
            pixels: pixels(&picture),
            name,
            meter,
            time_limit,
        })
    }

    /// Measures every setting of a peer; one that fails costs only itself.
    pub fn settings(&self, codec: &InstalledCodec, progress: &dyn Fn(f64)) -> PeerPoints {
        let mut out = PeerPoints::default();
        let settings = codec.definition.settings;
        for (i, setting) in settings.iter().enumerate() {
            match self.whole(codec, setting) {
                Ok(point) => out.points.push(point),
                Err(e) => {
                    let of = format!("setting {setting} on {}", self.name);
                    out.fail(codec.name, &of, &e);
                    // Nothing at all came of the first ones, so that nothing will of the others.
                    if out.hung || (out.points.is_empty() && i >= 1) {
                        break;
                    }
                }
            }
            progress((i + 1) as f64 / settings.len() as f64);
        }
        out
    }

    fn whole(&self, codec: &InstalledCodec, setting: &str) -> Result<Point, ToolError> {
        let (coded, encode_s) = self.encode(codec, setting)?;
        let arguments = codec.decoder.arguments;
        let (shown, decode_s) = self.decode(codec, arguments, setting, &coded, false)?;
        let point = self.point(codec.name, setting, &coded, &shown)?;
        Ok(Point {
            encode_s,
            decode_s,
            ..point
        })
    }

    /// The picture that a peer shows at a setting, and its bytes.
    pub fn shown(
        &self,
        codec: &InstalledCodec,
        setting: &str,
    ) -> Result<(Picture, u64), ToolError> {
        let (coded, _) = self.encode(codec, setting)?;
        let bytes = fs::metadata(&coded).map_or(0, |m| m.len());
        let arguments = codec.decoder.arguments;
        let (shown, _) = self.decode(codec, arguments, setting, &coded, false)?;
        Ok((shown, bytes))
    }

    /// Bytes of a peer's file at a setting.
    pub fn size(&self, codec: &InstalledCodec, setting: &str) -> Result<u64, ToolError> {
        let (coded, _) = self.encode(codec, setting)?;
        Ok(fs::metadata(&coded).map_or(0, |m| m.len()))
    }

    /// Cuts one progressive file at every bitrate that it reaches. A prefix that shows nothing is
    /// left out.
    pub fn prefixes(
        &self,
        codec: &InstalledCodec,
        rates: &[f64],
        progress: &dyn Fn(f64),
    ) -> PeerPoints {
        let mut out = PeerPoints::default();
        let Some(progressive) = &codec.definition.progressive else {
            return out;
        };
        let name = format!("{}-prefix", codec.name);
        let (bytes, encode_s) = match self.progressive_file(codec, progressive) {
            Ok(file) => file,
            Err(e) => {
                out.fail(&name, self.name, &e);
                return out;
            }
        };
        for (i, &rate) in rates.iter().enumerate() {
            let end = (rate * self.pixels / 8.0) as usize;
            if end > bytes.len() {
                break;
            }
            let cut = self.file("cut", codec.definition.extensions[1]);
            if let Err(e) = fs::write(&cut, &bytes[..end]) {
                let failure = format!("{name}: {}: {e}", cut.display());
                out.failures.push(failure);
                return out;
            }
            match self.cut_point(codec, progressive, &name, rate, &cut) {
                Ok(point) => out.points.push(Point { encode_s, ..point }),
                Err(e @ ToolError::Hung(_)) => {
                    out.fail(&name, &format!("{rate} bpp of {}", self.name), &e);
                    return out;
                }
                // So little of a file shows nothing: no failure, but no point either.
                Err(ToolError::Failed(_)) => {}
            }
            progress((i + 1) as f64 / rates.len() as f64);
        }
        out
    }

    /// Bytes of a peer's progressive file, and the seconds that it took.
    fn progressive_file(
        &self,
        codec: &InstalledCodec,
        progressive: &Progressive,
    ) -> Result<(Vec<u8>, f64), ToolError> {
        let setting = match progressive.setting {
            ProgressiveSetting::Fixed(setting) => setting.to_owned(),
            ProgressiveSetting::Layers => {
                let ratios: Vec<String> = (0..LAYERS)
                    .map(|i| format!("{:.3}", 24.0 / layer_bpp(i)))
                    .collect();
                ratios.join(",")
            }
        };
        let file = self.file("progressive", codec.definition.extensions[1]);
        let encode = &progressive.encode;
        let values = self.values(codec, &setting, None, &file, false);
        let seconds = call(encode.tool, encode.arguments, &values)?;
        Ok((fs::read(&file).unwrap_or_default(), seconds))
    }

    /// The point of a progressive file that is cut at `rate`.
    fn cut_point(
        &self,
        codec: &InstalledCodec,
        progressive: &Progressive,
        name: &str,
        rate: f64,
        cut: &Path,
    ) -> Result<Point, ToolError> {
        let whole = (0..LAYERS).filter(|&i| layer_bpp(i) <= rate * (1.0 + 1e-9));
        let layers = whole.count().max(1).to_string();
        let (shown, decode_s) = self.decode(codec, progressive.decode, &layers, cut, true)?;
        let point = self.point(name, &rate.to_string(), cut, &shown)?;
        Ok(Point { decode_s, ..point })
    }

    fn encode(&self, codec: &InstalledCodec, setting: &str) -> Result<(PathBuf, f64), ToolError> {
        let coded = self.file("coded", codec.definition.extensions[1]);
        let encoder = &codec.definition.encoder;
        let values = self.values(codec, setting, None, &coded, false);
        let seconds = call(encoder.tool, encoder.arguments, &values)?;
        Ok((coded, seconds))
    }

    fn decode(
        &self,
        codec: &InstalledCodec,
        arguments: &[&str],
        setting: &str,
        coded: &Path,
        lenient: bool,
    ) -> Result<(Picture, f64), ToolError> {
        let decoded = self.file("decoded", codec.definition.extensions[2]);
        let values = self.values(codec, setting, Some(coded), &decoded, lenient);
        let seconds = call(codec.decoder.tool, arguments, &values)?;
        // The file's own name says nothing to the user.
        let name = Path::new("its output");
        let shown = io::read_at_most(&decoded, u64::MAX)
            .and_then(|bytes| load_picture(&bytes, name, self.pixels as u64))
            .map_err(|e| ToolError::Failed(format!("{}: {e}", codec.decoder.tool)))?;
        Ok((shown.picture, seconds))
    }

    fn point(
        &self,
        codec: &str,
        setting: &str,
        coded: &Path,
        shown: &Picture,
    ) -> Result<Point, ToolError> {
        let failed = |e: String| ToolError::Failed(e);
        let bytes = fs::metadata(coded).map_err(|e| failed(e.to_string()))?;
        let bytes = bytes.len();
        let quality = self.meter.measure(shown);
        Ok(Point {
            codec: codec.to_owned(),
            picture: self.name.to_owned(),
            asked: None,
            sigma: None,
            setting: setting.to_owned(),
            bytes,
            bpp: 8.0 * bytes as f64 / self.pixels,
            quality: quality.map_err(|e| failed(e.to_string()))?,
            encode_s: 0.0,
            decode_s: 0.0,
            step: None,
        })
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.path().join(name).with_extension(extension)
    }

    fn values<'f>(
        &self,
        codec: &InstalledCodec,
        setting: &'f str,
        from: Option<&Path>,
        to: &'f Path,
        lenient: bool,
    ) -> CallValues<'f> {
        let source = || self.file("source", codec.definition.extensions[0]);
        CallValues {
            setting,
            from: from.map_or_else(source, Path::to_owned),
            to,
            time_limit: self.time_limit,
            lenient,
        }
    }
}
