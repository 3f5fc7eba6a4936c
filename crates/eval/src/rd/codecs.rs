//! The codecs to compare with: calls of their tools, and ways to find and install them.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::process;
use super::settings::Codec;

/// A tool that takes longer to say its version says none.
const VERSION_TIME_LIMIT: Duration = Duration::from_secs(10);

/// A tool and its arguments: `{q}` is the setting, `{in}` and `{out}` are files.
#[derive(Debug)]
pub struct ToolCall {
    pub tool: &'static str,
    pub arguments: &'static [&'static str],
}

/// One progressive file to be cut anywhere.
#[derive(Debug)]
pub struct Progressive {
    pub encode: ToolCall,
    pub setting: ProgressiveSetting,
    /// With `{layers}` for the quality layers that a prefix holds whole.
    pub decode: &'static [&'static str],
}

/// The one setting of a progressive file.
#[derive(Debug)]
pub enum ProgressiveSetting {
    Fixed(&'static str),
    /// The compression ratios of quality layers, six an octave up to 2 bits per pixel.
    Layers,
}

/// A codec and the calls of its tools.
#[derive(Debug)]
pub struct PeerCodec {
    pub name: &'static str,
    /// Name in plots.
    pub title: &'static str,
    debian: &'static str,
    homebrew: &'static str,
    pub encoder: ToolCall,
    /// The first that is installed is taken.
    decoders: &'static [ToolCall],
    /// Arguments that make the encoder say its version, in whatever words.
    version: &'static [&'static str],
    /// Extensions of the encoder's input, of its file, and of the decoder's output.
    pub extensions: [&'static str; 3],
    /// Settings to measure, from low to high rate.
    pub settings: &'static [&'static str],
    pub scale: SettingRange,
    pub progressive: Option<Progressive>,
}

/// All settings of a codec, for a search by size.
#[derive(Debug, Clone, Copy)]
pub enum SettingRange {
    /// Whole numbers, from the smallest file to the largest.
    Whole(i32, i32),
    /// Hundredths, from the smallest file to the largest.
    Hundredths(i32, i32),
    /// The compression ratio, 24 bits a pixel over the bitrate.
    Ratio,
}

const JPEG: PeerCodec = PeerCodec {
    name: "jpeg",
    title: "JPEG",
    debian: "libjpeg-turbo-progs",
    homebrew: "jpeg-turbo",
    encoder: ToolCall {
        tool: "cjpeg",
        arguments: &[
            "-quality",
            "{q}",
            "-progressive",
            "-optimize",
            "-outfile",
            "{out}",
            "{in}",
        ],
    },
    decoders: &[ToolCall {
        tool: "djpeg",
        arguments: &["-ppm", "-outfile", "{out}", "{in}"],
    }],
    version: &["-version"],
    extensions: ["ppm", "jpg", "ppm"],
    settings: &["4", "7", "12", "20", "32", "50", "68", "80", "88"],
    scale: SettingRange::Whole(1, 100),
    progressive: Some(Progressive {
        encode: ToolCall {
            tool: "cjpeg",
            arguments: &[
                "-quality",
                "{q}",
                "-progressive",
                "-optimize",
                "-outfile",
                "{out}",
                "{in}",
            ],
        },
        setting: ProgressiveSetting::Fixed("88"),
        decode: &["-ppm", "-outfile", "{out}", "{in}"],
    }),
};

const WEBP: PeerCodec = PeerCodec {
    name: "webp",
    title: "WebP",
    debian: "webp",
    homebrew: "webp",
    encoder: ToolCall {
        tool: "cwebp",
        arguments: &["-quiet", "-m", "6", "-q", "{q}", "{in}", "-o", "{out}"],
    },
    decoders: &[ToolCall {
        tool: "dwebp",
        arguments: &["-quiet", "-ppm", "{in}", "-o", "{out}"],
    }],
    version: &["-version"],
    extensions: ["png", "webp", "ppm"],
    settings: &["0", "3", "8", "18", "35", "55", "75", "86", "93"],
    scale: SettingRange::Whole(0, 100),
    progressive: None,
};

