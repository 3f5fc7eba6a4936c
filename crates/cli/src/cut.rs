//! `dcodec cut`: files at lower rates.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use dcodec::container::{Event, Header, Parser};
use dcodec_eval::Log;
use dcodec_eval::inputs::Kind;
use dcodec_eval::io::{self, name, output_name};

use crate::args::{Cut, Extent};
use crate::batch::{Batch, Done, Outputs};
use crate::decode;
use crate::error::{About, Error, Result};
use crate::text::bpp;

/// Bytes of one read.
const READ_BYTES: usize = 1 << 16;

pub fn run(a: &Cut, log: Log) -> Result<()> {
    if a.extent.is_whole() {
        let e = "say where to cut: --bpp, --bytes or --layers";
        return Err(Error::Usage(e.into()));
    }
    let output = a.output.output.as_deref();
    let Some(input) = a.many.lone() else {
        let outputs = Outputs {
            folder: output,
            extension: "dfc",
            lone: None,
            // Nobody means to lose the originals.
            beside: false,
        };
        let batch = Batch::new(&a.many, Kind::Coded, &outputs)?;
        return batch.run(a.output.force, None, log, &|_| 0, &|input, output| {
            io::check_apart(input, output)?;
            one(a, input, output, log)
        });
    };
    let output: PathBuf = match output {
        Some(path) => path.into(),
        None if io::is_standard_input(input) => "-".into(),
        None => return Err(Error::Usage("name the output with -o FILE".into())),
    };
    io::check_apart(input, &output)?;
    one(a, input, &output, log).map(|_| ())
}

/// Cuts one file.
fn one(a: &Cut, input: &Path, output: &Path, log: Log) -> Result<Done> {
    io::check_destination(output, a.output.force)?;
    let start = Start::read(input, &a.extent)?;
    io::write_atomic(output, a.output.force, |w| w.write_all(&start.bytes))?;
    io::keep_time(input, output);
    let (end, form) = (start.bytes.len() as u64, &start.header.form);
    let of = start.size.map(|size| format!(" of {size}"));
    log.say(format!(
        "{}: {end}{} bytes, {:.4} bits per pixel",
        output_name(output),
        of.unwrap_or_default(),
        bpp(end, form.width, form.height)
    ));
    if start.size == Some(end) {
        log.say(format!(
            "{}: note: the file was already that short; this is a copy",
            output_name(output)
        ));
    }
    Ok(Done {
        pixels: form.pixels(),
        bytes: end,
    })
}

/// The start of a file, as far as the flags want it.
struct Start {
    header: Header,
    bytes: Vec<u8>,
    /// Bytes of the whole file. None of a stream that was not read to its end.
    size: Option<u64>,
}

impl Start {
    /// Reads and checks the bytes up to the end that the flags name. A stream is left there: it may
    /// have no end.
    fn read(path: &Path, wanted: &Extent) -> Result<Self> {
        let (mut source, size) = io::open_input(path)?;
        let mut parser = Parser::new(u64::MAX);
        let mut buffer = vec![0; READ_BYTES];
        let (mut bytes, mut most, mut end) = (Vec::new(), usize::MAX, None);
        let mut whole = false;
        while end.is_none() {
            let mut rest = match source.read(&mut buffer) {
                Ok(0) => {
                    whole = true;
                    break;
                }
                Ok(n) => &buffer[..n],
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io(name(path), e)),
            };
            while !rest.is_empty() && end.is_none() {
                let here = rest.len().min(most - bytes.len());
                let (used, event) = parser.push(&rest[..here]).about(path)?;
                bytes.extend(&rest[..used]);
                rest = &rest[used..];
                end = match event {
                    Event::Header(header) => {
                        most = decode::extent(wanted, &header, usize::MAX, path)?;
                        None
                    }
                    Event::LayerHead(layer) if Some(layer.index) == wanted.layers => {
                        Some(layer.offset as usize)
                    }
                    Event::End => {
                        whole = true;
                        Some(bytes.len())
                    }
                    _ => None,
                };
                if bytes.len() >= most {
                    end = end.or(Some(most));
                }
            }
        }
        bytes.truncate(end.unwrap_or(bytes.len()));
        let header = parser.header().cloned();
        Ok(Start {
            header: header
                .ok_or_else(|| parser.incomplete().into())
                .about(path)?,
            size: size.or(whole.then_some(bytes.len() as u64)),
            bytes,
        })
    }
}
