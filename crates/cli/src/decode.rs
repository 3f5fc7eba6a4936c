mod sinks;

use std::io::{Cursor, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use dcodec::container::PriorId;
use dcodec::{
    Decoder, Display, Error, Event, Exact, Mode, Result, Sampler, StreamDecoder, container,
};

use super::args::{Decode, Extent, ModeName};
use super::batch::Batch;
use super::clock::Clock;
use super::frames::Kind;
use super::priors::Priors;
use super::{About, Failure, Log, bpp, inputs, io, many, name, sampling, save};
use sinks::Sinks;

/// What one read takes at most; less when less is there.
const READ_BYTES: usize = 1 << 16;

/// More than a header takes.
const HEADER_BYTES: usize = 32;

pub fn run(a: &Decode, log: Log) -> Result<(), Failure> {
    let sampler = sampling::sampler(&a.sampling, ModeName::Mean)?;
    if inputs::is_folder(&a.input) {
        return folder(a, sampler, log);
    }
    let mut clock = Clock::start();
    let job = Job::open(a, &a.input, a.output.output.as_deref())?;
    clock.lap("read");
    let priors = Priors::new(&a.prior, &a.refine, log)?;
    priors.of(job.prior)?;
    clock.lap("prior");
    one(a, &priors, sampler, job, clock, log)
}

/// Decodes the files of a folder one after the other, each with all cores.
fn folder(a: &Decode, sampler: Sampler, log: Log) -> Result<(), Failure> {
    let extension = a.format.as_deref().unwrap_or("png");
    // One error for all, before any work.
    if Kind::of(extension, a.animate)?.is_none() {
        save::picture_format(&a.input, Some(extension))?;
    }
    let output = a.output.output.as_deref();
    let lone = a.progress_dir.is_some().then_some("--progress-dir");
    let batch = Batch::new(&a.input, output, lone, &inputs::CODED, extension)?;
    let priors = Priors::new(&a.prior, &a.refine, log)?;
    let start = Instant::now();
    let (done, result) = batch.run(a.output.force, log, &mut |input, output| {
        let clock = Clock::start();
        let job = Job::open(a, input, Some(output))?;
        one(a, &priors, sampler, job, clock, log)
    });
    log.say(format!(
        "{}, {:.1} s",
        many(done as u64, "picture"),
        start.elapsed().as_secs_f64()
    ));
    result
}

/// A file that can be read and outputs that can be written.
struct Job<'a> {
    input: &'a Path,
    source: Box<dyn Read>,
    /// Bytes of the file, where that is known before its end.
    size: Option<u64>,
    /// The prior that the file needs, if it has a header.
    prior: Option<PriorId>,
    sinks: Sinks<'a>,
}

impl<'a> Job<'a> {
    fn open(a: &'a Decode, input: &'a Path, output: Option<&Path>) -> Result<Self> {
        let (source, size) = io::open_input(input)?;
        let sinks = Sinks::new(a, input, output)?;
        let (prior, source) = peek(source).map_err(|e| Error::io(name(input), e))?;
        Ok(Job {
            input,
            source,
            size,
            prior,
            sinks,
        })
    }
}

/// The prior that the header names, if there is one, and a source that has its bytes still.
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

