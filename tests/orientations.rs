//! Averages over orientations of the picture: of the prior, which makes files smaller, and of the
//! display.

mod common;

use dcodec::container::{Event, Parser};
use dcodec::prior::{ENSEMBLES, Look, Postfilter};
use dcodec::{
    DEFAULT_MAX_PIXELS, Decoder, Display, Encoder, Error, Exact, Picture, Prior, StreamDecoder,
    Target, metrics,
};

use common::{crop, fast, gaussian, larger};

fn encode(prior: &Prior, picture: &Picture, target: Target, n: usize) -> Vec<u8> {
    let encoder = Encoder::new(prior).target(target).ensemble(n);
    encoder.encode(picture).expect("encodes").bytes
}

fn decode(prior: &Prior, file: &[u8], n: usize) -> Picture {
    let decoder = common::plain(prior).display(Display::PLAIN.ensemble(n));
    decoder.decode(file).expect("decodes").picture
}

fn feed(stream: &mut StreamDecoder, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (used, _) = stream.push(bytes).expect("sound");
        bytes = &bytes[used..];
    }
}

#[test]
fn the_more_the_smaller_and_the_closer() {
    let prior = fast();
    let (mut sizes, mut psnrs) = ([0; 4], [0.0; 4]);
    for (name, x, y) in [("astronaut.png", 100, 20), ("coffee.png", 150, 20)] {
        // So large that the gain of an average exceeds the changes of the size of a file by chance.
        let picture = crop(name, x, y, 320, 256);
        let plain = encode(&prior, &picture, Target::Quality(60.0), 1);
        for (i, n) in ENSEMBLES.into_iter().enumerate() {
            let file = encode(&prior, &picture, Target::Quality(60.0), n);
            assert_eq!(file == plain, n == 1);
            sizes[i] += file.len();
            // The decoder knows from the file over how many orientations the prior is averaged.
            let own = metrics::psnr(&picture, &decode(&prior, &file, 1)).expect("alike");
            assert!(own > 30.0, "{name}, {n}: {own}");
            // This file, displayed better.
            psnrs[i] += metrics::psnr(&picture, &decode(&prior, &plain, n)).expect("alike");
        }
    }
    println!("bytes {sizes:?}, PSNR {psnrs:.2?} dB twice");
    // Between 4 and 8 there is less than that.
    let [one, two, four, eight] = sizes;
    assert!(one > two && two > four.max(eight), "{sizes:?}");
    assert!(psnrs.is_sorted_by(|a, b| a < b), "{psnrs:?}");
}

#[test]
fn what_is_averaged_already_is_shown_as_it_is() {
    let prior = fast();
    let picture = crop("coffee.png", 150, 20, 96, 80);
    let file = encode(&prior, &picture, Target::Quality(40.0), 4);
    let shown = decode(&prior, &file, 1);
    for n in [2, 4] {
        assert!(decode(&prior, &file, n) == shown, "{n}");
    }
    assert!(decode(&prior, &file, 8) != shown);
}

#[test]
fn previews_are_what_a_decoder_ends_with() {
    let prior = fast();
    let picture = crop("astronaut.png", 100, 20, 128, 96);
    let file = encode(&prior, &picture, Target::Quality(60.0), 1);
    let mut last = 0.0;
    for part in [0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 1.0] {
        let bytes = &file[..(part * file.len() as f64) as usize];
        let ended = decode(&prior, bytes, 4);
        let mut stream = common::plain(&prior)
            .display(Display::PLAIN.ensemble(4))
            .stream();
        feed(&mut stream, bytes);
        // A preview leaves the chain as it was.
        for _ in 0..2 {
            assert!(stream.preview().expect("shows").picture == ended, "{part}");
        }
        let psnr = metrics::psnr(&picture, &ended).expect("alike");
        assert!(psnr > last, "{part}: {psnr} after {last}");
        last = psnr;
    }
}

#[test]
fn a_better_prior_shows_more() {
    let (own, Some(better)) = (fast(), larger()) else {
        println!("skipped: the build has no larger prior");
        return;
    };
    let picture = crop("coffee.png", 150, 20, 192, 160);
    for (orientations, target) in [(1, 70.0), (2, 45.0)] {
        let file = encode(&own, &picture, Target::Quality(target), orientations);
        for part in [0.3, 0.45, 0.7, 1.0] {
            let bytes = &file[..(part * file.len() as f64) as usize];
            let psnr = |shown: &Picture| metrics::psnr(&picture, shown).expect("alike");
            let plain = psnr(&decode(&own, bytes, 4));
            let mut stream = common::plain(&own).stream();
            feed(&mut stream, bytes);
            stream.set_display(Display::by(&own, Some(better.clone())).ensemble(4));
            let shown = stream.preview().expect("shows").picture;
            println!(
                "{orientations}, {part}: {plain:.2} dB, refined {:.2}",
                psnr(&shown)
            );
            assert!(psnr(&shown) > plain + 0.02, "{part}");
            // A preview leaves the chain as it was, and the end is the same.
            assert!(stream.preview().expect("shows").picture == shown, "{part}");
            assert!(stream.finish().expect("shows").picture == shown, "{part}");
        }
    }
}

