//! Handles own what they need, one callback reports and cancels, and one decode shows what the
//! command shows.

mod common;

use std::ops::ControlFlow;
use std::thread;

use dcodec::prior::Shipped;
use dcodec::{
    Decoder, Display, Encoder, Error, Mode, Picture, Prior, Progress, Sampler, StreamDecoder,
    Target,
};

use common::{crop, gaussian, prior};

/// Does not compile where a handle borrows, or cannot go to another thread.
#[allow(dead_code)]
fn handles_are_owned() {
    fn owned<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    owned::<StreamDecoder>();
    shared::<Encoder>();
    shared::<Decoder>();
    shared::<Prior>();
    shared::<Display>();
}

fn picture() -> Picture {
    crop("coffee.png", 150, 20, 64, 48)
}

fn file(prior: &Prior) -> Vec<u8> {
    let encoder = Encoder::new(prior).target(Target::Quality(50.0));
    encoder.encode(&picture()).expect("encodes").bytes
}

#[test]
fn a_stream_outlives_its_prior_and_goes_to_another_thread() {
    let (mut stream, bytes) = {
        let prior = gaussian();
        let bytes = file(&prior);
        (Decoder::new(&prior).stream(), bytes)
    };
    let feed = thread::spawn(move || {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            rest = &rest[stream.push(rest).expect("valid").0..];
        }
        stream.finish().expect("decodes")
    });
    assert!(feed.join().expect("no panic").coverage.complete);
}

/// A callback that stops after `most` reports.
fn patience(most: usize) -> impl FnMut(Progress) -> ControlFlow<()> {
    let mut heard = 0;
    move |progress| {
        assert!((0.0..=1.0).contains(&progress.done));
        heard += 1;
        match heard > most {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn one_callback_reports_and_cancels() {
    let prior = gaussian();
    let encoder = Encoder::new(&prior).target(Target::Quality(50.0));
    let whole = encoder.encode(&picture()).expect("encodes");
    let layers = whole.layers.len();
    assert!(layers > 3);
    let stopped = encoder.encode_with(&picture(), &mut patience(2));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    let again = encoder.encode_with(&picture(), &mut patience(layers));
    assert_eq!(again.expect("encodes").bytes, whole.bytes);

    let decoder = Decoder::new(&prior);
    let stopped = decoder.decode_with(&whole.bytes, &mut patience(2));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    let all = decoder.decode_with(&whole.bytes, &mut patience(layers));
    assert!(all.expect("decodes").coverage.complete);
    // A sampler reports each of its calls too.
    let flow = Sampler::new(Mode::Flow).expect("valid").steps(5);
    let walk = decoder.sampler(flow);
    let stopped = walk.decode_with(&whole.bytes, &mut patience(layers + 4));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert!(
        walk.decode_with(&whole.bytes, &mut patience(layers + 5))
            .is_ok()
    );
}

#[test]
fn the_default_shows_what_is_recommended() {
    let own = prior();
    let bytes = file(&own);
    let recommended = Display::recommended(&own).expect("loads");
    assert!(!recommended.is_plain());
    let shown = |decoder: Decoder| decoder.decode(&bytes).expect("decodes").picture;
    let default = shown(Decoder::new(&own));
    assert!(default == shown(Decoder::new(&own).display(recommended)));
    assert!(default == dcodec::decode(&bytes).expect("decodes").picture);
    assert!(default != shown(Decoder::new(&own).display(Display::PLAIN)));
    // The display of a prior that is not shipped is its own.
    let own = Display::recommended(&gaussian()).expect("its own");
    assert!(own.prior().is_none() && own.ensemble_size() == 4);
}

#[test]
fn decode_finds_every_shipped_prior() {
    for shipped in Shipped::ALL {
        let Ok(prior) = shipped.prior() else {
            println!("skipped: the build has no prior {}", shipped.name());
            continue;
        };
        for ensemble in [1, 2] {
            let encoder = Encoder::new(&prior).target(Target::Quality(20.0));
            let encoded = encoder.ensemble(ensemble).encode(&picture());
            let bytes = encoded.expect("encodes").bytes;
            let own = Decoder::new(&prior).decode(&bytes).expect("decodes");
            assert!(dcodec::decode(&bytes).expect("decodes").picture == own.picture);
        }
    }
    let unknown = dcodec::decode(&file(&gaussian()));
    assert!(matches!(unknown, Err(Error::Unsupported(_))));
}

#[test]
fn a_wrong_prior_is_named() {
    let (own, other) = (gaussian(), prior());
    match Decoder::new(&other).decode(&file(&own)) {
        Err(Error::WrongPrior { needed, given }) => {
            assert_eq!((needed, given), (own.id(), other.id()));
        }
        result => panic!("{result:?}"),
    }
}
