//! `dcodec encode`: pictures to files.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use dcodec::prior::{Device, Shipped};
use dcodec::{
    Decoder, Display, Effort, Encoded, Encoder, Interest, Metadata, Picture, Prior, Region, Target,
    metrics,
};
use dcodec_eval::Log;
use dcodec_eval::inputs::Kind;
use dcodec_eval::io::{self, name, output_name};
use dcodec_eval::load::{Loaded, load_picture};
use dcodec_eval::read::{Limits, picture_form, read_picture};
use serde::Serialize;

use crate::args::{DeviceChoice, Encode, Goal, Roi};
use crate::batch::{Batch, Done, Outputs};
use crate::clock::Clock;
use crate::error::{About, Error, Result};
use crate::priors::{prior, usual_display};
use crate::text::{bpp, destination, many};

pub fn run(a: &Encode, log: Log) -> Result<()> {
    let Some(input) = a.many.lone() else {
        return several(a, log);
    };
    // Before the names of outputs, of which its own would be one.
    if Kind::Coded.is_of(input) {
        let name = name(input);
        return Err(dcodec_eval::Error::Coded { name }.into());
    }
    let output = destination(a.output.output.as_deref(), input, "dfc")?;
    if io::is_standard_input(input) && a.roi_mask.as_deref().is_some_and(io::is_standard_input) {
        let e = "standard input is named twice: for the picture and for the mask";
        return Err(Error::Usage(e.into()));
    }
    let outputs = || a.report.iter().chain([&output]);
    io::check_distinct(outputs().map(PathBuf::as_path))?;
    for output in outputs() {
        io::check_apart(input, output)?;
        check_others(a, output)?;
        io::check_destination(output, a.output.force)?;
    }
    one(a, &FilePriors::wanted(a, log)?, input, &output, log).map(|_| ())
}

/// Refuses to write over a file that the flags name as an input.
fn check_others(a: &Encode, output: &Path) -> Result<()> {
    for input in a.roi_mask.iter().chain(&a.prior.prior) {
        io::check_apart(input, output)?;
    }
    Ok(())
}

/// The prior of a file, and the file's display, where a target of PSNR needs it.
struct FilePriors {
    own: Prior,
    display: Option<Display>,
}

impl FilePriors {
    /// On the CPU for an exact end unless another device is asked for.
    fn wanted(a: &Encode, log: Log) -> Result<FilePriors> {
        let mut args = a.prior.clone();
        if wanted_target(a).is_lossless() && args.on.device == DeviceChoice::Auto {
            args.on.device = DeviceChoice::On(Device::Cpu);
        }
        let own = prior(&args, Shipped::of_effort(a.effort), log)?;
        if wanted_target(a).is_lossless() && !own.is_reference() {
            let e = "an exact end needs the reference arithmetic, that of the kernels for the CPU";
            return Err(Error::Failed(format!("{e} (--device cpu)")));
        }
        let display = match a.goal.psnr {
            Some(_) => Some(usual_display(&own, &args, log)?),
            None => None,
        };
        Ok(FilePriors { own, display })
    }
}

fn wanted_target(a: &Encode) -> Target {
    match a.lossless {
        true => Target::Lossless(a.goal.quality),
        false => target(&a.goal),
    }
}

/// Encodes several pictures, each with all cores; one that fails costs only itself.
fn several(a: &Encode, log: Log) -> Result<()> {
    let outputs = Outputs {
        folder: a.output.output.as_deref(),
        extension: "dfc",
        lone: a.report.is_some().then_some("--report"),
        beside: true,
    };
    let batch = Batch::new(&a.many, Kind::Picture, &outputs)?;
    let priors = FilePriors::wanted(a, log)?;
    let need = |input: &Path| {
        let form = picture_form(input, &limits(a));
        let memory = form.and_then(|form| encoder(a, &priors).memory(form).ok());
        memory.unwrap_or(0)
    };
    let force = a.output.force;
    batch.run(force, a.watch.max_memory, log, &need, &|input, output| {
        io::check_apart(input, output)?;
        check_others(a, output)?;
        io::check_destination(output, force)?;
        one(a, &priors, input, output, log)
    })
}

/// The limits of what is read.
fn limits(a: &Encode) -> Limits {
    Limits {
        max_pixels: a.prior.max_pixels,
        max_memory: a.watch.max_memory.unwrap_or(u64::MAX),
    }
}

