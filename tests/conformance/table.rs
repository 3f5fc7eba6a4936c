//! Findings of a decoder in a good file: its line of `files.json`.

use dcodec::container::{Header, Layer, Parser, PartName};
use dcodec::prior::Shipped;
use dcodec::{
    BitDepth, Colour, DEFAULT_MAX_PIXELS, Decoded, Decoder, Event, Exact, Metadata, Picture,
    Samples,
};
use serde_json::{Value, json};

/// The folder of the files.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/codec-spec/files");

/// Shorter files and those without an end have no pictures of prefixes in their line.
const LEAST_PREFIXED: usize = 100;

/// The bytes of a file, `ok/NAME.dfc` or `bad/NAME.dfc`.
pub fn bytes_of(folder: &str, name: &str) -> Vec<u8> {
    let path = format!("{FOLDER}/{folder}/{name}.dfc");
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The header of a valid file.
pub fn header(file: &[u8]) -> Header {
    match Parser::new(DEFAULT_MAX_PIXELS).push(file) {
        Ok((_, Event::Header(header))) => header,
        other => panic!("{other:?}"),
    }
}

/// The line of a valid file; `tests` says in words what it tests.
pub fn line(decoder: &Decoder, tests: &str, file: &[u8]) -> Value {
    let mut line = parsed(file);
    let whole = line["end_marker"] == true && file.len() >= LEAST_PREFIXED;
    line["tests"] = tests.into();
    let decoded = decoder.decode(file).expect("decodes");
    line["shows"] = shown(&decoded);
    line["metadata"] = metadata(&decoded.metadata);
    let prefix = |i| {
        let bytes = i * file.len() / 4;
        let mut shown = shown(&decoder.decode(&file[..bytes]).expect("decodes"));
        shown["bytes"] = bytes.into();
        shown
    };
    if whole {
        line["prefixes"] = (1..4).map(prefix).collect();
    }
    line
}

/// Findings of parsing, which needs no prior.
fn parsed(file: &[u8]) -> Value {
    let mut parser = Parser::new(DEFAULT_MAX_PIXELS);
    let (mut rest, mut parts, mut layers) = (file, Vec::new(), Vec::new());
    let (mut head, mut whole) = (header(file), 0);
    while !rest.is_empty() {
        let (used, event) = parser.push(rest).expect("valid");
        rest = &rest[used..];
        match event {
            Event::Header(found) => head = found,
            Event::Part(name, payload) => parts.push(part(name, &payload)),
            Event::LayerHead(layer) => layers.push(layer_line(&head, &layer)),
            Event::Layer(..) => whole += 1,
            _ => {}
        }
    }
    let (prior, n) = Shipped::of(head.prior).expect("a prior that is shipped");
    let form = &head.form;
    let cut = match (parser.partial(), parser.partial_part()) {
        (Some((_, bits)), _) => json!({ "unit": "layer", "bytes": bits.len() }),
        (_, Some((name, payload))) => {
            json!({ "unit": name.to_string(), "bytes": payload.len() })
        }
        _ => Value::Null,
    };
    json!({
        "bytes": file.len(), "width": form.width, "height": form.height,
        "colour": match form.colour { Colour::Grey => "grey", Colour::Rgb => "RGB" },
        "depth": form.depth.bits(), "alpha": form.alpha, "seed": head.seed,
        "trellis": head.trellis.nu(), "bands": head.banded, "corrections": head.corrected,
        "prior": head.prior.to_string(), "prior_name": prior.name(), "orientations": n,
        "start": head.start.get(), "parts": parts, "layers": layers, "whole_layers": whole,
        "cut_inside": cut, "end_marker": parser.is_complete(), "used": parser.offset(),
    })
}

fn part(name: PartName, payload: &[u8]) -> Value {
    json!({ "name": name.to_string(), "bytes": payload.len() })
}

fn layer_line(header: &Header, layer: &Layer) -> Value {
    let mut line = json!({
        "offset": layer.offset, "sigma": layer.sigma.get(), "stages": layer.stages,
        "corrected": layer.corrected,
    });
    if header.banded {
        line["allotment"] = json!(layer.allocation.codes());
    }
    line
}

/// Sums of the shown picture. Of samples of 16 bits also what they are with 8, for decoders that show
/// these.
pub fn shown(decoded: &Decoded) -> Value {
    let picture = &decoded.picture;
    let mut shown = json!({
        "layers": decoded.coverage.layers,
        "crc": crc(picture.samples()),
        "alpha_crc": picture.alpha().map(crc),
        "exact_rows": exact_rows(picture, decoded.coverage.exact),
    });
    if picture.depth() == BitDepth::Sixteen {
        let eight = picture.clone().into_eight();
        shown["crc_8"] = crc(eight.samples()).into();
        shown["alpha_crc_8"] = eight.alpha().map(crc).into();
    }
    shown
}

/// The number of rows whose samples are exact.
fn exact_rows(picture: &Picture, exact: Exact) -> u32 {
    match exact {
        Exact::All => picture.height(),
        Exact::Rows(rows) => rows,
        _ => 0,
    }
}

/// The CRC-32 of samples, those of 16 bits low byte first.
fn crc(samples: &Samples) -> u32 {
    match (samples.as_eight(), samples.as_sixteen()) {
        (Some(eight), _) => crc32fast::hash(eight),
        (_, deep) => {
            let deep = deep.expect("16 bits").iter();
            let bytes: Vec<u8> = deep.flat_map(|v| v.to_le_bytes()).collect();
            crc32fast::hash(&bytes)
        }
    }
}

/// The metadata as unpacked.
fn metadata(metadata: &Metadata) -> Value {
    let all = [
        ("iccp", &metadata.icc),
        ("exif", &metadata.exif),
        ("xmpp", &metadata.xmp),
    ];
    let one = |(name, bytes): (&str, &Option<Vec<u8>>)| {
        let bytes = bytes.as_ref()?;
        let found = json!({ "bytes": bytes.len(), "crc": crc32fast::hash(bytes) });
        Some((name.to_owned(), found))
    };
    Value::Object(all.into_iter().filter_map(one).collect())
}
