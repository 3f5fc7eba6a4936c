//! The command line as plain data.

mod coding;
mod colour;
mod device;
mod numbers;
mod roi;
mod sampling;

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use dcodec_eval::{Log, inputs};

use crate::strip::Strip;

use coding::orientations;
pub use coding::{Coding, DisplayArgs, LookChoice};
use colour::colour;
pub use device::{DeviceChoice, On};
use numbers::{decibels, pixels, positive, quality, seed, size};
pub use roi::Roi;
pub use sampling::{Interpolate, ModeName, Sample, Sampling, Variance};

pub const EXIT_CODES: &str = "Exit codes: 0 success, 1 the work failed, 2 the command line is wrong, 130 interrupted, 143 terminated.";

/// A progressive image codec whose prior is a diffusion model: one file, every rate.
#[derive(Debug, Parser)]
#[command(name = "dcodec", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: Option<u32>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Encode a picture (PNG, JPEG, WebP, BMP, TIFF, PNM or GIF)
    ///
    /// Grey, alpha and 16 bits stay what they are; alpha is lossless. ICC profile, EXIF and XMP are
    /// kept and count in --bpp and --bytes. A picture that its EXIF turns is coded upright, and its
    /// EXIF then says upright. Still pictures only.
    Encode(Encode),
    /// Decode a file, or any prefix of one, to a picture
    ///
    /// PNG, JPEG, WebP and TIFF get the ICC profile, EXIF and XMP of the file.
    Decode(Decode),
    /// Cut a file to a lower rate; needs no network
    Cut(Cut),
    /// Say what a file or a prior holds
    Info(Info),
    /// Say what this build is and has, and test it: for reports of faults
    ///
    /// Files of the format's conformance set are decoded and compared with what they show
    /// everywhere. Ends with 1 if one differs, or if the weights inside are not what they should
    /// be.
    Doctor(Doctor),
    /// Draw where the bits of a picture go, or how much each place surprises the prior (-o FILE.npy
    /// keeps the values)
    Map(Map),
    /// Measure rate and distortion of pictures on real file prefixes, and plot them beside other
    /// codecs
    Rd(Rd),
    /// Draw pictures from the prior alone. The default prior knows textures and light, not things:
    /// expect clouds and stone, no faces
    Sample(Sample),
    /// Blend two pictures of one size through the prior
    Interpolate(Interpolate),
    /// Show a file in the browser, with a slider over its bytes
    ///
    /// A server that this machine alone can reach has the page and the file until it is
    /// interrupted. Its address is printed.
    View(View),
    /// Print what makes a shell complete this command's flags and files
    ///
    /// For bash: dcodec completions bash > ~/.local/share/bash-completion/completions/dcodec
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them to a folder
    ///
    /// To read one: dcodec man encode | man -l -
    Man(Man),
}

#[derive(Debug, Args)]
#[cfg_attr(not(feature = "view"), allow(dead_code))]
pub struct View {
    /// The file
    pub input: PathBuf,
    /// Port to listen on [default: one that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Print the address only
    #[arg(long)]
    pub no_open: bool,
    /// The folder web of the sources, after its build.sh [default: DCODEC_WEB, else beside the
    /// program]
    #[arg(long, value_name = "DIR")]
    pub web: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The command that the page is about [default: the page that lists them]
    pub command: Option<String>,
    /// Write all pages, dcodec.1, dcodec-encode.1 and so on, to this folder
    #[arg(short, long, value_name = "DIR", conflicts_with = "command")]
    pub output: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(short, long)]
    pub force: bool,
}

#[derive(Debug, Clone, Args)]
pub struct PriorArgs {
    /// Another prior: xs or l, a smaller and a larger network inside this program (larger files,
    /// faster; smaller files, slower), the weights of one (safetensors), the folder of a DDPM saved
    /// by diffusers, or the name of one on the Hugging Face hub, owner/name, in builds with the
    /// feature hub [default: s, xs for effort 1; in decoders, the one inside this program that the
    /// file needs]
    #[arg(long, value_name = "FILE")]
    pub prior: Option<PathBuf>,
    #[command(flatten)]
    pub on: On,
    /// Refuse pictures of more pixels
    #[arg(long, value_name = "N", default_value_t = dcodec::DEFAULT_MAX_PIXELS, value_parser = pixels)]
    pub max_pixels: u64,
}

