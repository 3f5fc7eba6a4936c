use std::path::{Path, PathBuf};

use dcodec::container::{Event, Parser};
use dcodec::{Error, Result};

use super::args::Cut;
use super::batch::Batch;
use super::{About, Failure, Log, bpp, decode, inputs, io, output_name};

pub fn run(a: &Cut, log: Log) -> Result<(), Failure> {
    if a.extent.bpp.is_none() && a.extent.bytes.is_none() && a.extent.layers.is_none() {
        return Err(Error::Parameter("say where to cut: --bpp, --bytes or --layers".into()).into());
    }
    let output = a.output.output.as_deref();
    if inputs::is_folder(&a.input) {
        let batch = Batch::new(&a.input, output, None, &inputs::CODED, "dfc")?;
        let (_, result) = batch.run(a.output.force, log, &mut |input, output| {
            // Of a whole folder nobody means to lose the originals.
            io::check_apart(input, output)?;
            one(a, input, output, log)
        });
        return result;
    }
    let output: PathBuf = match output {
        Some(path) => path.into(),
        None if a.input == Path::new("-") => "-".into(),
        None => return Err(Error::Parameter("name the output with -o FILE".into()).into()),
    };
    one(a, &a.input, &output, log)
}

/// Cuts one file.
fn one(a: &Cut, input: &Path, output: &Path, log: Log) -> Result<(), Failure> {
    io::check_destination(output, a.output.force)?;
    let data = io::read_coded(input)?;
    let header = decode::header(&data, u64::MAX).about(input)?;
    let wanted = decode::extent(&a.extent, &header, data.len())?;
    let end = sound(&data, wanted, a.extent.layers).about(input)?;
    io::write_atomic(output, a.output.force, |w| w.write_all(&data[..end]))?;
    log.say(format!(
        "{}: {end} of {} bytes, {:.4} bits per pixel",
        output_name(output),
        data.len(),
        bpp(end as u64, header.form.width, header.form.height)
    ));
    if end == data.len() {
        log.say(format!(
            "{}: note: the file was already that short; this is a copy",
            output_name(output)
        ));
    }
    Ok(())
}

/// Checks the first `len` bytes and returns where they, or the first `layers` layers, end.
fn sound(data: &[u8], len: usize, layers: Option<u32>) -> Result<usize> {
    let mut parser = Parser::new(u64::MAX);
    let mut at = 0;
    loop {
        let (used, event) = parser.push(&data[at..len])?;
        match event {
            Event::LayerHead(layer) if Some(layer.index) == layers => return Ok(at),
            Event::NeedMore => return Ok(len),
            Event::End => return Ok(at + used),
            _ => at += used,
        }
    }
}