#[test]
fn refiners_stay_within_the_memory() {
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/models/cifar10.safetensors");
    let (own, other) = (fast(), Prior::from_file(weights).expect("loads"));
    let picture = crop("coffee.png", 150, 20, 96, 80);
    let file = encode(&own, &picture, Target::Quality(40.0), 1);
    let (_, event) = Parser::new(DEFAULT_MAX_PIXELS).push(&file).expect("sound");
    let Event::Header(header) = event else {
        panic!("{event:?}")
    };
    let refined =
        || common::plain(&own).display(Display::by(&own, Some(other.clone())).ensemble(1));
    let needs = |decoder: Decoder| {
        decoder
            .memory(&header, file.len() as u64, false)
            .expect("its own prior")
    };
    let (least, most) = (needs(common::plain(&own)), needs(refined()));
    assert!(least < most);
    let shown = |memory| {
        let decoder = refined().max_memory(memory);
        decoder.decode(&file).map(|decoded| decoded.picture)
    };
    let plain = decode(&own, &file, 1);
    assert!(shown(most).expect("fits") != plain);
    assert!(shown(most - 1).expect("fits") == plain);
    assert!(shown(least).expect("fits") == plain);
    assert!(matches!(shown(least - 1), Err(Error::Limits(_))));
}

#[test]
fn an_exact_end_comes_back() {
    let prior = fast();
    let picture = crop("chelsea.png", 40, 40, 75, 50);
    for n in [2, 8] {
        let file = encode(&prior, &picture, Target::Lossless(None), n);
        let decoder = common::plain(&prior).display(Display::PLAIN.ensemble(4));
        let decoded = decoder.decode(&file).expect("decodes");
        assert_eq!(decoded.coverage.exact, Exact::All, "{n}");
        assert!(decoded.picture == picture, "{n}");
    }
}

#[test]
fn other_numbers_and_other_priors_are_refused() {
    let (shipped, other) = (fast(), gaussian());
    let picture = crop("chelsea.png", 40, 40, 32, 32);
    for n in [0, 3, 16] {
        let encoded = Encoder::new(&other).ensemble(n).encode(&picture);
        assert!(matches!(encoded, Err(Error::Parameter(_))), "{n}");
    }
    for n in ENSEMBLES {
        let file = encode(&other, &picture, Target::Quality(30.0), n);
        decode(&other, &file, 1);
        let refused = common::plain(&shipped).decode(&file);
        assert!(matches!(refused, Err(Error::WrongPrior { .. })), "{n}");
    }
}

#[test]
fn looks_show_the_same_bytes() {
    let (own, Some(looks)) = (fast(), all_looks()) else {
        println!("skipped: the build has no post-filters");
        return;
    };
    for (name, x, y) in [("astronaut.png", 100, 20), ("coffee.png", 150, 20)] {
        // Smaller ones have no bands, and hardly gain.
        let picture = crop(name, x, y, 320, 256);
        let file = encode(&own, &picture, Target::Bpp(0.3), 1);
        // Whole, and cut inside a layer.
        for bytes in [&file[..], &file[..file.len() / 2]] {
            let shown = |filter: Option<&Postfilter>| {
                let display = Display::recommended(&own).expect("loads");
                let decoder = Decoder::new(&own).display(display.postfilter(filter.cloned()));
                decoder.decode(bytes).expect("decodes").picture
            };
            let psnr = |shown: &Picture| metrics::psnr(&picture, shown).expect("alike");
            let (plain, [mean, vivid]) = (shown(None), looks.each_ref().map(|f| shown(Some(f))));
            let [before, after, for_the_eye] = [&plain, &mean, &vivid].map(psnr);
            println!("{name}: {before:.3} dB, mean {after:.3}, vivid {for_the_eye:.3}");
            assert!(after > before + 0.02);
            assert!((before - 1.0..after).contains(&for_the_eye));
            assert!(vivid != mean);
        }
        let decoder = Decoder::new(&own);
        let vivid = decoder.clone().look(Look::Vivid).decode(&file);
        let display = Display::recommended(&own).expect("loads");
        let display = display.postfilter(Postfilter::shipped(Look::Vivid));
        let same = decoder.display(display).decode(&file);
        assert!(vivid.expect("decodes").picture == same.expect("decodes").picture);
    }
}

fn all_looks() -> Option<[Postfilter; 2]> {
    let [mean, vivid] = Look::ALL.map(Postfilter::shipped);
    Some([mean?, vivid?])
}

#[test]
fn the_state_is_what_is_shown_plainly() {
    let prior = fast();
    let picture = crop("coffee.png", 150, 20, 192, 160);
    let file = encode(&prior, &picture, Target::Quality(60.0), 1);
    let mut stream = common::plain(&prior).stream();
    assert!(stream.state().is_err());
    feed(&mut stream, &file[..20]);
    assert!(stream.state().expect("a header").is_none());
    feed(&mut stream, &file[20..file.len() / 2]);
    let within = stream.state().expect("denoises").expect("layers");
    assert_ne!(Some(within.1), stream.sigma());
    feed(&mut stream, &file[file.len() / 2..]);
    let (x_t, sigma) = stream.state().expect("denoises").expect("layers");
    assert_eq!(Some(sigma), stream.sigma());
    let x0_hat = prior.x0_hat(&x_t, sigma).expect("denoises");
    let shown = Picture::from_planes(&x0_hat, 192, 160, picture.colour(), picture.depth(), None);
    assert!(shown.expect("a picture") == decode(&prior, &file, 1));
}