/// Decodes one file.
fn one(
    a: &Decode,
    priors: &Priors,
    sampler: Sampler,
    job: Job,
    mut clock: Clock,
    log: Log,
) -> Result<(), Failure> {
    let Job {
        input: path,
        source,
        size,
        mut sinks,
        prior: id,
    } = job;
    let prior = priors.of(id)?;
    let spinner = log.bar("decoding");
    let mut input = Input {
        source,
        extent: &a.extent,
        name: path,
        limit: u64::MAX,
        read: 0,
        ended: false,
        coded: (0, 0),
    };
    let mut stream = Decoder::new(prior)
        .max_pixels(a.prior.max_pixels)
        .max_memory(a.watch.max_memory.unwrap_or(u64::MAX))
        .sampler(sampler)
        .display(Display::PLAIN)
        .stream();
    let mut each = |stream: &mut StreamDecoder, read: u64| {
        spinner.set_message(format!("{read} bytes"));
        if let Some(size) = size {
            let share = read as f64 / input_end(size, stream, &a.extent) as f64;
            spinner.set_position((1000.0 * share) as u64);
        }
        if sinks.wants_frames() {
            sinks.frame(&stream.show(&sampler, &mut |_| ControlFlow::Continue(()))?)?;
        }
        Ok(!a.thumbnail.is_some_and(|longest| stream.suffices(longest)))
    };
    let done = input.feed(&mut stream, &mut each);
    // The mean has a part in these.
    let mean = matches!(sampler.mode(), Mode::Mean | Mode::Realism(_));
    if let (Some(id), Ok(()), true) = (id, &done, mean && a.thumbnail.is_none()) {
        let display = Display::by(prior, priors.refiner(id)?.cloned());
        stream.set_display(match a.orientations {
            Some(n) => display.ensemble(n),
            None => display,
        });
    }
    let decoded = done.and_then(|()| match (a.thumbnail, sampler.mode()) {
        (Some(longest), _) => stream.thumbnail(longest),
        (None, Mode::Mean) => stream.finish(),
        (None, _) => stream.show(&sampler, &mut |frame| {
            spinner.set_message(format!("step {} of {}", frame.call + 1, frame.calls));
            ControlFlow::Continue(())
        }),
    });
    let decoded = decoded.about(path);
    spinner.finish_and_clear();
    let decoded = decoded?;
    clock.lap_codec(&decoded.timings, "other");
    if decoded.coverage.partial_layer_skipped {
        log.say(format!(
            "{}: note: shown as it is at the end of the last whole layer, to stay within --max-memory",
            name(path)
        ));
    }
    if decoded.coverage.exact == Exact::Unusable {
        log.say(format!(
            "{}: note: shown is the lossy picture: {}",
            name(path),
            match prior.is_reference() {
                true => "the exact samples are not those of their check",
                false => "the exact one takes the arithmetic of --device cpu",
            }
        ));
    }
    let metadata = a.strip.apply(decoded.metadata.clone());
    let written = sinks.finish(&decoded, &metadata, log)?;
    clock.lap("write");
    let used = decoded.coverage;
    let part = if used.partial > 0.0 {
        format!(" and {:.0} % of the next", 100.0 * used.partial)
    } else {
        String::new()
    };
    let of = match size.or(input.ended.then_some(input.read)) {
        Some(size) => format!(" of {size}"),
        None => String::new(),
    };
    let mode = match sampler.mode() {
        Mode::Mean => String::new(),
        _ => format!(", {}", sampling::describe(&sampler)),
    };
    let picture = &decoded.picture;
    log.say(format!(
        "{written}: {} x {} from {}{of} bytes ({:.4} bits per pixel), {}{part}{}{mode}, {:.1} s",
        picture.width(),
        picture.height(),
        used.bytes,
        bpp(used.bytes, input.coded.0, input.coded.1),
        many(used.layers, "layer"),
        match (used.exact, used.complete) {
            (Exact::All, _) => ", exact".into(),
            (Exact::Rows(n), _) => format!(", the first {n} rows exact"),
            (_, true) => ", complete".into(),
            (_, false) => String::new(),
        },
        clock.total().as_secs_f64()
    ));
    if a.watch.timing {
        io::say(clock.table(&decoded.timings));
    }
    Ok(())
}

/// The bytes of a file that come one after the other, as far as the flags want them.
struct Input<'a> {
    source: Box<dyn Read>,
    extent: &'a Extent,
    name: &'a Path,
    limit: u64,
    /// Bytes that the decoder has taken.
    read: u64,
    /// Whether the source had no more.
    ended: bool,
    /// Columns and rows of the coded picture, once they have come.
    coded: (u32, u32),
}

impl Input<'_> {
    /// Decodes what comes, and calls `each` after every layer, before more is read; it says whether more is wanted.
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
                Err(e) => return Err(Error::io(name(self.name), e)),
            };
            if n == 0 {
                self.ended = true;
                return Ok(());
            }
            let mut rest = &buffer[..n];
            while !rest.is_empty() {
                let (used, event) = stream.push(rest)?;
                self.read += used as u64;
                rest = &rest[used..];
                match event {
                    Event::Header(header) => {
                        self.coded = (header.form.width, header.form.height);
                        self.limit = extent(self.extent, &header, usize::MAX)? as u64;
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

/// How many of the `size` bytes will be read.
fn input_end(size: u64, stream: &StreamDecoder, wanted: &Extent) -> u64 {
    let header = stream.header();
    header
        .and_then(|h| extent(wanted, h, size as usize).ok())
        .map_or(size, |n| n as u64)
        .max(1)
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
            "{wanted} bytes end inside the header, which takes {least}, {:.4} bits per pixel: ask for more",
            bpp(least, header.form.width, header.form.height)
        )));
    }
    Ok(wanted.min(len as u64) as usize)
}
