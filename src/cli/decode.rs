use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use dcodec::{
    Decoded, Error, Event, Exact, Metadata, Mode, Picture, Result, StreamDecoder, container,
};

use super::args::{Decode, Extent, ModeName, shown_orientations};
use super::clock::Clock;
use super::frames::{Animation, Folder, Kind};
use super::save::{self, Format};
use super::strip::Strip;
use super::{About, Failure, Log, bpp, destination, io, many, name, output_name, prior, sampling};

/// What one read takes at most; less when less is there.
const READ_BYTES: usize = 1 << 16;

pub fn run(a: &Decode, log: Log) -> Result<(), Failure> {
    let mut clock = Clock::start();
    let sampler = sampling::sampler(&a.sampling, ModeName::Mean)?;
    let (source, size) = io::open_input(&a.input)?;
    let mut sinks = Sinks::new(a)?;
    clock.lap("read");
    let prior = prior(&a.prior, log)?;
    clock.lap("prior");
    let asked = a.orientations;
    let orientations = asked.unwrap_or_else(|| shown_orientations(&prior));
    let spinner = log.bar("decoding");
    let mut input = Input {
        source,
        extent: &a.extent,
        name: &a.input,
        limit: u64::MAX,
        read: 0,
        ended: false,
        coded: (0, 0),
    };
    let mut stream = StreamDecoder::new(&prior, a.prior.max_pixels)
        .max_memory(a.watch.max_memory.unwrap_or(u64::MAX))
        .sampler(sampler);
    let mut each = |stream: &mut StreamDecoder, read: u64| {
        spinner.set_message(format!("{read} bytes"));
        if let Some(size) = size {
            let share = read as f64 / input_end(size, stream, &a.extent) as f64;
            spinner.set_position((1000.0 * share) as u64);
        }
        if sinks.wants_frames() {
            sinks.frame(&stream.show(&sampler, &mut |_| {})?)?;
        }
        Ok(!a.thumbnail.is_some_and(|longest| stream.suffices(longest)))
    };
    let done = input.feed(&mut stream, &mut each);
    // The mean has a part in these.
    if matches!(sampler.mode(), Mode::Mean | Mode::Realism(_)) {
        stream = stream.orientations(orientations);
    }
    let decoded = done.and_then(|()| match (a.thumbnail, sampler.mode()) {
        (Some(longest), _) => stream.thumbnail(longest),
        (None, Mode::Mean) => stream.finish(),
        (None, _) => stream.show(&sampler, &mut |frame| {
            spinner.set_message(format!("step {} of {}", frame.call + 1, frame.calls));
        }),
    });
    let decoded = decoded.about(&a.input);
    spinner.finish_and_clear();
    let decoded = decoded?;
    clock.lap_codec(&decoded.timings, "other");
    if decoded.used.left_out {
        log.say(format!(
            "{}: note: shown as it is at the end of the last whole layer, to stay within --max-memory",
            name(&a.input)
        ));
    }
    if decoded.used.exact == Exact::Unusable {
        log.say(format!(
            "{}: note: shown is the lossy picture: {}",
            name(&a.input),
            match prior.is_reference() {
                true => "the exact samples are not those of their check",
                false => "the exact one takes the arithmetic of --device cpu",
            }
        ));
    }
    let metadata = a.strip.apply(decoded.metadata.clone());
    let written = sinks.finish(&decoded, &metadata, log)?;
    clock.lap("write");
    let used = decoded.used;
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
                        self.coded = (header.width, header.height);
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

/// Where pictures go.
struct Sinks<'a> {
    /// The result as one picture.
    still: Option<(PathBuf, Format)>,
    animation: Option<(PathBuf, Animation)>,
    folder: Option<(PathBuf, Folder)>,
    force: bool,
    strip: &'a Strip,
}

