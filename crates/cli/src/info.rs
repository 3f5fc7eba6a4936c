//! `dcodec info`: files, priors and devices described.

mod folder;

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use dcodec::container::{Event, Header, Layer, Parser, PartName};
use dcodec::prior::{Device, Network, Shipped};
use dcodec::schedule::Sigma;
use dcodec::{BitDepth, Colour, Metadata};
use dcodec_eval::inputs::Kind;
use dcodec_eval::io::{self, name};
use dcodec_eval::{Log, inputs};
use serde_json::{Value, json};

use crate::args::Info;
use crate::batch::all_worked;
use crate::error::{About, Error, Result};
use crate::hub;
use crate::priors::{shipped, unusable, weights};
use crate::text::{bpp, many};

/// Bytes of one read.
const READ_BYTES: usize = 1 << 16;

/// Contents of a file, found without any network.
struct Contents {
    header: Header,
    header_bytes: u64,
    parts: Vec<(PartName, usize)>,
    metadata: Metadata,
    /// The layers, and the offset at which the bits of each end.
    layers: Vec<(Layer, u64)>,
    /// The layer in which the file ends, and its bytes of bits.
    partial: Option<(Layer, usize)>,
    complete: bool,
    trellis_bytes: u64,
    /// Bytes of the parts' payloads, with that of a part in which the file ends.
    payload_bytes: u64,
}

pub fn run(a: &Info, log: Log) -> Result<()> {
    let text = match &a.prior {
        _ if a.devices => devices(a.json),
        Some(path) => describe(path, a.json, log)?,
        None => {
            let files = inputs::files(&a.inputs, Kind::Coded)?;
            match &files[..] {
                [path] if files == a.inputs => {
                    let (contents, len) = contents(path)?;
                    match a.json {
                        true => format!("{:#}\n", named(as_json(&contents, len), path)),
                        false => as_text(&contents, len, &name(path)),
                    }
                }
                _ => return several(&files, a.json),
            }
        }
    };
    Ok(io::print(&text)?)
}

fn contents(path: &Path) -> Result<(Contents, usize)> {
    let (mut source, size) = io::open_input(path)?;
    let mut walk = Walk::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => walk.take(&buffer[..n]).about(path)?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io(name(path), e)),
        }
        // Nothing after the end is looked at.
        if walk.parser.is_complete() {
            walk.bytes = size.unwrap_or(walk.bytes);
            break;
        }
    }
    walk.end().about(path)
}

/// The contents of a file of these bytes, or of a prefix of one, as `dcodec info --json` prints
/// them, apart from the file's name.
///
/// # Errors
/// Those of [`Parser::push`]; [`dcodec::Error::Format`] if the bytes end inside the header.
pub fn contents_as_json(bytes: &[u8]) -> dcodec::Result<Value> {
    let mut walk = Walk::default();
    walk.take(bytes)?;
    let (contents, len) = walk.end()?;
    Ok(as_json(&contents, len))
}

/// A line on each file.
fn several(files: &[PathBuf], json: bool) -> Result<()> {
    let (mut values, mut failed) = (Vec::new(), 0);
    for path in files {
        match contents(path) {
            Ok((contents, len)) if json => values.push(named(as_json(&contents, len), path)),
            Ok((contents, len)) => io::print(&as_line(&contents, len, &name(path)))?,
            Err(e) => {
                io::say(format_args!("skipped: {e}"));
                failed += 1;
            }
        }
    }
    if json {
        io::print(&format!("{:#}\n", json!(values)))?;
    }
    all_worked(failed, files.len())
}

/// Identity, configuration, size and cost of a weights file or a folder.
fn describe(path: &Path, json: bool, log: Log) -> Result<String> {
    let weights = match shipped(path) {
        Some(which) => which.weights()?,
        None => {
            let found = hub::located(path, log)?;
            if found.is_dir() {
                return folder::describe(&found, json);
            }
            weights(&found, path)?
        }
    };
    let network = Network::new(&weights).about(path)?;
    let (config, cost) = (weights.config(), network.macs_per_pixel());
    let corrector = weights.corrector();
    if json {
        let corrector = corrector.map(|c| json!({ "channels": c.channels, "blocks": c.blocks }));
        let all = json!({
            "prior": weights.id().to_string(), "channels": config.channels, "blocks": config.blocks,
            "embed": config.embed, "sigma_data": weights.sigma_data(), "sigma_max": weights.sigma_max(), "parameters": network.parameters(),
            "macs_per_pixel": cost, "corrector": corrector, "kernel": format!("{:?}", network.kernel()), "note": weights.note(),
        });
        return Ok(format!("{all:#}\n"));
    }
    let corrector = corrector.map_or("none".into(), |c| {
        format!("channels {:?}, blocks {:?}", c.channels, c.blocks)
    });
    Ok(format!(
        "{}: prior {}\nchannels    {:?}, blocks {:?}, embedding {}\ncorrector   {corrector}\nlevels      up to {}, above them pictures are reduced\nparameters  {}\ncost        {:.1} k \
         multiply-accumulates a pixel, on this machine by {:?}\nnote        {}\n",
        path.display(),
        weights.id(),
        config.channels,
        config.blocks,
        config.embed,
        weights.sigma_max(),
        network.parameters(),
        cost / 1000.0,
        network.kernel(),
        weights.note()
    ))
}