#[derive(Debug, Args)]
pub struct Watch {
    /// Refuse work that would take more memory, for instance 500M or 4G
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_memory: Option<u64>,
    /// Say where the time went
    #[arg(long)]
    pub timing: bool,
}

#[derive(Debug, Args)]
pub struct Output {
    /// Where to write; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(short, long)]
    pub force: bool,
}

/// Files that are coded one by one.
#[derive(Debug, Args)]
pub struct Many {
    /// The file; - is standard input. Or several, folders of them, or patterns such as
    /// 'photos/*', to be written to the folder -o DIR, where each of several folders keeps its
    /// name. Files that are named go beside themselves without it
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Folders in folders too: the tree is mirrored below -o DIR
    #[arg(short, long)]
    pub recursive: bool,
    /// Work on N of several files at once, as far as the memory goes: --max-memory, else what the
    /// machine has free. Small pictures alone do not fill a processor
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: u32,
}

impl Many {
    /// The log for progress: bars of several files at once would write over each other.
    pub fn log(&self, log: Log) -> Log {
        let quiet = log.quiet || self.jobs > 1;
        Log { quiet }
    }

    /// The only file, if there is no other.
    pub fn lone(&self) -> Option<&Path> {
        match &self.inputs[..] {
            [one] if !inputs::are_many(&self.inputs) => Some(one),
            _ => None,
        }
    }
}