impl<'a> Sinks<'a> {
    /// What the flags name, checked before any work.
    fn new(a: &'a Decode) -> Result<Self> {
        let force = a.output.force;
        let format = a.format.as_deref();
        // Frames alone, if nothing else is asked for.
        let wanted = a.output.output.is_some() || a.progress_dir.is_none() || a.animate;
        let output = destination(a.output.output.as_ref(), &a.input, format.unwrap_or("png"));
        let mut sinks = Sinks {
            still: None,
            animation: None,
            folder: None,
            force,
            strip: &a.strip,
        };
        if wanted {
            io::check_apart(&a.input, &output)?;
            io::check_destination(&output, force)?;
            let extension = output.extension().map(|e| e.to_string_lossy().into_owned());
            let called = format.map(str::to_owned).or(extension);
            match Kind::of(called.as_deref().unwrap_or("png"), a.animate)? {
                Some(kind) => {
                    let animation = Animation::new(kind, &output, force)?;
                    sinks.animation = Some((output, animation));
                }
                None => {
                    let format = save::picture_format(&output, format)?;
                    sinks.still = Some((output, format));
                }
            }
        }
        if let Some(path) = &a.progress_dir {
            let moves = |f: &&str| Kind::of(f, false).is_ok_and(|k| k.is_some());
            if let Some(format) = format.filter(|f| !wanted && moves(f)) {
                return Err(Error::Parameter(format!(
                    "the frames of --progress-dir are still pictures, not {format} (add -o FILE.{format} for an animation)"
                )));
            }
            let extension = format.filter(|f| !moves(f));
            let folder = Folder::new(path, extension.unwrap_or("png"), force)?;
            sinks.folder = Some((path.clone(), folder));
        }
        Ok(sinks)
    }

    fn wants_frames(&self) -> bool {
        self.animation.is_some() || self.folder.is_some()
    }

    fn frame(&mut self, shown: &Decoded) -> Result<()> {
        if let Some((_, folder)) = &mut self.folder {
            let metadata = self.strip.apply(shown.metadata.clone());
            folder.write(&shown.picture, &metadata, &shown.used)?;
        }
        if let Some((_, animation)) = &mut self.animation {
            animation.frame(&shown.picture)?;
        }
        Ok(())
    }

    /// Writes what the stream ended with; says where it went.
    fn finish(mut self, last: &Decoded, metadata: &Metadata, log: Log) -> Result<String> {
        // The ends of layers have been shown.
        let used = last.used;
        let more = used.partial > 0.0 || matches!(used.exact, Exact::All | Exact::Rows(_));
        if self.wants_frames() && (more || used.layers == 0) {
            self.frame(last)?;
        }
        let mut written = None;
        if let Some((path, folder)) = self.folder.take() {
            written = Some(format!(
                "{}: {}",
                path.display(),
                many(folder.frames(), "frame")
            ));
        }
        if let Some((path, animation)) = self.animation.take() {
            let half = |v: u16| v != 0 && v != last.picture.depth().max();
            let loses = |p: &Picture| p.alpha().is_some_and(|a| a.iter().any(half));
            if animation.is_gif() && loses(&last.picture) {
                log.say(format!(
                    "{}: note: the format holds no half transparency: only what is invisible is left out",
                    name(&path)
                ));
            }
            if metadata.icc.is_some() {
                log.say(format!(
                    "{}: note: animations have no colour profile: colours count as sRGB there",
                    name(&path)
                ));
            }
            let frames = animation.finish()?;
            written = Some(format!("{}: {}", output_name(&path), many(frames, "frame")));
        }
        if let Some((path, format)) = self.still.take() {
            let (picture, notices) = save::encode_picture(&last.picture, metadata, format)?;
            for notice in notices {
                log.say(format!("{}: note: {notice}", name(&path)));
            }
            io::write_atomic(&path, self.force, |w| w.write_all(&picture))?;
            written = Some(output_name(&path));
        }
        Ok(written.unwrap_or_default())
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
            bpp(least, header.width, header.height)
        )));
    }
    Ok(wanted.min(len as u64) as usize)
}
