//! The decoder, fed in any split and cut anywhere.

use dcodec::{Decoded, Decoder, Error, Event};

use crate::file::{Rng, decoder, header, pieces, repaired};

/// Previews of a stream, at most: each starts the exact samples anew.
const MOST_PREVIEWS: usize = 6;

/// The outcome of a decode: what can be compared, or the error.
type Outcome = Result<Decoded, String>;

/// Pushes in any split give the picture of one push, prefixes are pictures too, and previews change
/// nothing.
pub fn stream(data: &[u8]) {
    let mut rng = Rng::of(data);
    for file in [data.to_vec(), repaired(data)] {
        let Some(header) = header(&file) else {
            continue;
        };
        let decoder = decoder(header.prior);
        let whole = pushed(&decoder, &[&file], 0);
        let previews = rng.below(2) * MOST_PREVIEWS;
        let split = pushed(&decoder, &pieces(&file, &mut rng), previews);
        assert_same(&split, &whole);
        if let Ok(decoded) = &whole {
            assert_eq!(decoded.picture.width(), header.form.width);
            assert_eq!(decoded.picture.height(), header.form.height);
            assert_eq!(decoded.picture.alpha().is_some(), header.form.alpha);
            // A whole call counts the layers first, and so may be refused earlier.
            if let Ok(at_once) = decoder.decode(&file) {
                assert_same(&Ok(at_once), &whole);
            }
        }
        let cut = &file[..rng.below(file.len() + 1)];
        match (decoder.decode(cut), &whole) {
            (Ok(part), Ok(whole)) => {
                assert!(part.coverage.layers <= whole.coverage.layers);
                assert!(part.coverage.bytes <= whole.coverage.bytes);
            }
            // A prefix may end before its header does, or before the place of the damage.
            (Err(Error::Format(e)), Ok(_)) => assert_eq!(e.part, "header", "{e}"),
            (Err(e), Ok(_)) => panic!("a prefix of a good file: {e}"),
            (_, Err(_)) => {}
        }
    }
}

/// The result of pushing `pieces`, with so many previews in between.
fn pushed(decoder: &Decoder, pieces: &[&[u8]], previews: usize) -> Outcome {
    let mut stream = decoder.stream();
    let every = pieces.len() / previews.max(1) + 1;
    for (i, piece) in pieces.iter().enumerate() {
        let mut rest = *piece;
        loop {
            let (used, event) = stream.push(rest).map_err(|e| e.to_string())?;
            rest = &rest[used..];
            if event == Event::NeedMore {
                break;
            }
        }
        if previews > 0 && i % every == 0 && stream.header().is_some() {
            stream.preview().map_err(|e| e.to_string())?;
        }
    }
    stream.finish().map_err(|e| e.to_string())
}

fn assert_same(a: &Outcome, b: &Outcome) {
    match (a, b) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a.coverage, b.coverage);
            assert_eq!(a.metadata, b.metadata);
            assert!(a.picture == b.picture, "the pictures differ");
        }
        (Err(a), Err(b)) => assert_eq!(a, b),
        (a, b) => panic!("{:?} and {:?}", a.as_ref().err(), b.as_ref().err()),
    }
}
