//! `dcodec decode`: files, and prefixes of files, to pictures.

mod sinks;

use std::io::{Cursor, ErrorKind, Read};
use std::mem;
use std::ops::ControlFlow;
use std::path::Path;

use dcodec::container::{Header, PriorId};
use dcodec::{Decoded, Decoder, Display, Event, Exact, Mode, Sampler, StreamDecoder, container};
use dcodec_eval::inputs::Kind;
use dcodec_eval::io::{self, name};
use dcodec_eval::{Log, load, save};
use indicatif::ProgressBar;

use crate::args::{Decode, Extent, ModeName};
use crate::batch::{Batch, Done, Outputs};
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
    let Some(input) = a.many.lone() else {
        return several(a, sampler, log);
    };
    let mut clock = Clock::start();
    let file = OpenFile::new(a, input, a.output.output.as_deref())?;
    clock.lap("read");
    let priors = Priors::new(&a.prior, &a.display, log)?;
    priors.of(file.prior())?;
    clock.lap("prior");
    let decoding = Decoding {
        a,
        priors: &priors,
        sampler,
        log,
    };
    decoding.one(file, clock).map(|_| ())
}

/// Decodes several files, each with all cores.
fn several(a: &Decode, sampler: Sampler, log: Log) -> Result<()> {
    let extension = a.format.as_deref().unwrap_or("png");
    // One error for all, before any work.
    if AnimationFormat::of(extension, a.animate)?.is_none() {
        save::picture_format(Path::new(""), Some(extension))?;
    }
    let outputs = Outputs {
        folder: a.output.output.as_deref(),
        extension,
        lone: a.progress_dir.is_some().then_some("--progress-dir"),
        beside: true,
    };
    let batch = Batch::new(&a.many, Kind::Coded, &outputs)?;
    let decoding = Decoding {
        a,
        priors: &Priors::new(&a.prior, &a.display, log)?,
        sampler,
        log,
    };
    let need = |input: &Path| decoding.memory(input).unwrap_or(0);
    let (force, memory) = (a.output.force, a.watch.max_memory);
    batch.run(force, memory, log, &need, &|input, output| {
        let clock = Clock::start();
        decoding.one(OpenFile::new(a, input, Some(output))?, clock)
    })
}

/// A file that can be read, and outputs that can be written.
struct OpenFile<'a> {
    path: &'a Path,
    source: Box<dyn Read>,
    /// Bytes of the file, where that is known before its end.
    size: Option<u64>,
    /// None if the file does not reach so far.
    header: Option<Header>,
    sinks: Sinks<'a>,
}

impl<'a> OpenFile<'a> {
    fn new(a: &'a Decode, path: &'a Path, output: Option<&Path>) -> Result<Self> {
        let (source, size) = io::open_input(path)?;
        let sinks = Sinks::new(a, path, output)?;
        let (header, source) = peek(source).map_err(|e| Error::io(name(path), e))?;
        if let Some(header) = &header {
            let form = &header.form;
            let shown = sinks.check(form.width, form.height, form.colour, a.thumbnail);
            shown.map_err(|e| Error::Usage(format!("{}: {e}", name(path))))?;
        }
        if size.is_some() && a.extent.is_whole() && a.thumbnail.is_none() {
            check_calls(path, a.max_calls)?;
        }
        Ok(OpenFile {
            path,
            source,
            size,
            header,
            sinks,
        })
    }

    /// The prior that the file needs, if it has a header.
    fn prior(&self) -> Option<PriorId> {
        self.header.as_ref().map(|header| header.prior)
    }
}

/// Refuses a file of more than `most` layers before the first one is decoded.
fn check_calls(path: &Path, most: u32) -> Result<()> {
    let (mut source, _) = io::open_input(path)?;
    let mut parser = container::Parser::new(u64::MAX);
    let mut buffer = vec![0; READ_BYTES];
    let mut layers = 0;
    loop {
        let mut rest = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => &buffer[..n],
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::io(name(path), e)),
        };
        while !rest.is_empty() {
            match parser.push(rest) {
                Ok((used, event)) => {
                    rest = &rest[used..];
                    layers += u32::from(matches!(event, Event::LayerHead(_)));
                    if event == Event::End {
                        rest = &[];
                    }
                }
                // Decoding tells.
                Err(_) => return Ok(()),
            }
        }
        if parser.is_complete() {
            break;
        }
    }
    match layers > most {
        true => Err(Error::Failed(format!(
            "{}: {layers} layers, each a call of the network, are over the limit of {most} (raise it with --max-calls)",
            name(path)
        ))),
        false => Ok(()),
    }
}

/// The header, if there is one, and a source that still has all bytes.
fn peek(mut source: Box<dyn Read>) -> std::io::Result<(Option<Header>, Box<dyn Read>)> {
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
    let header = parser.header().cloned();
    Ok((header, Box::new(Cursor::new(start).chain(source))))
}

/// Everything but the file.
struct Decoding<'a> {
    a: &'a Decode,
    priors: &'a Priors<'a>,
    sampler: Sampler,
    log: Log,
}

impl Decoding<'_> {
    /// Memory that decoding a file takes.
    fn memory(&self, path: &Path) -> Result<u64> {
        // A stream can be read once only.
        let (source, Some(size)) = io::open_input(path)? else {
            return Ok(0);
        };
        let Ok((Some(header), _)) = peek(source) else {
            return Ok(0);
        };
        let prior = self.priors.of(Some(header.prior))?;
        let decoder = Decoder::new(prior)
            .sampler(self.sampler)
            .display(self.priors.display(prior, header.prior)?);
        Ok(decoder.memory(&header, size, true)?)
    }

    /// Decodes one file and writes its pictures.
    fn one(&self, file: OpenFile, mut clock: Clock) -> Result<Done> {
        let (a, log) = (self.a, self.log);
        let prior = file.prior();
        let OpenFile {
            path,
            source,
            size,
            mut sinks,
            ..
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
        let bar = a.many.log(log).bar("decoding");
        let decoded = self.decoded(prior, &mut input, &mut sinks, &bar);
        bar.finish_and_clear();
        let mut decoded = decoded?;
        clock.lap_codec(&decoded.timings, "other");
        self.say_losses(&decoded, prior, path)?;
        // They may be long. Frames have their own.
        let metadata = match sinks.wants_frames() {
            true => decoded.metadata.clone(),
            false => mem::take(&mut decoded.metadata),
        };
        let mut metadata = a.strip.apply(metadata);
        if a.thumbnail.is_some() {
            let (width, height) = (decoded.picture.width(), decoded.picture.height());
            load::resized(&mut metadata, width, height);
        }
        let written = sinks.finish(&decoded, &metadata, path, log)?;
        clock.lap("write");
        let summary = self.summary(&decoded, &input);
        log.say(format!(
            "{written}: {summary}, {:.1} s",
            clock.total().as_secs_f64()
        ));
        if a.watch.timing {
            io::say(clock.table(&decoded.timings));
        }
        Ok(Done {
            pixels: u64::from(decoded.picture.width()) * u64::from(decoded.picture.height()),
            bytes: decoded.coverage.bytes,
        })
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
        let decoder = Decoder::new(prior)
            .max_pixels(a.prior.max_pixels)
            .max_memory(a.watch.max_memory.unwrap_or(u64::MAX))
            .max_calls(a.max_calls)
            .sampler(sampler)
            .display(Display::PLAIN);
        let decoder = match a.thumbnail {
            Some(longest) => decoder.for_thumbnail(longest),
            None => decoder,
        };
        let mut stream = decoder.stream();
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
