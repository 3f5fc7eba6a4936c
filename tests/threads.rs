//! The number of threads changes neither a byte nor a sample.

mod common;

use dcodec::{Encoder, Picture, Prior, Target};

type Result = (Vec<u8>, Vec<Picture>);

/// The file, and the pictures of it and of two of its prefixes.
fn work(prior: &Prior, picture: &Picture, target: Target) -> Result {
    let file = Encoder::new(prior)
        .target(target)
        .reconstruct(true)
        .encode(picture)
        .expect("encodes");
    let decoder = common::plain(prior);
    let shown = [file.bytes.len(), file.bytes.len() / 2, 40]
        .map(|n| decoder.decode(&file.bytes[..n]).expect("decodes").picture);
    let all = shown.into_iter().chain(file.reconstruction);
    (file.bytes, all.collect())
}

#[test]
fn threads_change_nothing() {
    let prior = common::fast();
    let pools = [1, 2, 3].map(|n| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .expect("threads")
    });
    for (picture, target) in [
        (
            common::crop("chelsea.png", 150, 60, 96, 80),
            Target::Quality(75.0),
        ),
        (
            common::crop("camera.png", 180, 60, 51, 67),
            Target::Bytes(400),
        ),
        (
            common::crop("astronaut.png", 200, 80, 33, 17),
            Target::Psnr(29.0),
        ),
        // Large enough for planes to be shared out among threads.
        (common::resized("coffee.png", 300, 200), Target::Bpp(0.1)),
    ] {
        let [one, two, three] = pools
            .each_ref()
            .map(|pool| pool.install(|| work(&prior, &picture, target)));
        assert!(one == two && two == three, "{target:?}");
    }
}
