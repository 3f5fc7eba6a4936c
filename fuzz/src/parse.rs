//! The parser of the container.

use dcodec::Event;
use dcodec::container::{Header, Layer, Parser, Writer};

use crate::file::{Rng, pieces, repaired};

/// The parser gives equal events in any split, and what it accepts can be written again.
pub fn parse(data: &[u8]) {
    let mut rng = Rng::of(data);
    for file in [data.to_vec(), repaired(data)] {
        let (whole, end) = events(&[&file]);
        assert_eq!(events(&pieces(&file, &mut rng)), (whole.clone(), end));
        if let Some(again) = written(&whole) {
            let (same, _) = events(&[&again]);
            assert_eq!(without_offsets(same), without_offsets(whole));
        }
    }
}

/// The events of a file that comes in `pieces`, and the offset or the error where they end.
fn events(pieces: &[&[u8]]) -> (Vec<Event>, Result<u64, String>) {
    let mut parser = Parser::new(u64::MAX);
    let (mut events, mut taken) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let (used, event) = match parser.push(rest) {
                Ok(pushed) => pushed,
                Err(e) => return (events, Err(e.to_string())),
            };
            if parser.is_complete() && event != Event::End {
                break;
            }
            rest = &rest[used..];
            taken += used as u64;
            assert_eq!(parser.offset(), taken);
            if event == Event::NeedMore {
                assert!(rest.is_empty());
                break;
            }
            events.push(event);
        }
    }
    (events, Ok(taken))
}

/// The file that has these events, if they are a whole file.
fn written(events: &[Event]) -> Option<Vec<u8>> {
    let (Some(Event::Header(header)), Some(Event::End)) = (events.first(), events.last()) else {
        return None;
    };
    let mut writer = Writer::new(header);
    for event in events {
        match event {
            Event::Part(name, payload) => writer.part(*name, payload),
            Event::LayerHead(layer) => head(&mut writer, header, layer),
            Event::Layer(_, bits) => writer.body(bits),
            _ => {}
        }
    }
    Some(writer.finish())
}

fn head(writer: &mut Writer, header: &Header, layer: &Layer) {
    if header.banded {
        writer.allot(layer.allocation);
    }
    writer.correct(layer.corrected);
    writer.layer(layer.sigma, layer.stages);
}

/// Events with the layers at offset 0: a number may be written in more than one way.
fn without_offsets(events: Vec<Event>) -> Vec<Event> {
    let moved = |layer: Layer| Layer { offset: 0, ..layer };
    let moved = |event| match event {
        Event::LayerHead(layer) => Event::LayerHead(moved(layer)),
        Event::Layer(layer, bits) => Event::Layer(moved(layer), bits),
        other => other,
    };
    events.into_iter().map(moved).collect()
}