const AVIF: PeerCodec = PeerCodec {
    name: "avif",
    title: "AVIF",
    debian: "libavif-bin",
    homebrew: "libavif",
    encoder: ToolCall {
        tool: "avifenc",
        // Versions before 1.0 have no -q. All understand this: 63 is -q 0, 0 is -q 100.
        arguments: &[
            "-s",
            "4",
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
    },
    decoders: &[ToolCall {
        tool: "avifdec",
        arguments: &["{in}", "{out}"],
    }],
    version: &["--version"],
    extensions: ["png", "avif", "png"],
    settings: &["62", "58", "53", "48", "42", "37", "30", "24", "16", "10"],
    scale: SettingRange::Whole(63, 0),
    progressive: None,
};

const HEIF: PeerCodec = PeerCodec {
    name: "heif",
    title: "HEIF",
    debian: "libheif-examples",
    homebrew: "libheif",
    encoder: ToolCall {
        tool: "heif-enc",
        arguments: &["-q", "{q}", "-p", "chroma=444", "{in}", "-o", "{out}"],
    },
    decoders: &[
        ToolCall {
            tool: "heif-dec",
            arguments: &["{in}", "{out}"],
        },
        ToolCall {
            tool: "heif-convert",
            arguments: &["{in}", "{out}"],
        },
    ],
    // Old versions do not know the flag, but complain with their version.
    version: &["--version"],
    extensions: ["png", "heic", "png"],
    settings: &["3", "9", "16", "24", "32", "40", "49", "58", "67", "78"],
    scale: SettingRange::Whole(0, 100),
    progressive: None,
};

const JXL: PeerCodec = PeerCodec {
    name: "jxl",
    title: "JPEG XL",
    debian: "libjxl-tools",
    homebrew: "jpeg-xl",
    encoder: ToolCall {
        tool: "cjxl",
        // Without resampling the curve is of one method: versions differ in when they halve the
        // picture.
        arguments: &["{in}", "{out}", "-e", "7", "-d", "{q}", "--resampling=1"],
    },
    decoders: &[ToolCall {
        tool: "djxl",
        arguments: &["{in}", "{out}"],
    }],
    version: &["--version"],
    extensions: ["ppm", "jxl", "ppm"],
    settings: &["25", "17", "11", "7", "4.5", "3", "2", "1.3", "0.85"],
    scale: SettingRange::Hundredths(2500, 30),
    progressive: Some(Progressive {
        encode: ToolCall {
            tool: "cjxl",
            arguments: &[
                "{in}",
                "{out}",
                "-p",
                "-e",
                "7",
                "-d",
                "{q}",
                "--resampling=1",
            ],
        },
        setting: ProgressiveSetting::Fixed("0.85"),
        decode: &["{in}", "{out}", "--allow_partial_files"],
    }),
};

const JPEG2000: PeerCodec = PeerCodec {
    name: "jpeg2000",
    title: "JPEG 2000",
    debian: "libopenjp2-tools",
    homebrew: "openjpeg",
    encoder: ToolCall {
        tool: "opj_compress",
        arguments: &["-i", "{in}", "-o", "{out}", "-I", "-r", "{q}"],
    },
    decoders: &[ToolCall {
        tool: "opj_decompress",
        arguments: &["-i", "{in}", "-o", "{out}"],
    }],
    version: &["-h"],
    extensions: ["ppm", "j2k", "ppm"],
    // 24 bits over the bits per pixel 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.
    settings: &["480", "240", "120", "80", "48", "32", "24", "16", "12"],
    scale: SettingRange::Ratio,
    progressive: Some(Progressive {
        encode: ToolCall {
            tool: "opj_compress",
            arguments: &["-i", "{in}", "-o", "{out}", "-I", "-r", "{q}"],
        },
        setting: ProgressiveSetting::Layers,
        // Without -l a layer that is cut damages the picture.
        decode: &[
            "-i",
            "{in}",
            "-o",
            "{out}",
            "-allow-partial",
            "-l",
            "{layers}",
        ],
    }),
};

/// A codec whose tools are here.
#[derive(Debug, Clone)]
pub struct InstalledCodec {
    pub definition: &'static PeerCodec,
    pub decoder: &'static ToolCall,
    pub name: &'static str,
    pub title: &'static str,
    /// The encoder and its version.
    pub version: String,
}

/// The codecs asked for, each once.
pub fn chosen(asked: &[Codec]) -> Vec<&'static PeerCodec> {
    let of = |codec: Codec| match codec {
        Codec::Jpeg => &JPEG,
        Codec::Jpeg2000 => &JPEG2000,
        Codec::Webp => &WEBP,
        Codec::Jxl => &JXL,
        Codec::Avif => &AVIF,
        Codec::Heif => &HEIF,
    };
    let all = Codec::ALL.into_iter();
    all.filter(|codec| asked.contains(codec)).map(of).collect()
}