/// Encodes one picture.
fn one(a: &Encode, priors: &FilePriors, input: &Path, output: &Path, log: Log) -> Result<Done> {
    let mut clock = Clock::start();
    let bar = a.many.log(log).bar("encoding");
    let mut encoder = encoder(a, priors);
    // Before any pixel is decoded.
    let check = |form| encoder.check_memory(form).about(input);
    let data = read_picture(input, &limits(a), check)?;
    let Loaded {
        picture,
        metadata,
        notes,
    } = load_picture(&data, input, a.prior.max_pixels)?;
    let metadata = a.strip.apply(metadata);
    drop(data);
    clock.lap("read");
    for note in notes {
        log.say(format!("{}: note: {note}", name(input)));
    }
    if let Some(interest) = interest(a, input, &picture)? {
        encoder = encoder.interest(interest);
    }
    // They may be long.
    let verified_metadata = match a.verify {
        true => metadata.clone(),
        false => Metadata::default(),
    };
    let encoded = encoder
        .metadata(metadata)
        .encode_with(&picture, &mut |p| {
            bar.set_position((1000.0 * p.done) as u64);
            bar.set_message(format!("{} bytes", p.bytes));
            ControlFlow::Continue(())
        })
        .about(input);
    bar.finish_and_clear();
    let encoded = encoded?;
    clock.lap_codec(&encoded.timings, "other");
    if a.verify {
        log.say(verified(
            &encoded,
            &picture,
            &verified_metadata,
            priors,
            input,
        )?);
        clock.lap("verify");
    }
    if let Some(path) = &a.report {
        let report = report(&encoded, &picture);
        io::write_atomic(path, a.output.force, |w| w.write_all(report.as_bytes()))?;
    }
    io::write_atomic(output, a.output.force, |w| w.write_all(&encoded.bytes))?;
    io::keep_time(input, output);
    clock.lap("write");
    log.say(format!(
        "{}: {}, {:.1} s",
        output_name(output),
        summary(&encoded, &picture),
        clock.total().as_secs_f64()
    ));
    if a.watch.timing {
        io::say(clock.table(&encoded.timings));
    }
    if encoded.exact_bytes.is_some() && !wanted_target(a).is_lossless() {
        log.say("note: the exact picture takes hardly more bytes, if any; the file is lossless");
    }
    if !encoded.target_met {
        log.say("note: the lowest noise level came before the target; the file ends there");
    }
    Ok(Done {
        pixels: u64::from(picture.width()) * u64::from(picture.height()),
        bytes: encoded.bytes.len() as u64,
    })
}

/// The encoder that the flags ask for.
fn encoder(a: &Encode, priors: &FilePriors) -> Encoder {
    let display = priors.display.clone();
    let encoder = Encoder::new(&priors.own);
    let encoder = match a.coding.tune {
        Some(tune) => encoder.tune(tune.into()),
        None => encoder,
    };
    encoder
        .target(wanted_target(a))
        .effort(Effort::new(a.effort).unwrap_or_default())
        .ensemble(a.coding.orientations)
        .prefilter(!a.coding.no_prefilter)
        .corrections(!a.coding.no_corrections)
        .exact_if_smaller(!a.no_exact)
        .psnr_as_displayed_by(display.unwrap_or(Display::PLAIN))
        .seed(a.seed)
        .reconstruct(a.verify)
        .max_memory(a.watch.max_memory.unwrap_or(u64::MAX))
}

/// Size, layers and bytes of a file.
fn summary(encoded: &Encoded, picture: &Picture) -> String {
    let bytes = encoded.bytes.len();
    let exact = match encoded.exact_bytes {
        Some(n) if encoded.layers.is_empty() => format!(", exact in {n} bytes"),
        Some(n) => format!(", exact in {n} bytes more"),
        None => String::new(),
    };
    format!(
        "{} x {}, {}{exact}, {bytes} bytes, {:.4} bits per pixel",
        picture.width(),
        picture.height(),
        many(encoded.layers.len() as u64, "layer"),
        bpp(bytes as u64, picture.width(), picture.height()),
    )
}

