//! A thumbnail comes from the first bytes, in a part of the layers, close to the picture made
//! small.

mod common;

use dcodec::{BitDepth, Colour, Encoder, Picture, Target};

/// Averages over boxes of `f` x `f`, in RGB.
fn averages(picture: &Picture, f: u32) -> Picture {
    let image = picture.to_image().into_rgb8();
    let (w, h) = image.dimensions();
    let boxes = image::RgbImage::from_fn(w.div_ceil(f), h.div_ceil(f), |x, y| {
        let (mut sums, mut n) = ([0u32; 3], 0);
        for y in y * f..((y + 1) * f).min(h) {
            for x in x * f..((x + 1) * f).min(w) {
                (0..3).for_each(|c| sums[c] += u32::from(image[(x, y)][c]));
                n += 1;
            }
        }
        image::Rgb(sums.map(|s| ((s + n / 2) / n) as u8))
    });
    Picture::from_image(boxes.into()).expect("8 bits")
}

#[test]
fn a_thumbnail_is_good_and_needs_a_part_of_the_file() {
    let prior = common::fast();
    let picture = common::resized("coffee.png", 384, 288);
    let file = Encoder::new(&prior)
        .encode(&picture)
        .expect("encodes")
        .bytes;
    let decoder = common::plain(&prior);
    let layers = decoder.decode(&file).expect("decodes").coverage.layers;
    for (n, share) in [(32, 0.4), (48, 0.5), (96, 0.75)] {
        let small = decoder.thumbnail(&file, n).expect("decodes");
        assert_eq!(
            (small.picture.width(), small.picture.height()),
            (n, n * 3 / 4)
        );
        let got = dcodec::metrics::psnr(&small.picture, &averages(&picture, 384 / n));
        let got = got.expect("same form");
        println!(
            "{n}: {got:.2} dB, {:?} of {} bytes, {layers} layers",
            small.coverage,
            file.len()
        );
        assert!(got > 32.0, "{n}: {got:.2} dB");
        assert!(
            f64::from(small.coverage.layers) < share * f64::from(layers),
            "{n}"
        );
        // The bytes after those that it used are not needed.
        let cut = &file[..small.coverage.bytes as usize];
        let again = decoder.thumbnail(cut, n).expect("decodes");
        assert!(again.picture == small.picture);
    }
}

#[test]
fn every_form_and_every_prefix_has_one() {
    let prior = common::gaussian();
    let decoder = common::plain(&prior);
    for (colour, alpha, deep) in [
        (Colour::Grey, true, false),
        (Colour::Rgb, true, true),
        (Colour::Rgb, false, false),
    ] {
        for (width, height) in [(40, 30), (37, 5), (3, 50)] {
            let picture = match deep {
                true => common::deep_noise(width, height, colour, alpha, 1),
                false => common::noise(width, height, colour, alpha, 1),
            };
            let file = Encoder::new(&prior)
                .target(Target::Quality(60.0))
                .encode(&picture)
                .expect("encodes")
                .bytes;
            for n in [1, 7, 20, 64] {
                for len in (30..file.len()).step_by(61).chain([file.len()]) {
                    let small = decoder
                        .thumbnail(&file[..len], n)
                        .expect("a prefix")
                        .picture;
                    let side = width.max(height);
                    assert_eq!(small.width().max(small.height()), n.min(side));
                    assert_eq!(small.colour(), colour);
                    assert_eq!(small.alpha().is_some(), alpha);
                    assert_eq!(small.depth() == BitDepth::Sixteen, deep);
                }
            }
            let whole = decoder.decode(&file).expect("decodes").picture;
            assert!(decoder.thumbnail(&file, 64).expect("decodes").picture == whole);
        }
    }
    assert!(decoder.thumbnail(b"no file", 5).is_err());
}

/// Invisible colours have no part in those of a thumbnail, in files that keep them too.
#[test]
fn edges_of_transparency_have_no_fringe() {
    let prior = common::fast();
    let (mut samples, mut alpha) = (Vec::new(), Vec::new());
    for i in 0..120 * 90 {
        let (x, y) = (f64::from(i % 120) - 60.0, f64::from(i / 120) - 45.0);
        let cover = (36.5 - x.hypot(y)).clamp(0.0, 1.0);
        samples.push(if cover > 0.0 { 255 } else { 0 });
        alpha.push((255.0 * cover) as u8);
    }
    let disc = Picture::new(120, 90, Colour::Grey, samples, Some(alpha)).expect("fits");
    for target in [Target::Quality(75.0), Target::Lossless(Some(75.0))] {
        let file = Encoder::new(&prior).target(target).encode(&disc);
        let file = file.expect("encodes").bytes;
        for n in [30, 50] {
            let small = common::plain(&prior).thumbnail(&file, n).expect("decodes");
            let pixels = small.picture.to_image().into_luma_alpha8();
            let over_white = |p: &image::LumaA<u8>| {
                let a = u32::from(p.0[1]);
                (a * u32::from(p.0[0]) + (255 - a) * 255) / 255
            };
            let darkest = pixels.pixels().map(over_white).min().expect("pixels");
            assert!(darkest >= 240, "{target:?}, {n}: {darkest}");
            assert_eq!(pixels[(n / 2, n * 3 / 8)].0[1], 255);
            assert_eq!(pixels[(0, 0)].0[1], 0);
        }
    }
}
