//! `dcodec cut`: files at lower rates.

use std::path::{Path, PathBuf};

use dcodec::container::{Event, Parser};
use dcodec_eval::io::{self, output_name};
use dcodec_eval::{Log, inputs};

use crate::args::Cut;
use crate::batch::Batch;
use crate::decode;
use crate::error::{About, Error, Result};
use crate::text::bpp;

pub fn run(a: &Cut, log: Log) -> Result<()> {
    if a.extent.bpp.is_none() && a.extent.bytes.is_none() && a.extent.layers.is_none() {
        let e = "say where to cut: --bpp, --bytes or --layers";
        return Err(Error::Usage(e.into()));
    }
    let output = a.output.output.as_deref();
    if inputs::is_folder(&a.input) {
        let batch = Batch::new(&a.input, output, None, &inputs::CODED, "dfc")?;
        let (_, result) = batch.run(a.output.force, log, &mut |input, output| {
            // Nobody means to lose the originals of a whole folder.
            io::check_apart(input, output)?;
            one(a, input, output, log)
        });
        return result;
    }
    let output: PathBuf = match output {
        Some(path) => path.into(),
        None if a.input == Path::new("-") => "-".into(),
        None => return Err(Error::Usage("name the output with -o FILE".into())),
    };
    one(a, &a.input, &output, log)
}

/// Cuts one file.
fn one(a: &Cut, input: &Path, output: &Path, log: Log) -> Result<()> {
    io::check_destination(output, a.output.force)?;
    let data = io::read_coded(input)?;
    let header = decode::header(&data).about(input)?;
    let wanted = decode::extent(&a.extent, &header, data.len(), input)?;
    let end = valid_end(&data, wanted, a.extent.layers).about(input)?;
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

/// Checks the first `len` bytes; the offset at which they end, or the first `layers` layers.
fn valid_end(data: &[u8], len: usize, layers: Option<u32>) -> dcodec::Result<usize> {
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
