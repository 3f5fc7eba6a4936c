//! `dcodec sample`: pictures from the prior alone.

use std::ops::ControlFlow;
use std::time::Instant;

use dcodec::prior::Shipped;
use dcodec::{BitDepth, Colour, Metadata, Picture};
use dcodec_eval::io::{self, output_name};
use dcodec_eval::{Log, save};

use crate::args::{ModeName, Sample};
use crate::error::Result;
use crate::priors::prior;
use crate::{sampling, sheet};

/// Default name of the sheet.
const OUTPUT: &str = "sample.png";

pub fn run(a: &Sample, log: Log) -> Result<()> {
    let start = Instant::now();
    let output = a.output.output.clone().unwrap_or_else(|| OUTPUT.into());
    io::check_destination(&output, a.output.force)?;
    let format = save::picture_format(&output, None)?;
    let sampler = sampling::sampler(&a.sampling, ModeName::Sample)?;
    let (width, height) = a.size;
    let count = a.count as usize;
    // Frames make each picture a row.
    let frames = a.frames.map(|n| (n as usize).min(sampler.calls()));
    let columns = frames.unwrap_or_else(|| sheet::columns(count));
    let pictures = count * frames.unwrap_or(1);
    let (sheet_width, sheet_height) = sheet::check(a.size, columns, pictures, a.prior.max_pixels)?;
    format.check(sheet_width, sheet_height, Colour::Rgb)?;
    let prior = prior(&a.prior, Shipped::S, log)?;
    let bar = log.bar("sampling");
    let mut shown: Vec<Picture> = Vec::with_capacity(pictures);
    for k in 0..count {
        let sampler = sampler.seed(a.sampling.seed.wrapping_add(k as u64));
        let mut failed = None;
        let picture = sampler.generate(&prior, width, height, &mut |frame| {
            let done = (k as f64 + (frame.call + 1) as f64 / frame.calls as f64) / count as f64;
            bar.set_position((1000.0 * done) as u64);
            // The last one is the picture itself.
            let last = frame.call + 1 == frame.calls;
            if !last && frames.is_some_and(|n| sampling::is_frame(frame.call, frame.calls, n)) {
                match Picture::from_planes(
                    frame.x0_hat,
                    width,
                    height,
                    Colour::Rgb,
                    BitDepth::Eight,
                    None,
                ) {
                    Ok(picture) => shown.push(picture),
                    Err(e) => failed = Some(e),
                }
            }
            ControlFlow::Continue(())
        })?;
        match failed {
            Some(e) => return Err(e.into()),
            None => shown.push(picture),
        }
    }
    bar.finish_and_clear();
    let sheet = sheet::sheet(&shown, columns)?;
    let metadata = Metadata::default();
    save::write_picture(&output, a.output.force, &sheet, &metadata, format, log)?;
    log.say(format!(
        "{}: {count} of {width} x {height}, {}, seed {}, {} network calls each, {:.1} s",
        output_name(&output),
        sampling::describe(&sampler),
        a.sampling.seed,
        sampler.calls(),
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}
