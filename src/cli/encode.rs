use std::path::Path;
use std::time::Instant;

use dcodec::{Decoder, Effort, Encoded, Encoder, Error, Picture, Result, Target, metrics};
use serde::Serialize;

use super::args::{Encode, Goal};
use super::{About, Failure, Log, destination, io, name, prior};

pub fn run(a: &Encode, log: Log) -> Result<(), Failure> {
    let start = Instant::now();
    let output = destination(a.output.output.as_ref(), &a.input, "dfc");
    io::check_destination(&output, a.output.force)?;
    if let Some(report) = &a.report {
        io::check_destination(report, a.output.force)?;
    }
    let data = io::read_input(&a.input)?;
    let (picture, notices) = io::load_picture(&data, &a.input, a.prior.max_pixels)?;
    for notice in notices {
        log.say(format!("{}: note: {notice}", name(&a.input)));
    }
    let prior = prior(&a.prior)?;
    let bar = log.bar("encoding");
    let effort = Effort::new(a.effort).unwrap_or_default();
    let encoded = Encoder::new(&prior)
        .target(target(&a.goal))
        .effort(effort)
        .seed(a.seed)
        .reconstruct(a.verify)
        .on_progress(|p| {
            bar.set_position((1000.0 * p.done) as u64);
            bar.set_message(format!("{} bytes", p.bytes));
        })
        .encode(&picture)
        .about(&a.input);
    bar.finish_and_clear();
    let encoded = encoded?;
    if a.verify {
        let verified = verify(&encoded, &picture, &prior).about(&a.input)?;
        log.say(verified);
    }
    if let Some(path) = &a.report {
        io::write_atomic(path, a.output.force, |w| {
            w.write_all(report(&encoded, &picture).as_bytes())
        })?;
    }
    io::write_atomic(&output, a.output.force, |w| w.write_all(&encoded.bytes))?;
    log.say(format!(
        "{}: {} x {}, {} layers, {} bytes, {:.4} bits per pixel, {:.1} s",
        if output == Path::new("-") {
            "standard output".into()
        } else {
            name(&output)
        },
        picture.width(),
        picture.height(),
        encoded.layers.len(),
        encoded.bytes.len(),
        bpp(encoded.bytes.len(), &picture),
        start.elapsed().as_secs_f64()
    ));
    if !encoded.reached {
        log.say("note: the lowest noise level came before the target; the file ends there");
    }
    Ok(())
}

fn target(goal: &Goal) -> Target {
    match goal {
        Goal { bpp: Some(r), .. } => Target::Bpp(*r),
        Goal { bytes: Some(n), .. } => Target::Bytes(*n),
        Goal { psnr: Some(db), .. } => Target::Psnr(*db),
        goal => Target::Quality(goal.quality.unwrap_or(75.0)),
    }
}

fn bpp(bytes: usize, picture: &Picture) -> f64 {
    8.0 * bytes as f64 / (f64::from(picture.width()) * f64::from(picture.height()))
}

/// Decodes the file and holds the result against the encoder's own last state.
fn verify(encoded: &Encoded, picture: &Picture, prior: &dcodec::Prior) -> Result<String> {
    let decoded = Decoder::new(prior)
        .max_pixels(u64::MAX)
        .decode(&encoded.bytes)?;
    let own = encoded.reconstruction.as_ref().unwrap_or(picture);
    let drift = metrics::psnr(&decoded.picture, own)?;
    if drift < 60.0 {
        return Err(Error::Backend(format!(
            "verification failed: the decoded picture is {drift:.1} dB from the encoder's own"
        )));
    }
    let alpha = if picture.alpha() == decoded.picture.alpha() {
        ""
    } else {
        ", alpha differs"
    };
    if !alpha.is_empty() && decoded.used.complete {
        return Err(Error::Backend(
            "verification failed: the alpha plane differs".into(),
        ));
    }
    Ok(format!(
        "verified: decodes to {:.2} dB of the input{alpha}; equal to the encoder's own picture{}",
        metrics::psnr(picture, &decoded.picture)?,
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
            sigma: dcodec::schedule::Sigma::from_code(l.layer.sigma).map_or(0.0, |s| s.levels()),
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
        "bpp": bpp(encoded.bytes.len(), picture),
        "layers": rows,
    });
    format!("{all:#}\n")
}