/// The devices, each with its name or with the reason why it cannot be used.
fn devices(json: bool) -> String {
    match json {
        true => format!("{:#}\n", devices_as_json()),
        false => devices_as_text(),
    }
}

pub fn devices_as_json() -> Value {
    let one = |(device, name): (Device, dcodec::Result<String>)| match name {
        Ok(name) => json!({ "device": device.to_string(), "available": true, "name": name }),
        Err(e) => {
            json!({ "device": device.to_string(), "available": false, "reason": unusable(device, &e) })
        }
    };
    Device::survey().into_iter().map(one).collect()
}

/// A line on each device.
pub fn devices_as_text() -> String {
    let line = |(device, name): (Device, dcodec::Result<String>)| match name {
        Ok(name) => format!("{device:<8} {name}\n"),
        Err(e) => format!("{device:<8} not available: {}\n", unusable(device, &e)),
    };
    Device::survey().into_iter().map(line).collect()
}

/// The contents of a file as its bytes come; none are kept.
struct Walk {
    parser: Parser,
    /// Bytes so far.
    bytes: u64,
    contents: Option<Contents>,
}

impl Default for Walk {
    fn default() -> Self {
        Walk {
            parser: Parser::new(u64::MAX),
            bytes: 0,
            contents: None,
        }
    }
}

impl Walk {
    fn take(&mut self, mut bytes: &[u8]) -> dcodec::Result<()> {
        while !bytes.is_empty() {
            let (used, event) = self.parser.push(bytes)?;
            bytes = &bytes[used..];
            self.bytes += used as u64;
            match (&mut self.contents, event) {
                (None, Event::Header(header)) => {
                    self.contents = Some(Contents {
                        header,
                        header_bytes: self.bytes,
                        parts: Vec::new(),
                        metadata: Metadata::default(),
                        layers: Vec::new(),
                        partial: None,
                        complete: false,
                        trellis_bytes: 0,
                        payload_bytes: 0,
                    });
                }
                (Some(contents), event) => contents.add(event, self.bytes),
                _ => {}
            }
        }
        Ok(())
    }

    /// The contents, and the number of bytes.
    fn end(self) -> dcodec::Result<(Contents, usize)> {
        let Some(mut contents) = self.contents else {
            return Err(self.parser.incomplete().into());
        };
        if let Some((layer, bits)) = self.parser.partial() {
            contents.trellis_bytes += bits.len() as u64;
            contents.partial = Some((*layer, bits.len()));
        }
        if let Some((_, payload)) = self.parser.partial_part() {
            contents.payload_bytes += payload.len() as u64;
        }
        Ok((contents, self.bytes as usize))
    }
}

impl Contents {
    /// Adds a unit that ends at the offset `end`.
    fn add(&mut self, event: Event, end: u64) {
        match event {
            Event::Part(name, payload) => {
                self.payload_bytes += payload.len() as u64;
                self.parts.push((name, payload.len()));
                self.metadata.take(name, &payload);
            }
            Event::Layer(layer, bits) => {
                self.trellis_bytes += bits.len() as u64;
                self.layers.push((layer, end));
            }
            Event::End => self.complete = true,
            _ => {}
        }
    }
}

/// Bytes of the metadata in a part.
fn unpacked(c: &Contents, name: PartName) -> Option<usize> {
    let metadata = match name {
        PartName::ICC => &c.metadata.icc,
        PartName::EXIF => &c.metadata.exif,
        PartName::XMP => &c.metadata.xmp,
        _ => &None,
    };
    metadata.as_ref().map(Vec::len)
}

fn levels(layer: &Layer) -> f64 {
    Sigma::from(layer.sigma).levels()
}

fn kind(header: &Header) -> &'static str {
    let form = &header.form;
    match (form.colour, form.alpha, form.depth) {
        (Colour::Grey, false, BitDepth::Eight) => "grey",
        (Colour::Grey, true, BitDepth::Eight) => "grey with alpha",
        (Colour::Rgb, false, BitDepth::Eight) => "RGB",
        (Colour::Rgb, true, BitDepth::Eight) => "RGB with alpha",
        (Colour::Grey, false, BitDepth::Sixteen) => "grey, 16 bits",
        (Colour::Grey, true, BitDepth::Sixteen) => "grey with alpha, 16 bits",
        (Colour::Rgb, false, BitDepth::Sixteen) => "RGB, 16 bits",
        (Colour::Rgb, true, BitDepth::Sixteen) => "RGB with alpha, 16 bits",
    }
}

fn overhead(c: &Contents, len: usize) -> u64 {
    len as u64 - c.trellis_bytes - c.payload_bytes
}

