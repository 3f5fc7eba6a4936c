//! `dcodec decode`: files, and prefixes of files, to pictures.

mod sinks;

use std::io::{Cursor, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use dcodec::container::PriorId;
use dcodec::{Decoded, Decoder, Display, Event, Exact, Mode, Sampler, StreamDecoder, container};
use dcodec_eval::io::{self, name};
use dcodec_eval::{Log, inputs, save};
use indicatif::ProgressBar;

use crate::args::{Decode, Extent, ModeName};
use crate::batch::Batch;
use crate::clock::Clock;
use crate::error::{About, Error, Result};
use crate::frames::AnimationFormat;
use crate::priors::Priors;
use crate::sampling;
use crate::text::{bpp, many};
use sinks::Sinks;

/// Most bytes of one read; a read takes less when less is there.
const READ_BYTES: usize = 1 << 16;

/// More than a header takes.
const HEADER_BYTES: usize = 32;

pub fn run(a: &Decode, log: Log) -> Result<()> {
    let sampler = sampling::sampler(&a.sampling, ModeName::Mean)?;
    if inputs::is_folder(&a.input) {
        return folder(a, sampler, log);
    }
    let mut clock = Clock::start();
    let file = OpenFile::new(a, &a.input, a.output.output.as_deref())?;
    clock.lap("read");
    let priors = Priors::new(&a.prior, &a.display, log)?;
    priors.of(file.prior)?;
    clock.lap("prior");
    let decoding = Decoding {
        a,
        priors: &priors,
        sampler,
        log,
    };
    decoding.one(file, clock)
}

/// Decodes the files of a folder one after the other, each with all cores.
fn folder(a: &Decode, sampler: Sampler, log: Log) -> Result<()> {
    let extension = a.format.as_deref().unwrap_or("png");
    // One error for all, before any work.
    if AnimationFormat::of(extension, a.animate)?.is_none() {
        save::picture_format(&a.input, Some(extension))?;
    }
    let output = a.output.output.as_deref();
    let lone = a.progress_dir.is_some().then_some("--progress-dir");
    let batch = Batch::new(&a.input, output, lone, &inputs::CODED, extension)?;
    let decoding = Decoding {
        a,
        priors: &Priors::new(&a.prior, &a.display, log)?,
        sampler,
        log,
    };
    let start = Instant::now();
    let (done, result) = batch.run(a.output.force, log, &mut |input, output| {
        let clock = Clock::start();
        decoding.one(OpenFile::new(a, input, Some(output))?, clock)
    });
    log.say(format!(
        "{}, {:.1} s",
        many(done as u64, "picture"),
        start.elapsed().as_secs_f64()
    ));
    result
}

/// A file that can be read, and outputs that can be written.
struct OpenFile<'a> {
    path: &'a Path,
    source: Box<dyn Read>,
    /// Bytes of the file, where that is known before its end.
    size: Option<u64>,
    /// The prior that the file needs, if it has a header.
    prior: Option<PriorId>,
    sinks: Sinks<'a>,
}

impl<'a> OpenFile<'a> {
    fn new(a: &'a Decode, path: &'a Path, output: Option<&Path>) -> Result<Self> {
        let (source, size) = io::open_input(path)?;
        let sinks = Sinks::new(a, path, output)?;
        let (prior, source) = peek(source).map_err(|e| Error::io(name(path), e))?;
        Ok(OpenFile {
            path,
            source,
            size,
            prior,
            sinks,
        })
    }
}

/// The prior that the header names, if there is one, and a source that still has all bytes.
fn peek(mut source: Box<dyn Read>) -> std::io::Result<(Option<PriorId>, Box<dyn Read>)> {
    let mut parser = container::Parser::new(u64::MAX);
    let (mut start, mut buffer) = (Vec::new(), [0; HEADER_BYTES]);
    while parser.header().is_none() {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => &buffer[..n],
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        start.extend(read);
        if parser.push(read).is_err() {
            break;
        }
    }
    let prior = parser.header().map(|h| h.prior);
    Ok((prior, Box::new(Cursor::new(start).chain(source))))
}

/// Everything but the file.
struct Decoding<'a> {
    a: &'a Decode,
    priors: &'a Priors<'a>,
    sampler: Sampler,
    log: Log,
}

