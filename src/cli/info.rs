use std::io::Write;

use dcodec::container::{Event, Header, Layer, Parser};
use dcodec::schedule::Sigma;
use dcodec::{Error, Result};
use serde_json::json;

use super::args::Info;
use super::{About, Failure, io, name};

/// What a walk through the file found, without any network.
struct Contents {
    header: Header,
    header_bytes: u64,
    parts: Vec<(String, usize)>,
    /// Each layer and the offset at which its bits end.
    layers: Vec<(Layer, u64)>,
    /// The layer that the file ends in, and its bytes of bits.
    partial: Option<(Layer, usize)>,
    complete: bool,
    trellis_bytes: u64,
    /// Bytes of parts' payloads, also of one that the file ends in.
    payload_bytes: u64,
}

pub fn run(a: &Info) -> Result<(), Failure> {
    let data = io::read_input(&a.input)?;
    let contents = walk(&data).about(&a.input)?;
    let text = if a.json {
        as_json(&contents, data.len())
    } else {
        as_text(&contents, data.len(), &name(&a.input))
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::io("standard output", e).into())
        }
        _ => Ok(()),
    }
}

fn walk(data: &[u8]) -> Result<Contents> {
    let mut parser = Parser::new(u64::MAX);
    let (used, event) = parser.push(data)?;
    let Event::Header(header) = event else {
        return Err(parser.incomplete().into());
    };
    let mut contents = Contents {
        header,
        header_bytes: used as u64,
        parts: Vec::new(),
        layers: Vec::new(),
        partial: None,
        complete: false,
        trellis_bytes: 0,
        payload_bytes: 0,
    };
    let mut at = used;
    loop {
        let (used, event) = parser.push(&data[at..])?;
        at += used;
        match event {
            Event::Part(name, payload) => {
                contents.payload_bytes += payload.len() as u64;
                contents.parts.push((name.to_string(), payload.len()));
            }
            Event::Layer(layer, bits) => {
                contents.trellis_bytes += bits.len() as u64;
                contents.layers.push((layer, at as u64));
            }
            Event::End => {
                contents.complete = true;
                break;
            }
            Event::NeedMore => break,
            _ => {}
        }
    }
    if let Some((layer, bits)) = parser.partial() {
        contents.trellis_bytes += bits.len() as u64;
        contents.partial = Some((*layer, bits.len()));
    }
    if let Some((_, payload)) = parser.partial_part() {
        contents.payload_bytes += payload.len() as u64;
    }
    Ok(contents)
}

fn levels(layer: &Layer) -> f64 {
    Sigma::from_code(layer.sigma).map_or(0.0, Sigma::levels)
}

fn kind(header: &Header) -> &'static str {
    match (header.rgb, header.alpha) {
        (false, false) => "grey",
        (false, true) => "grey with alpha",
        (true, false) => "RGB",
        (true, true) => "RGB with alpha",
    }
}

fn overhead(c: &Contents, len: usize) -> u64 {
    len as u64 - c.trellis_bytes - c.payload_bytes
}

fn as_json(c: &Contents, len: usize) -> String {
    let h = &c.header;
    let pixels = f64::from(h.width) * f64::from(h.height);
    let layers: Vec<_> = c
        .layers
        .iter()
        .map(|(l, end)| {
            json!({"index": l.index, "sigma": levels(l), "sigma_code": l.sigma, "stages": l.stages,
                   "bits": 4 * u64::from(l.stages), "offset": l.offset, "end": end, "bpp": 8.0 * *end as f64 / pixels})
        })
        .collect();
    let partial = c.partial.map(|(l, n)| {
        json!({"index": l.index, "sigma": levels(&l), "sigma_code": l.sigma, "stages": l.stages, "offset": l.offset,
               "stages_present": (2 * n).min(l.stages as usize)})
    });
    let parts: Vec<_> = c
        .parts
        .iter()
        .map(|(n, b)| json!({"name": n, "bytes": b}))
        .collect();
    let all = json!({
        "version": dcodec::container::VERSION, "width": h.width, "height": h.height, "colour": kind(h),
        "prior": h.prior.to_string(), "seed": h.seed, "trellis_state_bits": h.nu, "bytes": len,
        "bpp": 8.0 * len as f64 / pixels, "header_bytes": c.header_bytes, "trellis_bytes": c.trellis_bytes,
        "overhead_bytes": overhead(c, len), "complete": c.complete, "parts": parts, "layers": layers, "partial": partial,
    });
    format!("{all:#}\n")
}

fn as_text(c: &Contents, len: usize, name: &str) -> String {
    use std::fmt::Write;
    let h = &c.header;
    let pixels = f64::from(h.width) * f64::from(h.height);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{name}: dfc version {}, {} x {} {}",
        dcodec::container::VERSION,
        h.width,
        h.height,
        kind(h)
    );
    let _ = writeln!(
        out,
        "size      {len} bytes, {:.4} bits per pixel",
        8.0 * len as f64 / pixels
    );
    let _ = writeln!(out, "prior     {}", h.prior);
    let _ = writeln!(out, "trellis   {} state bits, seed {}", h.nu, h.seed);
    let o = overhead(c, len);
    let _ = writeln!(
        out,
        "overhead  {o} bytes besides trellis bits and parts, {:.2} %",
        100.0 * o as f64 / len as f64
    );
    for (name, bytes) in &c.parts {
        let _ = writeln!(out, "part      {name}, {bytes} bytes");
    }
    let _ = writeln!(out, "\nlayer     sigma   stages     bits      end     bpp");
    for (l, end) in &c.layers {
        let bpp = 8.0 * *end as f64 / pixels;
        let _ = writeln!(
            out,
            "{:5} {:9.3} {:8} {:8} {end:8} {bpp:7.4}",
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
                8.0 * len as f64 / pixels
            );
        }
        (None, false) => {
            let _ = writeln!(out, "cut here");
        }
        _ => {}
    }
    out
}