impl PeerCodec {
    /// The installed tools.
    ///
    /// # Errors
    /// A message that names the missing ones and the package that has them.
    pub fn find(&'static self) -> Result<InstalledCodec, String> {
        let decoder = self.decoders.iter().find(|d| on_path(d.tool));
        let mut missing = Vec::new();
        if !on_path(self.encoder.tool) {
            missing.push(self.encoder.tool.to_owned());
        }
        if decoder.is_none() {
            let names: Vec<&str> = self.decoders.iter().map(|d| d.tool).collect();
            missing.push(names.join(" or "));
        }
        let (Some(decoder), true) = (decoder, missing.is_empty()) else {
            return Err(format!(
                "{}: left out, {} not found (Debian: apt install {}; Homebrew: brew install {})",
                self.name,
                missing.join(" and "),
                self.debian,
                self.homebrew
            ));
        };
        let said = self.said();
        // Another encoder by these commands.
        let mozilla = self.name == "jpeg" && said.to_ascii_lowercase().contains("mozjpeg");
        let (name, title) = match mozilla {
            true => ("mozjpeg", "mozjpeg"),
            false => (self.name, self.title),
        };
        let version = match number(&said) {
            Some(number) => format!("{} {number}", self.encoder.tool),
            None => format!("{} of unknown version", self.encoder.tool),
        };
        Ok(InstalledCodec {
            definition: self,
            decoder,
            name,
            title,
            version,
        })
    }

    /// The encoder's messages when it is asked for its version.
    fn said(&self) -> String {
        let Ok(mut log) = tempfile::tempfile() else {
            return String::new();
        };
        let (Ok(out), Ok(err)) = (log.try_clone(), log.try_clone()) else {
            return String::new();
        };
        let mut command = Command::new(self.encoder.tool);
        command
            .args(self.version)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err);
        // The exit code says nothing: opj_compress -h fails, and old tools do not know the flag.
        let _ = process::wait(command, VERSION_TIME_LIMIT);
        process::tail(&mut log)
    }
}

/// The first number with a dot: tools say their versions in many ways.
fn number(said: &str) -> Option<&str> {
    let inside = |c: char| c.is_ascii_digit() || c == '.';
    said.split(|c| !inside(c))
        .map(|word| word.trim_matches('.'))
        .find(|word| word.contains('.'))
}

fn on_path(tool: &str) -> bool {
    let tool = format!("{tool}{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|p| p.join(&tool).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_chosen_once() {
        let names =
            |asked: &[Codec]| -> Vec<&str> { chosen(asked).iter().map(|p| p.name).collect() };
        assert_eq!(names(&[Codec::Jxl, Codec::Jxl]), ["jxl"]);
        assert_eq!(
            names(&[&Codec::ALL[..], &[Codec::Avif]].concat()),
            ["jpeg", "jpeg2000", "webp", "jxl", "avif", "heif"]
        );
    }

    #[test]
    fn versions_are_found_in_prose() {
        for (said, want) in [
            (
                "libjpeg-turbo version 2.1.5 (build 20230203)",
                Some("2.1.5"),
            ),
            ("cjxl v0.7.0 [AVX3,AVX2]", Some("0.7.0")),
            ("against openjp2 library v2.5.0.", Some("2.5.0")),
            ("1.2.4", Some("1.2.4")),
            ("no idea... at all", None),
        ] {
            assert_eq!(number(said), want);
        }
    }
}
