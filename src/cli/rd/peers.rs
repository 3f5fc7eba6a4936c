//! Other codecs, by the tools installed on this machine.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dcodec::{Error, Picture};

use super::measure::{Meter, Point, rgb};
use crate::cli::{args, io};

/// A tool that takes longer than this for one picture is taken as hung.
const PATIENCE: Duration = Duration::from_secs(300);

/// A codec and how its tools are called: `{q}` is the setting, `{in}` and `{out}` are files.
#[derive(Debug)]
pub struct Peer {
    pub name: &'static str,
    /// How it is called in plots.
    pub title: &'static str,
    package: &'static str,
    encoder: &'static str,
    encode: &'static [&'static str],
    decoder: &'static str,
    decode: &'static [&'static str],
    /// Extensions of what the encoder reads, of its file, and of what the decoder writes.
    forms: [&'static str; 3],
    /// From low to high rate.
    settings: &'static [&'static str],
}

const JPEG: Peer = Peer {
    name: "jpeg",
    title: "JPEG",
    package: "libjpeg-turbo-progs",
    encoder: "cjpeg",
    encode: &[
        "-quality",
        "{q}",
        "-progressive",
        "-optimize",
        "-outfile",
        "{out}",
        "{in}",
    ],
    decoder: "djpeg",
    decode: &["-ppm", "-outfile", "{out}", "{in}"],
    forms: ["ppm", "jpg", "ppm"],
    settings: &["4", "7", "12", "20", "32", "50", "68", "80", "88"],
};

const WEBP: Peer = Peer {
    name: "webp",
    title: "WebP",
    package: "webp",
    encoder: "cwebp",
    encode: &["-quiet", "-m", "6", "-q", "{q}", "{in}", "-o", "{out}"],
    decoder: "dwebp",
    decode: &["-quiet", "-ppm", "{in}", "-o", "{out}"],
    forms: ["png", "webp", "ppm"],
    settings: &["0", "3", "8", "18", "35", "55", "75", "86", "93"],
};

const AVIF: Peer = Peer {
    name: "avif",
    title: "AVIF",
    package: "libavif-bin",
    encoder: "avifenc",
    // Versions before 1.0 have no -q; this says the same to all: 63 is -q 0, 0 is -q 100.
    encode: &[
        "-s",
        "6",
        "--yuv",
        "444",
        "-j",
        "all",
        "--min",
        "0",
        "--max",
        "63",
        "-a",
        "end-usage=q",
        "-a",
        "cq-level={q}",
        "{in}",
        "{out}",
    ],
    decoder: "avifdec",
    decode: &["{in}", "{out}"],
    forms: ["png", "avif", "png"],
    settings: &["62", "58", "53", "48", "42", "37", "30", "24", "16", "10"],
};

const JXL: Peer = Peer {
    name: "jxl",
    title: "JPEG XL",
    package: "libjxl-tools",
    encoder: "cjxl",
    // Without resampling the curve is of one method; versions differ in when they halve the picture.
    encode: &["{in}", "{out}", "-e", "7", "-d", "{q}", "--resampling=1"],
    decoder: "djxl",
    decode: &["{in}", "{out}"],
    forms: ["ppm", "jxl", "ppm"],
    settings: &["25", "17", "11", "7", "4.5", "3", "2", "1.3", "0.85"],
};

const JPEG2000: Peer = Peer {
    name: "jpeg2000",
    title: "JPEG 2000",
    package: "libopenjp2-tools",
    encoder: "opj_compress",
    encode: &["-i", "{in}", "-o", "{out}", "-I", "-r", "{q}"],
    decoder: "opj_decompress",
    decode: &["-i", "{in}", "-o", "{out}"],
    forms: ["ppm", "j2k", "ppm"],
    // 24 bits over the bits per pixel 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.
    settings: &["480", "240", "120", "80", "48", "32", "24", "16", "12"],
};

/// The codecs asked for, each once.
pub fn chosen(asked: &[args::Peer]) -> Vec<&'static Peer> {
    let all = [
        (args::Peer::Jpeg, &JPEG),
        (args::Peer::Jpeg2000, &JPEG2000),
        (args::Peer::Webp, &WEBP),
        (args::Peer::Jxl, &JXL),
        (args::Peer::Avif, &AVIF),
    ];
    all.into_iter()
        .filter(|(name, _)| asked.contains(name) || asked.contains(&args::Peer::All))
        .map(|(_, peer)| peer)
        .collect()
}

impl Peer {
    /// What is missing and how to get it.
    pub fn missing(&self) -> Option<String> {
        let missing: Vec<&str> = [self.encoder, self.decoder]
            .into_iter()
            .filter(|tool| !on_path(tool))
            .collect();
        (!missing.is_empty()).then(|| {
            format!(
                "{}: left out, {} not found (Debian: apt install {})",
                self.name,
                missing.join(" and "),
                self.package
            )
        })
    }

