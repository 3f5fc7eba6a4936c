use dcodec::{Decoder, Error, Result, container};

use super::args::{Decode, Extent};
use super::clock::Clock;
use super::{About, Failure, Log, bpp, destination, io, name, output_name, prior};

pub fn run(a: &Decode, log: Log) -> Result<(), Failure> {
    let mut clock = Clock::start();
    let output = destination(
        a.output.output.as_ref(),
        &a.input,
        a.format.as_deref().unwrap_or("png"),
    );
    io::check_destination(&output, a.output.force)?;
    let format = io::picture_format(&output, a.format.as_deref())?;
    let data = io::read_input(&a.input)?;
    let header = header(&data, a.prior.max_pixels).about(&a.input)?;
    let bytes = extent(&a.extent, &header, data.len())?;
    clock.lap("read");
    let prior = prior(&a.prior)?;
    clock.lap("prior");
    let spinner = log.bar("decoding");
    let mut decoder = Decoder::new(&prior)
        .max_pixels(a.prior.max_pixels)
        .max_memory(a.watch.max_memory.unwrap_or(u64::MAX));
    if let Some(layers) = a.extent.layers {
        decoder = decoder.max_layers(layers);
    }
    let decoded = decoder
        .decode_with(&data[..bytes], |done| {
            spinner.set_position((1000.0 * done) as u64)
        })
        .about(&a.input);
    spinner.finish_and_clear();
    let decoded = decoded?;
    clock.lap_codec(&decoded.timings, "other");
    if decoded.used.left_out {
        log.say(format!(
            "{}: note: shown as it is at the end of the last whole layer, to stay within --max-memory",
            name(&a.input)
        ));
    }
    let (picture, notices) = io::encode_picture(&decoded.picture, format)?;
    for notice in notices {
        log.say(format!("{}: note: {notice}", name(&output)));
    }
    io::write_atomic(&output, a.output.force, |w| w.write_all(&picture))?;
    clock.lap("write");
    let used = decoded.used;
    let part = if used.partial > 0.0 {
        format!(" and {:.0} % of the next", 100.0 * used.partial)
    } else {
        String::new()
    };
    log.say(format!(
        "{}: {} x {} from {} of {} bytes ({:.4} bits per pixel), {} layers{part}{}, {:.1} s",
        output_name(&output),
        decoded.picture.width(),
        decoded.picture.height(),
        used.bytes,
        data.len(),
        bpp(used.bytes, header.width, header.height),
        used.layers,
        if used.complete { ", complete" } else { "" },
        clock.total().as_secs_f64()
    ));
    if a.watch.timing {
        eprintln!("{}", clock.table(&decoded.timings));
    }
    Ok(())
}

/// The header of a file or prefix, without decoding anything.
pub fn header(data: &[u8], max_pixels: u64) -> Result<container::Header> {
    let mut parser = container::Parser::new(max_pixels);
    match parser.push(data)? {
        (_, container::Event::Header(header)) => Ok(header),
        _ => Err(parser.incomplete().into()),
    }
}

/// How many of `len` bytes the flags ask for.
pub fn extent(extent: &Extent, header: &container::Header, len: usize) -> Result<usize> {
    let wanted = match (extent.bpp, extent.bytes) {
        (Some(r), _) if !(r.is_finite() && r > 0.0) => {
            return Err(Error::Parameter(format!(
                "bits per pixel must be a positive number, not {r}"
            )));
        }
        (Some(r), _) => header.bytes_at(r),
        (_, Some(n)) => n,
        _ => len as u64,
    };
    let least = header.file_bytes() as u64;
    if wanted < least {
        return Err(Error::Parameter(format!(
            "{wanted} bytes end inside the header, which takes {least}: ask for more"
        )));
    }
    Ok(wanted.min(len as u64) as usize)
}
