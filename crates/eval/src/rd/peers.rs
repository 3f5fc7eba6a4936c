//! Other codecs, by the tools installed on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dcodec::{Error, Metadata, Picture};

use super::measure::{Meter, Point, pixels, rgb};
use super::process::{Fill, Trouble, call};
use super::tools::{Setting, Tools};
use crate::io;
use crate::load::load_picture;
use crate::save::{Format, encode_picture};

/// Quality layers of the progressive JPEG 2000 file, and those an octave of bitrate.
const LAYERS: i32 = 37;
const LAYERS_PER_OCTAVE: f64 = 6.0;
/// Bits per pixel of all of them.
const ALL_LAYERS: f64 = 2.0;

/// What came of a peer on one picture.
#[derive(Debug, Default)]
pub struct Outcome {
    pub points: Vec<Point>,
    /// What went wrong, a line each.
    pub troubles: Vec<String>,
    /// Whether a tool hung, so that more of it would cost more of that.
    pub hung: bool,
}

impl Outcome {
    fn trouble(&mut self, codec: &str, of: &str, e: &Trouble) {
        self.hung |= matches!(e, Trouble::Hung(_));
        self.troubles.push(format!("{codec}: {of}: {}", e.text()));
    }
}

/// Bits per pixel of the quality layers up to this one.
fn layer_bpp(layer: i32) -> f64 {
    ALL_LAYERS * (f64::from(layer - LAYERS + 1) / LAYERS_PER_OCTAVE).exp2()
}

/// One picture, and where the tools' files of it lie; gone when dropped.
pub struct Bench<'a> {
    folder: tempfile::TempDir,
    pixels: f64,
    name: &'a str,
    meter: &'a Meter,
    patience: Duration,
}