#[derive(Debug, Args)]
pub struct Encode {
    #[command(flatten)]
    pub many: Many,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub goal: Goal,
    #[command(flatten)]
    pub strip: Strip,
    /// End in the exact picture, after layers down to quality -Q [default: 75 for photographs, and
    /// a preview or nothing for drawings and screenshots]
    #[arg(long, conflicts_with_all = ["bpp", "bytes", "psnr"])]
    pub lossless: bool,
    /// Keep to the target where the exact picture takes hardly more bytes
    #[arg(long, conflicts_with = "lossless")]
    pub no_exact: bool,
    /// 1 (fast, by a smaller network) to 5 (small)
    #[arg(short, long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub effort: u8,
    #[command(flatten)]
    pub coding: Coding,
    /// Seed of the shared noise
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub seed: u64,
    /// Spend most bits on this rectangle: the rest ends at WEIGHT times its noise level. May be
    /// given several times
    #[arg(long, value_name = "X,Y,W,H[:WEIGHT]")]
    pub roi: Vec<Roi>,
    /// Spend most bits where this picture of the same size is light: black weighs 1
    #[arg(long, value_name = "FILE", conflicts_with = "roi")]
    pub roi_mask: Option<PathBuf>,
    /// The weight of regions that have none of their own, and of white in a mask
    #[arg(long, value_name = "WEIGHT", default_value_t = 2.0, value_parser = positive)]
    pub roi_weight: f64,
    /// Decode the result and compare it with the encoder's own reconstruction
    #[arg(long)]
    pub verify: bool,
    /// Write what was measured of each layer as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub prior: PriorArgs,
    #[command(flatten)]
    pub watch: Watch,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Goal {
    /// Stop at this quality, 0 to 100 [default: 75, about 1 bit per pixel]
    #[arg(short = 'Q', long, value_name = "Q", value_parser = quality, allow_negative_numbers = true)]
    pub quality: Option<f64>,
    /// Stop at this many bits per pixel
    #[arg(long, value_name = "R", value_parser = positive, allow_negative_numbers = true)]
    pub bpp: Option<f64>,
    /// Stop at this many bytes, for instance 5000 or 10k
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub bytes: Option<u64>,
    /// Stop at this RGB PSNR in dB, as decode shows it
    ///
    /// inf is --lossless.
    #[arg(long, value_name = "DB", value_parser = decibels, allow_negative_numbers = true)]
    pub psnr: Option<f64>,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Extent {
    /// Use the first R bits per pixel
    #[arg(long, value_name = "R", value_parser = positive, allow_negative_numbers = true)]
    pub bpp: Option<f64>,
    /// Use the first N bytes, for instance 5000 or 10k
    #[arg(long, value_name = "N", value_parser = size, allow_negative_numbers = true)]
    pub bytes: Option<u64>,
    /// Use the first L layers
    #[arg(long, value_name = "L")]
    pub layers: Option<u32>,
}

impl Extent {
    /// True if no flag names an end.
    pub fn is_whole(&self) -> bool {
        self.bpp.is_none() && self.bytes.is_none() && self.layers.is_none()
    }
}

#[derive(Debug, Args)]
pub struct Decode {
    #[command(flatten)]
    pub many: Many,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub extent: Extent,
    /// Average the picture over 1, 2, 4 or 8 orientations of it: closer to the original the more,
    /// for a call of the network each; frames of whole layers are not averaged [default: 4 by the
    /// file's prior, 1 by a --refiner or under a DDPM's folder, which may know upright pictures
    /// only]
    #[arg(long, value_name = "N", value_parser = orientations)]
    pub orientations: Option<usize>,
    #[command(flatten)]
    pub display: DisplayArgs,
    /// A small picture, N pixels along the longer side, from the first bytes: far quicker than the
    /// whole
    #[arg(long, value_name = "N", conflicts_with_all = ["layers", "animate", "progress_dir", "mode", "realism"], value_parser = clap::value_parser!(u32).range(1..))]
    pub thumbnail: Option<u32>,
    /// Refuse files of more layers: each is a call of the network, and a small file may have 400
    #[arg(long, value_name = "N", default_value_t = dcodec::DEFAULT_MAX_CALLS)]
    pub max_calls: u32,
    /// Blend what is transparent with this colour, where the format has no transparency: a name
    /// such as white, or #rrggbb
    #[arg(long, value_name = "COLOUR", value_parser = colour)]
    pub background: Option<[u8; 3]>,
    #[command(flatten)]
    pub strip: Strip,
    /// Picture format [default: by the name of the output, png on a stream]; gif and apng show the
    /// refinement, layer by layer
    #[arg(long, value_name = "EXT")]
    pub format: Option<String>,
    /// Write the refinement as frames of an animated PNG, or of an animated WebP if -o or --format
    /// says webp
    #[arg(long)]
    pub animate: bool,
    /// Write the picture after each layer to this folder, as soon as its bytes have come, and
    /// nothing else unless -o is given
    #[arg(long, value_name = "DIR")]
    pub progress_dir: Option<PathBuf>,
    #[command(flatten)]
    pub prior: PriorArgs,
    #[command(flatten)]
    pub watch: Watch,
    #[command(flatten)]
    pub sampling: Sampling,
}

#[derive(Debug, Args)]
pub struct Cut {
    #[command(flatten)]
    pub many: Many,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub extent: Extent,
}

#[derive(Debug, Args)]
pub struct Info {
    /// The file; - is standard input. Or several, or folders of them, for a line on each
    #[arg(value_name = "INPUT", required_unless_present_any = ["prior", "devices"])]
    pub inputs: Vec<PathBuf>,
    /// Describe these weights, this folder or this model of a hub instead of a file; s and l are
    /// the priors inside this program
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    pub prior: Option<PathBuf>,
    /// List the devices on which this build can run the network on this machine
    #[arg(long, conflicts_with_all = ["inputs", "prior"])]
    pub devices: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Noise {
    /// Independent values, what the prior is trained on
    Gaussian,
    /// Smooth fields of six octaves, which hide large structures too; for priors that were trained
    /// on them
    Simplex,
}

#[derive(Debug, Args)]
pub struct Map {
    /// The picture; - is standard input
    pub input: PathBuf,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub goal: Goal,
    /// 1 (fast, by a smaller network) to 5 (small)
    #[arg(short, long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub effort: u8,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = seed)]
    pub seed: u64,
    /// Instead of bits: how badly the prior predicts each place through noise of S levels, an
    /// anomaly score
    #[arg(long, value_name = "S", conflicts_with = "Goal", value_parser = positive, allow_negative_numbers = true)]
    pub sigma: Option<f64>,
    /// The kind of noise
    #[arg(long, value_enum, default_value_t = Noise::Gaussian, requires = "sigma")]
    pub noise: Noise,
    /// Take the mean over N draws of the noise
    #[arg(long, value_name = "N", default_value_t = 4, requires = "sigma", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub draws: u32,
    /// Take the mean over boxes of N pixels a side [default: 5 for png, 1 for npy]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub smooth: Option<u32>,
    #[command(flatten)]
    pub prior: PriorArgs,
}

/// Unit of quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Metric {
    /// RGB PSNR in dB
    Psnr,
    /// Multi-scale structural similarity of RGB, drawn in dB
    MsSsim,
    /// SSIMULACRA2
    Ssimulacra2,
}

/// Another codec, run by its installed tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// cjpeg, progressive; that of mozjpeg if it is the one installed
    Jpeg,
    /// opj_compress
    Jpeg2000,
    /// cwebp
    Webp,
    /// cjxl
    Jxl,
    /// avifenc
    Avif,
    /// heif-enc
    Heif,
    /// All of these
    All,
}

/// Place of the files that are made for their rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MadeForRate {
    /// Beside the prefixes of one file
    Beside,
    /// In place of the prefixes
    Only,
    /// In place of the prefixes, and the bitrates alone
    Rates,
    /// In place of the prefixes, and the mean curve alone
    Qualities,
}

