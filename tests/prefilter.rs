//! Files leave out components that they have no bits for: they are closer to the picture at their
//! size. They are unchanged where nothing is to be left out.

mod common;

use dcodec::{Colour, Display, Encoded, Encoder, Picture, Prior, Target, metrics};

fn encode(prior: &Prior, picture: &Picture, target: Target, filtered: bool) -> Encoded {
    let encoder = Encoder::new(prior)
        .exact_if_smaller(false)
        .target(target)
        .psnr_as_displayed_by(Display::PLAIN)
        .prefilter(filtered)
        .corrections(false);
    encoder.encode(picture).expect("encodes")
}

/// PSNR in dB of a file of this number of bits per pixel, with and without the filter.
fn pair(prior: &Prior, picture: &Picture, bpp: f64) -> [f64; 2] {
    [true, false].map(|filtered| {
        let file = encode(prior, picture, Target::Bpp(bpp), filtered);
        let pixels = picture.width() * picture.height();
        let most = (bpp * f64::from(pixels) / 8.0) as usize;
        assert!((most - 1..=most).contains(&file.bytes.len()));
        let decoded = common::plain(prior).decode(&file.bytes).expect("decodes");
        metrics::psnr(picture, &decoded.picture).expect("of one size")
    })
}

#[test]
fn a_file_is_closer_to_the_picture_at_its_size() {
    let prior = common::fast();
    let colour = common::resized("coffee.png", 384, 256);
    let grey = common::resized("camera.png", 256, 256);
    assert_eq!(grey.colour(), Colour::Grey);
    for (name, picture, bpp, least) in [
        ("colour", &colour, 0.15, 0.15),
        ("colour", &colour, 0.5, 0.1),
        ("grey", &grey, 0.3, 0.1),
    ] {
        let [with, without] = pair(&prior, picture, bpp);
        println!("{name}, {bpp} bits per pixel: {with:.2} dB, {without:.2} dB without");
        assert!(with > without + least, "{name} {bpp}: {with} {without}");
    }
}

/// A page under a coloured bar, with rows of random glyphs of 4 x 7 squares of `side` pixels.
fn page(width: u32, height: u32, side: u32) -> Picture {
    let mut random = common::Rng(7);
    let mut samples = vec![244u8; 3 * (width * height) as usize];
    let bar = height / 6;
    let mut put = |x: u32, y: u32, colour: [u8; 3]| {
        samples[3 * (y * width + x) as usize..][..3].copy_from_slice(&colour);
    };
    (0..width * bar).for_each(|i| put(i % width, i / width, [40, 90, 160]));
    for row in 1..height / (10 * side) {
        for column in 0..width / (6 * side) - 1 {
            let (x, y) = (6 * side * column, 10 * side * row);
            let colour = match (y < bar, row % 4) {
                (true, _) => [250, 250, 250],
                (false, 0) => [170, 30, 40],
                _ => [30, 30, 34],
            };
            let glyph = random.next();
            // A space between words.
            if glyph.is_multiple_of(6) {
                continue;
            }
            for i in (0..28).filter(|i| glyph >> (8 + i) & 1 == 1) {
                for j in 0..side * side {
                    let (dx, dy) = (i % 4 * side + j % side, i / 4 * side + j / side);
                    put(x + dx, y + dy, colour);
                }
            }
        }
    }
    Picture::new(width, height, Colour::Rgb, samples, None).expect("samples of a picture")
}

/// The prior has seen photographs. Parts of letters that it takes for faint are not to be lost.
#[test]
fn letters_stay() {
    let prior = common::fast();
    for (side, bpp) in [(2, 2.0), (3, 1.0)] {
        let [with, without] = pair(&prior, &page(256, 192, side), bpp);
        println!("{side}, {bpp} bits per pixel: {with:.2} dB, {without:.2} dB without");
        assert!(with > without - 0.08, "{side} {bpp}: {with} {without}");
    }
}

#[test]
fn a_target_of_psnr_takes_fewer_bytes() {
    let prior = common::fast();
    let picture = common::resized("chelsea.png", 256, 192);
    let [with, without] = [true, false].map(|filtered| {
        let file = encode(&prior, &picture, Target::Psnr(30.0), filtered);
        let decoded = common::plain(&prior).decode(&file.bytes).expect("decodes");
        let psnr = metrics::psnr(&picture, &decoded.picture).expect("of one size");
        assert!(file.target_met && psnr >= 29.98, "{psnr}");
        file.bytes.len()
    });
    println!("{with} bytes, {without} without");
    assert!((with as f64) < 0.99 * without as f64, "{with} {without}");
}

/// Where exact samples follow, faint components are needed too, and smaller planes hold values more
/// than once.
#[test]
fn nothing_is_left_out_of_exact_and_of_tiny_pictures() {
    let prior = common::fast();
    let (small, tiny) = (
        common::resized("coffee.png", 48, 40),
        common::resized("coffee.png", 15, 30),
    );
    for (picture, target) in [
        (&small, Target::Lossless(Some(75.0))),
        (&tiny, Target::Quality(75.0)),
    ] {
        let [with, without] =
            [true, false].map(|filtered| encode(&prior, picture, target, filtered).bytes);
        assert_eq!(with, without);
    }
    let [with, without] =
        [true, false].map(|f| encode(&prior, &small, Target::Quality(75.0), f).bytes);
    assert!(with.len() < without.len());
}