impl Decoding<'_> {
    /// Decodes one file and writes its pictures.
    fn one(&self, file: OpenFile, mut clock: Clock) -> Result<()> {
        let (a, log) = (self.a, self.log);
        let OpenFile {
            path,
            source,
            size,
            prior,
            mut sinks,
        } = file;
        let mut input = Input {
            source,
            extent: &a.extent,
            path,
            size,
            limit: u64::MAX,
            read: 0,
            ended: false,
            coded: (0, 0),
        };
        let bar = log.bar("decoding");
        let decoded = self.decoded(prior, &mut input, &mut sinks, &bar);
        bar.finish_and_clear();
        let decoded = decoded?;
        clock.lap_codec(&decoded.timings, "other");
        self.say_losses(&decoded, prior, path)?;
        let metadata = a.strip.apply(decoded.metadata.clone());
        let written = sinks.finish(&decoded, &metadata, log)?;
        clock.lap("write");
        let summary = self.summary(&decoded, &input);
        log.say(format!(
            "{written}: {summary}, {:.1} s",
            clock.total().as_secs_f64()
        ));
        if a.watch.timing {
            io::say(clock.table(&decoded.timings));
        }
        Ok(())
    }

    /// The picture of the bytes that the flags want; frames go to the sinks on the way.
    fn decoded(
        &self,
        id: Option<PriorId>,
        input: &mut Input,
        sinks: &mut Sinks,
        bar: &ProgressBar,
    ) -> Result<Decoded> {
        let (a, sampler, path) = (self.a, self.sampler, input.path);
        let prior = self.priors.of(id)?;
        let mut stream = Decoder::new(prior)
            .max_pixels(a.prior.max_pixels)
            .max_memory(a.watch.max_memory.unwrap_or(u64::MAX))
            .sampler(sampler)
            .display(Display::PLAIN)
            .stream();
        let size = input.size;
        let mut each = |stream: &mut StreamDecoder, read: u64| {
            bar.set_message(format!("{read} bytes"));
            if let Some(size) = size {
                let share = read as f64 / input_end(size, stream, &a.extent) as f64;
                bar.set_position((1000.0 * share) as u64);
            }
            if sinks.wants_frames() {
                let frame = stream.show(&sampler, &mut |_| ControlFlow::Continue(()));
                sinks.frame(&frame.about(path)?)?;
            }
            Ok(!a.thumbnail.is_some_and(|longest| stream.suffices(longest)))
        };
        input.feed(&mut stream, &mut each)?;
        // The mean has a part in these.
        let mean = matches!(sampler.mode(), Mode::Mean | Mode::Realism(_));
        if let (Some(id), true) = (id, mean && a.thumbnail.is_none()) {
            let display = self.priors.display(prior, id)?;
            stream.set_display(match a.orientations {
                Some(n) => display.ensemble(n),
                None => display,
            });
        }
        let decoded = match (a.thumbnail, sampler.mode()) {
            (Some(longest), _) => stream.thumbnail(longest),
            (None, Mode::Mean) => stream.finish(),
            (None, _) => stream.show(&sampler, &mut |frame| {
                bar.set_message(format!("step {} of {}", frame.call + 1, frame.calls));
                ControlFlow::Continue(())
            }),
        };
        decoded.about(path)
    }

    /// Says what of the file's bytes the picture does not show.
    fn say_losses(&self, decoded: &Decoded, id: Option<PriorId>, path: &Path) -> Result<()> {
        let note = |text: &str| self.log.say(format!("{}: note: {text}", name(path)));
        if decoded.coverage.partial_layer_skipped {
            note("shown as it is at the end of the last whole layer, to stay within --max-memory");
        }
        if decoded.coverage.exact == Exact::Unusable {
            note(match self.priors.of(id)?.is_reference() {
                true => {
                    "shown is the lossy picture: the exact samples are not those of their check"
                }
                false => {
                    "shown is the lossy picture: the exact one takes the arithmetic of --device cpu"
                }
            });
        }
        Ok(())
    }

    /// Size, bytes, layers and mode of a picture.
    fn summary(&self, decoded: &Decoded, input: &Input) -> String {
        let used = decoded.coverage;
        let part = if used.partial > 0.0 {
            format!(" and {:.0} % of the next", 100.0 * used.partial)
        } else {
            String::new()
        };
        let of = match input.size.or(input.ended.then_some(input.read)) {
            Some(size) => format!(" of {size}"),
            None => String::new(),
        };
        let mode = match self.sampler.mode() {
            Mode::Mean => String::new(),
            _ => format!(", {}", sampling::describe(&self.sampler)),
        };
        let exact = match (used.exact, used.complete) {
            (Exact::All, _) => ", exact".into(),
            (Exact::Rows(n), _) => format!(", the first {n} rows exact"),
            (_, true) => ", complete".into(),
            (_, false) => String::new(),
        };
        format!(
            "{} x {} from {}{of} bytes ({:.4} bits per pixel), {}{part}{exact}{mode}",
            decoded.picture.width(),
            decoded.picture.height(),
            used.bytes,
            bpp(used.bytes, input.coded.0, input.coded.1),
            many(used.layers, "layer"),
        )
    }
}

