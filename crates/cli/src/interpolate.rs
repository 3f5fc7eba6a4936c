//! `dcodec interpolate`: two pictures blended through the prior.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use dcodec::prior::Shipped;
use dcodec::{BitDepth, Metadata, Picture};
use dcodec_eval::io::{self, name, output_name};
use dcodec_eval::load::load_picture;
use dcodec_eval::read::{Limits, read_picture};
use dcodec_eval::{Log, save};

use crate::args::{Interpolate, ModeName};
use crate::error::{Error, Result};
use crate::priors::prior;
use crate::{sampling, sheet};

/// Default name of the strip.
const OUTPUT: &str = "interpolation.png";

pub fn run(a: &Interpolate, log: Log) -> Result<()> {
    let start = Instant::now();
    let output = a.output.output.clone().unwrap_or_else(|| OUTPUT.into());
    for input in [&a.first, &a.second] {
        io::check_apart(input, &output)?;
    }
    io::check_destination(&output, a.output.force)?;
    let format = save::picture_format(&output, None)?;
    let sampler = sampling::sampler(&a.sampling, ModeName::Flow)?;
    let load = |path: &Path| -> Result<(Picture, Option<Vec<u8>>)> {
        let limits = Limits::pixels(a.prior.max_pixels);
        let bytes = read_picture(path, &limits, |_| Ok::<_, Error>(()))?;
        let loaded = load_picture(&bytes, path, a.prior.max_pixels)?;
        let picture = loaded.picture;
        if picture.alpha().is_some() {
            log.say(format!(
                "{}: note: blended without its transparency",
                name(path)
            ));
        }
        if picture.depth() == BitDepth::Sixteen {
            log.say(format!("{}: note: its 16 bits become 8", name(path)));
        }
        Ok((picture, loaded.metadata.icc))
    };
    let ((first, icc), (second, other)) = (load(&a.first)?, load(&a.second)?);
    if icc != other {
        log.say("note: the colour profiles differ: both count as sRGB");
    }
    let metadata = Metadata {
        icc: icc.filter(|icc| other.as_ref() == Some(icc)),
        ..Metadata::default()
    };
    let size = (first.width(), first.height());
    if size != (second.width(), second.height()) {
        return Err(Error::Usage(format!(
            "{} is {} x {} and {} is {} x {}: crop or scale one, both must have one size",
            name(&a.first),
            size.0,
            size.1,
            name(&a.second),
            second.width(),
            second.height()
        )));
    }
    let count = a.count as usize;
    let (width, height) = sheet::check(size, count, count, a.prior.max_pixels)?;
    format.check(width, height, first.colour())?;
    let prior = prior(&a.prior, Shipped::S, log)?;
    let bar = log.bar("interpolating");
    let strip = (0..count).map(|k| {
        let lambda = k as f64 / (count - 1) as f64;
        sampler.interpolate(&prior, [&first, &second], lambda, a.sigma, &mut |frame| {
            let done = (k as f64 + (frame.call + 1) as f64 / frame.calls as f64) / count as f64;
            bar.set_position((1000.0 * done) as u64);
            ControlFlow::Continue(())
        })
    });
    let strip = strip.collect::<dcodec::Result<Vec<Picture>>>()?;
    bar.finish_and_clear();
    let sheet = sheet::sheet(&strip, count)?;
    save::write_picture(&output, a.output.force, &sheet, &metadata, format, log)?;
    log.say(format!(
        "{}: {count} of {} x {}, noise of {} levels, {}, seed {}, {:.1} s",
        output_name(&output),
        size.0,
        size.1,
        a.sigma,
        sampling::describe(&sampler),
        a.sampling.seed,
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}