/// Weights of the places where the flags want most bits, if they do anywhere.
fn interest(a: &Encode, input: &Path, picture: &Picture) -> Result<Option<Interest>> {
    let (width, height) = (picture.width(), picture.height());
    if let Some(path) = &a.roi_mask {
        let bytes = read_picture(path, &limits(a), |_| Ok::<_, Error>(()))?;
        let mask = load_picture(&bytes, path, a.prior.max_pixels)?;
        let mask = mask.picture.into_eight();
        if (mask.width(), mask.height()) != (width, height) {
            return Err(Error::Usage(format!(
                "{}: the mask is of {} x {} pixels, the picture of {width} x {height}",
                name(path),
                mask.width(),
                mask.height()
            )));
        }
        let weight = |pixel: &[u8]| {
            let sum: u32 = pixel.iter().map(|&v| u32::from(v)).sum();
            1.0 + (a.roi_weight - 1.0) * f64::from(sum) / (255.0 * pixel.len() as f64)
        };
        let samples = mask.samples().as_eight().unwrap_or_default();
        let pixels = samples.chunks(mask.colour().channels());
        let weights: Vec<f64> = pixels.map(weight).collect();
        return Interest::new(width, height, &weights).about(path).map(Some);
    }
    let region = |r: &Roi| Region {
        x: r.x,
        y: r.y,
        width: r.width,
        height: r.height,
        weight: r.weight.unwrap_or(a.roi_weight),
    };
    let regions: Vec<Region> = a.roi.iter().map(region).collect();
    match regions.is_empty() {
        true => Ok(None),
        false => Interest::regions(width, height, &regions)
            .about(input)
            .map(Some),
    }
}

/// The target that the flags ask for.
pub fn target(goal: &Goal) -> Target {
    match goal {
        Goal { bpp: Some(r), .. } => Target::Bpp(*r),
        Goal { bytes: Some(n), .. } => Target::Bytes(*n),
        Goal {
            psnr: Some(f64::INFINITY),
            ..
        } => Target::Lossless(None),
        Goal { psnr: Some(db), .. } => Target::Psnr(*db),
        goal => Target::Quality(goal.quality.unwrap_or(75.0)),
    }
}

/// Decodes the file, and compares the picture with the encoder's own last state.
fn verified(
    encoded: &Encoded,
    picture: &Picture,
    metadata: &Metadata,
    priors: &FilePriors,
    input: &Path,
) -> Result<String> {
    let wrong = |reason: &str| {
        let name = name(input);
        Err(Error::Failed(format!(
            "{name}: verification failed: {reason}"
        )))
    };
    let decoder = |display: &Display| {
        Decoder::new(&priors.own)
            .max_pixels(u64::MAX)
            .display(display.clone())
    };
    let decoded = decoder(&Display::PLAIN)
        .decode(&encoded.bytes)
        .about(input)?;
    let own = encoded.reconstruction.as_ref().unwrap_or(picture);
    let drift = metrics::psnr(&decoded.picture, own).about(input)?;
    if drift < 60.0 {
        return wrong(&format!(
            "the decoded picture is {drift:.1} dB from the encoder's own"
        ));
    }
    if decoded.metadata != *metadata {
        return wrong("the metadata differ");
    }
    let differs = picture.alpha() != decoded.picture.alpha();
    if differs && decoded.coverage.complete {
        return wrong("the alpha plane differs");
    }
    let alpha = if differs { ", alpha differs" } else { "" };
    // A target of PSNR is that of the picture that `decode` shows.
    let shown = match &priors.display {
        Some(display) => decoder(display).decode(&encoded.bytes).about(input)?,
        None => decoded,
    };
    Ok(format!(
        "verified: decodes to {:.2} dB of the input{alpha}; equal to the encoder's own picture{}",
        metrics::psnr(&picture.fill_invisible(), &shown.picture.fill_invisible()).about(input)?,
        if drift.is_infinite() {
            String::new()
        } else {
            format!(" within {drift:.1} dB")
        }
    ))
}

#[derive(Serialize)]
struct LayerRow {
    sigma: f64,
    stages: u32,
    kl_bits: f64,
    bits: u64,
    delivered: Option<f64>,
    psnr_before: f64,
    end: u64,
}

fn report(encoded: &Encoded, picture: &Picture) -> String {
    let rows: Vec<LayerRow> = encoded
        .layers
        .iter()
        .map(|l| LayerRow {
            sigma: dcodec::schedule::Sigma::from(l.layer.sigma).levels(),
            stages: l.layer.stages,
            kl_bits: l.kl_bits,
            bits: l.bits,
            delivered: l.delivered,
            psnr_before: l.psnr_before,
            end: l.end,
        })
        .collect();
    let all = serde_json::json!({
        "width": picture.width(),
        "height": picture.height(),
        "bytes": encoded.bytes.len(),
        "bpp": bpp(encoded.bytes.len() as u64, picture.width(), picture.height()),
        "layers": rows,
    });
    format!("{all:#}\n")
}