#[derive(Debug, Args)]
pub struct Rd {
    /// Pictures, folders of them, or patterns such as 'photos/*.png'
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// Where to write: a plot (.svg, .png), the mean curves (.json) or every measured point
    /// (.csv); - is CSV on standard output. May be given several times. An interrupted run goes on
    /// where it was when it is started again
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Overwrite existing files
    #[arg(short, long)]
    pub force: bool,
    /// Cut the pictures into tiles of N x N pixels, and measure each
    #[arg(long, value_name = "N")]
    pub tile: Option<u32>,
    /// Measure N of the pictures only, evenly from the whole list
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Bitrates to measure
    #[arg(
        long,
        value_name = "R,R,..",
        value_delimiter = ',',
        value_parser = positive,
        allow_negative_numbers = true,
        default_value = "0.1,0.15,0.2,0.3,0.5,0.75,1.0"
    )]
    pub points: Vec<f64>,
    /// Encode to this quality, 0 to 100, instead of to the largest bitrate: for the mean curve at
    /// fixed noise levels
    #[arg(short = 'Q', long, value_name = "Q", value_parser = quality, allow_negative_numbers = true)]
    pub quality: Option<f64>,
    /// 1 (fast, by a smaller network) to 5 (small)
    #[arg(short, long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub effort: u8,
    #[command(flatten)]
    pub coding: Coding,
    #[command(flatten)]
    pub display: DisplayArgs,
    /// Measure files that are made for each bitrate too, and eight qualities for a mean curve, as
    /// other codecs are measured. With =only in place of the prefixes of one file
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "beside"
    )]
    pub made_for_rate: Option<MadeForRate>,
    /// Measure other codecs on the same pictures, with their installed tools
    #[arg(long, value_name = "CODEC,..", value_delimiter = ',')]
    pub peers: Vec<Peer>,
    /// Also cut one progressive file of each peer that has them (JPEG, JPEG 2000, JPEG XL) at the
    /// bitrates
    #[arg(long, requires = "peers")]
    pub prefixes: bool,
    /// Stop a peer's tool that takes longer for one picture
    #[arg(long, value_name = "SECONDS", default_value_t = 120.0, value_parser = positive, allow_negative_numbers = true)]
    pub time_limit: f64,
    /// Print a table of the ends of the layers instead of the bitrates
    #[arg(long)]
    pub layers: bool,
    /// Show the ideal, the sum of the steps' Kullback-Leibler divergences, beside the real bits
    #[arg(long)]
    pub ideal: bool,
    /// Draw a sheet (.png) of the original and what each codec shows at 0.05, 0.1, 0.2 and 0.4 bits
    /// per pixel
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
    /// Instead: the figures of section 4.3 of Ho, Jain and Abbeel (2020) with these small pictures.
    /// Rate and distortion against reverse time and against each other by the ideal chain, the
    /// lossless bound, real files beside it, and with --sheet x0_hat over reverse time
    #[arg(long, conflicts_with_all = ["peers", "ideal", "layers", "quality", "orientations", "made_for_rate"])]
    pub paper: bool,
    /// Steps of the ideal chain of --paper
    #[arg(long, value_name = "N", default_value_t = 250)]
    pub steps: usize,
    /// Where measurements are kept until the run has ended [default: the first output's name with
    /// .part]
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// The quality that the plot shows against bits per pixel
    #[arg(long, value_enum, default_value_t = Metric::Psnr)]
    pub metric: Metric,
    /// Plot on a linear instead of a logarithmic axis of bits per pixel
    #[arg(long)]
    pub linear: bool,
    #[command(flatten)]
    pub prior: PriorArgs,
}
