use std::path::Path;
use std::time::Instant;

use dcodec::container::Event;
use dcodec::{Effort, Encoder, Error, Picture, Prior, Result, StreamDecoder, Target, metrics};

use super::args::Rd;
use super::{About, Failure, Log, io, name, prior};

/// One measured prefix of a real file.
struct Point {
    picture: String,
    /// The bitrate asked for, or none at the end of a layer.
    asked: Option<f64>,
    sigma: f64,
    bytes: u64,
    bpp: f64,
    psnr: f64,
}

pub fn run(a: &Rd, log: Log) -> Result<(), Failure> {
    if let Some(output) = &a.output.output {
        io::check_destination(output, a.output.force)?;
    }
    let mut points = a.points.clone();
    points.sort_by(f64::total_cmp);
    if points.first().is_none_or(|p| !p.is_finite() || *p <= 0.0) {
        return Err(Error::Parameter("bitrates must be positive numbers".into()).into());
    }
    let prior = prior(&a.prior)?;
    let mut all: Vec<Point> = Vec::new();
    for path in &a.inputs {
        let start = Instant::now();
        let data = io::read_input(path)?;
        let (picture, _) = io::load_picture(&data, path, a.prior.max_pixels)?;
        let effort = Effort::new(a.effort).unwrap_or_default();
        let target = a
            .quality
            .map_or(Target::Bpp(points[points.len() - 1]), Target::Quality);
        let file = Encoder::new(&prior)
            .effort(effort)
            .target(target)
            .encode(&picture)
            .about(path)?
            .bytes;
        let encoded = start.elapsed();
        all.extend(measure(&prior, path, &picture, &file, &points).about(path)?);
        log.say(format!(
            "{}: {} bytes, encoded in {:.1} s, measured in {:.1} s",
            name(path),
            file.len(),
            encoded.as_secs_f64(),
            (start.elapsed() - encoded).as_secs_f64()
        ));
    }
    print!("{}", table(&all, &points, a.inputs.len()));
    if let Some(output) = &a.output.output {
        let csv = csv(&all);
        io::write_atomic(output, a.output.force, |w| w.write_all(csv.as_bytes()))?;
    }
    Ok(())
}

/// Streams the file and measures the preview at the end of every layer and at every bitrate.
fn measure(
    prior: &Prior,
    path: &Path,
    picture: &Picture,
    file: &[u8],
    points: &[f64],
) -> Result<Vec<Point>> {
    let pixels = f64::from(picture.width()) * f64::from(picture.height());
    let mut stream = StreamDecoder::new(prior, u64::MAX);
    let mut out = Vec::new();
    let mut at = 0;
    for asked in points.iter().copied().map(Some).chain([None]) {
        let end = asked.map_or(file.len(), |r| {
            ((r * pixels / 8.0) as usize).min(file.len())
        });
        while at < end {
            let (used, event) = stream.push(&file[at..end])?;
            at += used;
            if let Event::Layer(..) = event {
                out.push(point(&mut stream, path, picture, None)?);
            }
        }
        if asked.is_some_and(|r| r * pixels / 8.0 < file.len() as f64 + 1.0) {
            out.push(point(&mut stream, path, picture, asked)?);
        }
    }
    Ok(out)
}

fn point(
    stream: &mut StreamDecoder,
    path: &Path,
    picture: &Picture,
    asked: Option<f64>,
) -> Result<Point> {
    let shown = stream.preview()?;
    Ok(Point {
        picture: path
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        asked,
        sigma: shown.used.sigma.unwrap_or(f64::INFINITY),
        bytes: shown.used.bytes,
        bpp: 8.0 * shown.used.bytes as f64
            / (f64::from(picture.width()) * f64::from(picture.height())),
        psnr: metrics::psnr(picture, &shown.picture)?,
    })
}

fn table(all: &[Point], points: &[f64], pictures: usize) -> String {
    use std::fmt::Write;
    let mut out = String::from("fixed rate per picture, mean of the pictures\n  bpp    PSNR dB\n");
    for &asked in points {
        let at: Vec<f64> = all
            .iter()
            .filter(|p| p.asked == Some(asked))
            .map(|p| p.psnr)
            .collect();
        if at.len() == pictures {
            let _ = writeln!(
                out,
                "{asked:5.2} {:10.2}",
                at.iter().sum::<f64>() / pictures as f64
            );
        }
    }
    let mut sigmas: Vec<f64> = all
        .iter()
        .filter(|p| p.asked.is_none())
        .map(|p| p.sigma)
        .collect();
    sigmas.sort_by(|a, b| b.total_cmp(a));
    sigmas.dedup();
    let mut curve = Vec::new();
    for sigma in sigmas {
        let at: Vec<&Point> = all
            .iter()
            .filter(|p| p.asked.is_none() && p.sigma == sigma)
            .collect();
        if at.len() == pictures {
            let mean =
                |f: fn(&Point) -> f64| at.iter().map(|p| f(p)).sum::<f64>() / pictures as f64;
            curve.push((mean(|p| p.bpp), mean(|p| p.psnr)));
        }
    }
    let _ = writeln!(
        out,
        "fixed noise level, mean curve, interpolated in log bpp\n  bpp    PSNR dB"
    );
    for &asked in points {
        if let Some(w) = curve
            .windows(2)
            .find(|w| (w[0].0..=w[1].0).contains(&asked))
        {
            let part = (asked / w[0].0).ln() / (w[1].0 / w[0].0).ln();
            let _ = writeln!(
                out,
                "{asked:5.2} {:10.2}",
                w[0].1 + part * (w[1].1 - w[0].1)
            );
        }
    }
    out
}

fn csv(all: &[Point]) -> String {
    let mut out = String::from("picture,asked_bpp,sigma,bytes,bpp,psnr\n");
    for p in all {
        let asked = p.asked.map_or_else(String::new, |a| a.to_string());
        out += &format!(
            "{},{asked},{:.4},{},{:.5},{:.4}\n",
            p.picture, p.sigma, p.bytes, p.bpp, p.psnr
        );
    }
    out
}