    /// Measures every setting on one picture; what went wrong as a line.
    pub fn measure(
        &self,
        name: &str,
        sources: &Sources,
        meter: &Meter,
        progress: &dyn Fn(f64),
    ) -> Result<Vec<Point>, String> {
        let [source, coded, decoded] = self.forms;
        let source = sources.folder.path().join("source").with_extension(source);
        let coded = sources.folder.path().join("coded").with_extension(coded);
        let decoded = sources
            .folder
            .path()
            .join("decoded")
            .with_extension(decoded);
        let mut points = Vec::new();
        for (i, &setting) in self.settings.iter().enumerate() {
            let failed = |e: String| format!("{}: setting {setting} on {name}: {e}", self.name);
            // A tool that writes nothing must not pass with the file of the last setting.
            for old in [&coded, &decoded] {
                let _ = fs::remove_file(old);
            }
            let encode_s =
                call(self.encoder, self.encode, setting, &source, &coded).map_err(failed)?;
            let decode_s =
                call(self.decoder, self.decode, setting, &coded, &decoded).map_err(failed)?;
            let measured = (|| {
                let bytes = fs::metadata(&coded)
                    .map_err(|e| Error::io(&coded, e))?
                    .len();
                let shown = io::read_input(&decoded)?;
                let (shown, _) = io::load_picture(&shown, &decoded, sources.pixels)?;
                Ok((bytes, meter.measure(&shown)?))
            })();
            let (bytes, (psnr, ssimulacra2)) =
                measured.map_err(|e: Error| failed(e.to_string()))?;
            points.push(Point {
                codec: self.name,
                picture: name.to_owned(),
                asked: None,
                sigma: None,
                setting,
                bytes,
                bpp: 8.0 * bytes as f64 / sources.pixels as f64,
                psnr,
                ssimulacra2,
                encode_s,
                decode_s,
            });
            progress((i + 1) as f64 / self.settings.len() as f64);
        }
        Ok(points)
    }
}

/// One picture as files that the tools read, RGB without alpha; gone when dropped.
pub struct Sources {
    folder: tempfile::TempDir,
    pixels: u64,
}

impl Sources {
    pub fn new(picture: &Picture) -> dcodec::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("dcodec-rd-")
            .tempdir()
            .map_err(|e| Error::io(std::env::temp_dir(), e))?;
        let picture = rgb(picture)?;
        for (file, format) in [
            ("source.ppm", io::Format::Ppm),
            ("source.png", io::Format::Png),
        ] {
            let (bytes, _) = io::encode_picture(&picture, format)?;
            let path = folder.path().join(file);
            fs::write(&path, bytes).map_err(|e| Error::io(path, e))?;
        }
        let pixels = u64::from(picture.width()) * u64::from(picture.height());
        Ok(Sources { folder, pixels })
    }
}

fn on_path(tool: &str) -> bool {
    let tool = format!("{tool}{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|p| p.join(&tool).is_file()))
}

/// Runs a tool and returns its seconds, or the last thing it said.
fn call(
    tool: &str,
    arguments: &[&str],
    setting: &str,
    from: &Path,
    to: &Path,
) -> Result<f64, String> {
    let arguments = arguments.iter().map(|a| match *a {
        "{in}" => from.into(),
        "{out}" => to.into(),
        a => OsString::from(a.replace("{q}", setting)),
    });
    // In a file, because a pipe that nobody reads would stop a talkative tool.
    let said: PathBuf = to.with_extension("log");
    let log = File::create(&said).map_err(|e| format!("{}: {e}", said.display()))?;
    let talk = log.try_clone().map_err(|e| e.to_string())?;
    let start = Instant::now();
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(talk)
        .stderr(log)
        .spawn()
        .map_err(|e| format!("{tool}: {e}"))?;
    let mut nap = Duration::from_micros(200);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() > PATIENCE => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{tool}: no end after {} s", PATIENCE.as_secs()));
            }
            Ok(None) => {
                std::thread::sleep(nap);
                nap = (nap * 2).min(Duration::from_millis(4));
            }
            Err(e) => return Err(format!("{tool}: {e}")),
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    if status.success() {
        return Ok(seconds);
    }
    let said = fs::read(&said).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|l| !l.trim().is_empty());
    Err(format!(
        "{tool}: {status}: {}",
        last.unwrap_or("no message").trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_means_each_once() {
        let names =
            |asked: &[args::Peer]| -> Vec<&str> { chosen(asked).iter().map(|p| p.name).collect() };
        assert_eq!(names(&[args::Peer::Jxl, args::Peer::Jxl]), ["jxl"]);
        assert_eq!(
            names(&[args::Peer::All, args::Peer::Avif]),
            ["jpeg", "jpeg2000", "webp", "jxl", "avif"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn failures_carry_the_last_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let shell = |script| call("sh", &["-c", script], "", file.path(), file.path());
        assert!(shell("exit 0").is_ok());
        let said = shell("echo one; echo two >&2; exit 3").unwrap_err();
        assert!(said.contains("two") && said.contains('3'), "{said}");
        assert!(call("no-such-tool", &[], "", file.path(), file.path()).is_err());
    }
}