impl<'a> Bench<'a> {
    /// Writes the picture as the tools read it, RGB without alpha.
    pub fn new(
        name: &'a str,
        picture: &Picture,
        meter: &'a Meter,
        patience: Duration,
    ) -> dcodec::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("dcodec-rd-")
            .tempdir()
            .map_err(|e| Error::io(std::env::temp_dir(), e))?;
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
            patience,
        })
    }

    /// Measures every setting of a peer; one that fails costs only itself.
    pub fn settings(&self, tools: &Tools, progress: &dyn Fn(f64)) -> Outcome {
        let mut out = Outcome::default();
        let settings = tools.peer.settings;
        for (i, setting) in settings.iter().enumerate() {
            match self.whole(tools, setting) {
                Ok(point) => out.points.push(point),
                Err(e) => {
                    let of = format!("setting {setting} on {}", self.name);
                    out.trouble(tools.name, &of, &e);
                    // Nothing at all came of the first ones: neither will of the others.
                    if out.hung || (out.points.is_empty() && i >= 1) {
                        break;
                    }
                }
            }
            progress((i + 1) as f64 / settings.len() as f64);
        }
        out
    }

    fn whole(&self, tools: &Tools, setting: &str) -> Result<Point, Trouble> {
        let (coded, encode_s) = self.encode(tools, setting)?;
        let arguments = tools.decoder.arguments;
        let (shown, decode_s) = self.decode(tools, arguments, setting, &coded, false)?;
        let point = self.point(tools.name, setting, &coded, &shown)?;
        Ok(Point {
            encode_s,
            decode_s,
            ..point
        })
    }

    /// The picture that a peer shows at a setting, and its bytes.
    pub fn shown(&self, tools: &Tools, setting: &str) -> Result<(Picture, u64), Trouble> {
        let (coded, _) = self.encode(tools, setting)?;
        let bytes = fs::metadata(&coded).map_or(0, |m| m.len());
        let arguments = tools.decoder.arguments;
        let (shown, _) = self.decode(tools, arguments, setting, &coded, false)?;
        Ok((shown, bytes))
    }

    /// The bytes of a peer's file at a setting.
    pub fn size(&self, tools: &Tools, setting: &str) -> Result<u64, Trouble> {
        let (coded, _) = self.encode(tools, setting)?;
        Ok(fs::metadata(&coded).map_or(0, |m| m.len()))
    }

    /// Cuts one progressive file at every bitrate that it reaches. A prefix that shows nothing is left out.
    pub fn prefixes(&self, tools: &Tools, rates: &[f64], progress: &dyn Fn(f64)) -> Outcome {
        let mut out = Outcome::default();
        let Some(progressive) = &tools.peer.progressive else {
            return out;
        };
        let setting = match progressive.setting {
            Setting::Fixed(setting) => setting.to_owned(),
            Setting::Layers => {
                let ratios: Vec<String> = (0..LAYERS)
                    .map(|i| format!("{:.3}", 24.0 / layer_bpp(i)))
                    .collect();
                ratios.join(",")
            }
        };
        let name = format!("{}-prefix", tools.name);
        let file = self.file("progressive", tools.peer.forms[1]);
        let encode = &progressive.encode;
        let encoded = call(
            encode.tool,
            encode.arguments,
            &self.fill(tools, &setting, None, &file, false),
        );
        let bytes = fs::read(&file).unwrap_or_default();
        let encode_s = match encoded {
            Ok(seconds) => seconds,
            Err(e) => {
                out.trouble(&name, self.name, &e);
                return out;
            }
        };
        for (i, &rate) in rates.iter().enumerate() {
            let end = (rate * self.pixels / 8.0) as usize;
            if end > bytes.len() {
                break;
            }
            let cut = self.file("cut", tools.peer.forms[1]);
            if let Err(e) = fs::write(&cut, &bytes[..end]) {
                out.troubles.push(format!("{name}: {}: {e}", cut.display()));
                return out;
            }
            let whole = (0..LAYERS).filter(|&i| layer_bpp(i) <= rate * (1.0 + 1e-9));
            let layers = whole.count().max(1).to_string();
            let measured = self
                .decode(tools, progressive.decode, &layers, &cut, true)
                .and_then(|(shown, decode_s)| {
                    let point = self.point(&name, &rate.to_string(), &cut, &shown)?;
                    Ok(Point {
                        encode_s,
                        decode_s,
                        ..point
                    })
                });
            match measured {
                Ok(point) => out.points.push(point),
                Err(e @ Trouble::Hung(_)) => {
                    out.trouble(&name, &format!("{rate} bpp of {}", self.name), &e);
                    return out;
                }
                // So little of a file shows nothing: no trouble, but no point either.
                Err(Trouble::Failed(_)) => {}
            }
            progress((i + 1) as f64 / rates.len() as f64);
        }
        out
    }

    fn encode(&self, tools: &Tools, setting: &str) -> Result<(PathBuf, f64), Trouble> {
        let coded = self.file("coded", tools.peer.forms[1]);
        let encoder = &tools.peer.encoder;
        let fill = self.fill(tools, setting, None, &coded, false);
        let seconds = call(encoder.tool, encoder.arguments, &fill)?;
        Ok((coded, seconds))
    }

    fn decode(
        &self,
        tools: &Tools,
        arguments: &[&str],
        setting: &str,
        coded: &Path,
        lenient: bool,
    ) -> Result<(Picture, f64), Trouble> {
        let decoded = self.file("decoded", tools.peer.forms[2]);
        let fill = self.fill(tools, setting, Some(coded), &decoded, lenient);
        let seconds = call(tools.decoder.tool, arguments, &fill)?;
        // Its own name says nothing to the reader.
        let name = Path::new("its output");
        let shown = io::read_input(&decoded)
            .and_then(|bytes| load_picture(&bytes, name, self.pixels as u64))
            .map_err(|e| Trouble::Failed(format!("{}: {e}", tools.decoder.tool)))?;
        Ok((shown.picture, seconds))
    }

    fn point(
        &self,
        codec: &str,
        setting: &str,
        coded: &Path,
        shown: &Picture,
    ) -> Result<Point, Trouble> {
        let failed = |e: String| Trouble::Failed(e);
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

    fn fill<'f>(
        &self,
        tools: &Tools,
        setting: &'f str,
        from: Option<&Path>,
        to: &'f Path,
        lenient: bool,
    ) -> Fill<'f> {
        let source = || self.file("source", tools.peer.forms[0]);
        Fill {
            setting,
            from: from.map_or_else(source, Path::to_owned),
            to,
            patience: self.patience,
            lenient,
        }
    }
}