/// `contents` with the name of their file.
fn named(mut contents: Value, path: &Path) -> Value {
    contents["file"] = path.to_string_lossy().into();
    contents
}

fn as_json(c: &Contents, len: usize) -> Value {
    let h = &c.header;
    let inside = Shipped::of(h.prior);
    let layers: Vec<_> = c
        .layers
        .iter()
        .map(|(l, end)| {
            json!({"index": l.index, "sigma": levels(l), "sigma_code": l.sigma.get(), "stages": l.stages,
                   "bits": 4 * u64::from(l.stages), "offset": l.offset, "end": end, "bpp": bpp(*end, h.form.width, h.form.height)})
        })
        .collect();
    let partial = c.partial.map(|(l, n)| {
        json!({"index": l.index, "sigma": levels(&l), "sigma_code": l.sigma.get(), "stages": l.stages, "offset": l.offset,
               "stages_present": (2 * n).min(l.stages as usize)})
    });
    let parts: Vec<_> = c
        .parts
        .iter()
        .map(|(n, b)| json!({"name": n.to_string(), "bytes": b, "holds": n.holds(), "unpacked_bytes": unpacked(c, *n)}))
        .collect();
    json!({
        "version": dcodec::container::VERSION, "width": h.form.width, "height": h.form.height, "colour": kind(h),
        "prior": h.prior.to_string(), "prior_name": inside.map(|(p, _)| p.name()), "orientations": inside.map(|(_, n)| n),
        "seed": h.seed, "trellis_state_bits": h.trellis.nu(), "bands": h.banded, "bytes": len,
        "bpp": bpp(len as u64, h.form.width, h.form.height), "header_bytes": c.header_bytes, "trellis_bytes": c.trellis_bytes,
        "overhead_bytes": overhead(c, len), "complete": c.complete, "parts": parts, "layers": layers, "partial": partial,
    })
}

/// The prior's identity, and its name where this program has it.
fn prior(h: &Header) -> String {
    match Shipped::of(h.prior) {
        Some((p, 1)) => format!("{}, {} of this program", h.prior, p.name()),
        Some((p, n)) => format!(
            "{}, {} of this program over {n} orientations",
            h.prior,
            p.name()
        ),
        None => h.prior.to_string(),
    }
}

fn as_line(c: &Contents, len: usize, name: &str) -> String {
    let h = &c.header;
    format!(
        "{name}: {} x {} {}, {len} bytes, {:.4} bits per pixel, {}{}, prior {}\n",
        h.form.width,
        h.form.height,
        kind(h),
        bpp(len as u64, h.form.width, h.form.height),
        many(c.layers.len() as u64, "layer"),
        if c.complete { "" } else { ", cut" },
        prior(h)
    )
}

fn as_text(c: &Contents, len: usize, name: &str) -> String {
    use std::fmt::Write;
    let h = &c.header;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{name}: dfc version {}, {} x {} {}",
        dcodec::container::VERSION,
        h.form.width,
        h.form.height,
        kind(h)
    );
    let _ = writeln!(
        out,
        "size      {len} bytes, {:.4} bits per pixel",
        bpp(len as u64, h.form.width, h.form.height)
    );
    let _ = writeln!(out, "prior     {}", prior(h));
    let bands = match h.banded {
        true => ", 8 bands",
        false => "",
    };
    let _ = writeln!(
        out,
        "trellis   {} state bits{bands}, seed {}",
        h.trellis.nu(),
        h.seed
    );
    let o = overhead(c, len);
    let _ = writeln!(
        out,
        "overhead  {o} bytes besides trellis bits and parts, {:.2} %",
        100.0 * o as f64 / len as f64
    );
    for (name, bytes) in &c.parts {
        let packed = match (unpacked(c, *name), name.is_metadata()) {
            (Some(n), _) => format!(" ({n} unpacked)"),
            (None, true) => " (cannot be unpacked: ignored)".into(),
            (None, false) => String::new(),
        };
        let holds = name.holds();
        let _ = writeln!(out, "part      {name}, {holds}, {bytes} bytes{packed}");
    }
    let _ = writeln!(out, "\nlayer     sigma   stages     bits      end     bpp");
    for (l, end) in &c.layers {
        let rate = bpp(*end, h.form.width, h.form.height);
        let _ = writeln!(
            out,
            "{:5} {:9.3} {:8} {:8} {end:8} {rate:7.4}",
            l.index,
            levels(l),
            l.stages,
            4 * u64::from(l.stages)
        );
    }
    match (&c.partial, c.complete) {
        (Some((l, n)), _) => {
            let present = (2 * n).min(l.stages as usize);
            let _ = writeln!(
                out,
                "{:5} {:9.3} {:8} {:8} {len:8} {:7.4}  cut after {present} stages",
                l.index,
                levels(l),
                l.stages,
                4 * present,
                bpp(len as u64, h.form.width, h.form.height)
            );
        }
        (None, false) => {
            let _ = writeln!(out, "cut here");
        }
        _ => {}
    }
    out
}