/// The bytes of a file, which come one after the other, as far as the flags want them.
struct Input<'a> {
    source: Box<dyn Read>,
    extent: &'a Extent,
    path: &'a Path,
    /// Bytes of the file, where that is known before its end.
    size: Option<u64>,
    /// Most bytes to take.
    limit: u64,
    /// Bytes that the decoder has taken.
    read: u64,
    /// The source had no more.
    ended: bool,
    /// Columns and rows of the coded picture, once they have come.
    coded: (u32, u32),
}

impl Input<'_> {
    /// Decodes the bytes as they come. Calls `each` after every layer, before more is read; it
    /// returns false once it has enough.
    fn feed(
        &mut self,
        stream: &mut StreamDecoder,
        each: &mut dyn FnMut(&mut StreamDecoder, u64) -> Result<bool>,
    ) -> Result<()> {
        let most = self.extent.layers.unwrap_or(u32::MAX);
        let mut buffer = vec![0; READ_BYTES];
        while self.read < self.limit {
            let want = (self.limit - self.read).min(READ_BYTES as u64) as usize;
            let n = match self.source.read(&mut buffer[..want]) {
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io(name(self.path), e)),
            };
            if n == 0 {
                self.ended = true;
                return Ok(());
            }
            let mut rest = &buffer[..n];
            while !rest.is_empty() {
                let (used, event) = stream.push(rest).about(self.path)?;
                self.read += used as u64;
                rest = &rest[used..];
                match event {
                    Event::Header(header) => {
                        self.coded = (header.form.width, header.form.height);
                        self.limit = extent(self.extent, &header, usize::MAX, self.path)? as u64;
                        let left = self.limit - self.read;
                        rest = &rest[..(rest.len() as u64).min(left) as usize];
                    }
                    Event::LayerHead(layer) if layer.index >= most => return Ok(()),
                    Event::Layer(..) if !each(stream, self.read)? => return Ok(()),
                    Event::End => return Ok(()),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Number of the `size` bytes that will be read.
fn input_end(size: u64, stream: &StreamDecoder, wanted: &Extent) -> u64 {
    let header = stream.header();
    header
        .and_then(|h| wanted_bytes(wanted, h).ok())
        .map_or(size, |n| n.min(size))
        .max(1)
}

/// The header of a file or prefix; nothing is decoded.
pub fn header(data: &[u8]) -> dcodec::Result<container::Header> {
    let mut parser = container::Parser::new(u64::MAX);
    match parser.push(data)? {
        (_, container::Event::Header(header)) => Ok(header),
        _ => Err(parser.incomplete().into()),
    }
}

/// Number of the `len` bytes of the file `path` that the flags ask for.
pub fn extent(
    extent: &Extent,
    header: &container::Header,
    len: usize,
    path: &Path,
) -> Result<usize> {
    let wanted = wanted_bytes(extent, header);
    let wanted = wanted.map_err(|reason| Error::Usage(format!("{}: {reason}", name(path))))?;
    Ok(wanted.min(len as u64) as usize)
}

/// Bytes that the flags ask for, or the reason why there can be no such file.
fn wanted_bytes(extent: &Extent, header: &container::Header) -> Result<u64, String> {
    let wanted = match (extent.bpp, extent.bytes) {
        (Some(r), _) if !(r.is_finite() && r > 0.0) => {
            return Err(format!("bits per pixel must be a positive number, not {r}"));
        }
        (Some(r), _) => header.bytes_at(r),
        (_, Some(n)) => n,
        _ => u64::MAX,
    };
    let least = header.file_bytes() as u64;
    if wanted < least {
        return Err(format!(
            "{wanted} bytes end inside the header, which takes {least}, {:.4} bits per pixel: ask for more",
            bpp(least, header.form.width, header.form.height)
        ));
    }
    Ok(wanted)
}
