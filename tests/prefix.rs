//! Every prefix of a file is a picture, and more bytes make it no worse.

mod common;

use dcodec::{DEFAULT_MAX_PIXELS, Encoder, Event, StreamDecoder, Target, metrics};

#[test]
fn every_prefix_decodes_and_quality_never_falls() {
    let prior = common::prior();
    for (name, x, y) in [
        ("chelsea.png", 150, 60),
        ("coffee.png", 300, 120),
        ("astronaut.png", 200, 80),
    ] {
        let picture = common::crop(name, x, y, 64, 64);
        let file = Encoder::new(&prior)
            .target(Target::Quality(75.0))
            .encode(&picture)
            .expect("encodes")
            .bytes;
        let mut stream = StreamDecoder::new(&prior, DEFAULT_MAX_PIXELS);
        let (mut best, mut worst_drop, mut header) = (0.0f64, 0.0f64, 0);
        for (i, byte) in file.iter().enumerate() {
            // A byte completes one thing at most, so one push uses it up.
            let (used, event) = stream.push(std::slice::from_ref(byte)).expect("valid");
            assert_eq!(used, 1);
            if let Event::Header(_) = event {
                header = i + 1;
            }
            match stream.preview() {
                Err(_) => assert_eq!(header, 0, "byte {i}"),
                Ok(shown) => {
                    let psnr = metrics::psnr(&picture, &shown.picture).expect("same size");
                    worst_drop = worst_drop.max(best - psnr);
                    best = best.max(psnr);
                }
            }
        }
        println!(
            "{name}: {} bytes, best {best:.2} dB, worst drop {worst_drop:.3} dB",
            file.len()
        );
        assert!((20..=28).contains(&header), "{header}");
        assert!(best > 33.0, "{best}");
        assert!(worst_drop <= 0.05, "PSNR fell by {worst_drop:.3} dB");
    }
}
