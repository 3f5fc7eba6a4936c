use super::gaussian::Gaussian;
use super::*;
use std::path::Path;

use crate::codes::PriorId;
use crate::error::Result;
use crate::pixels::picture::Picture;
use crate::pixels::planes::Planes;
use crate::timings::Meter;

fn sample(name: &str, width: u32, height: u32) -> Planes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name);
    let image = image::open(path).expect("sample").resize_exact(
        width,
        height,
        image::imageops::FilterType::CatmullRom,
    );
    Picture::from_image(image).expect("8 bits").to_planes()
}

/// x_0 plus Gaussian noise of `sigma` levels.
fn noisy(x_0: &Planes, sigma: f64) -> Planes {
    let stream = crate::random::Stream::new(9, 9);
    let mut x_t = x_0.clone();
    for (i, v) in x_t.data.iter_mut().enumerate() {
        *v += (sigma * stream.gauss(i)) as f32;
    }
    x_t
}

fn psnr(a: &Planes, b: &Planes) -> f64 {
    let sum: f64 = a
        .data
        .iter()
        .zip(&b.data)
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum();
    10.0 * (255.0f64.powi(2) * a.len() as f64 / sum).log10()
}

/// A denoiser that sees where left and up are: it adds to each value an eighth of its column and
/// three of its row.
struct Slanted;

impl Denoiser for Slanted {
    fn multiple(&self) -> usize {
        8
    }

    fn denoise(&self, x_t: &Planes, _: f64) -> Result<Planes> {
        let mut out = x_t.clone();
        for (i, v) in out.data.iter_mut().enumerate() {
            let (x, y) = (i % x_t.width, i / x_t.width % x_t.height);
            *v += (x as f32 + 3.0 * y as f32) / 8.0;
        }
        Ok(out)
    }
}

#[test]
fn averages_are_over_orientations() {
    let prior = Prior::new(Slanted, PriorId([1, 2, 3, 4]));
    let (width, height) = (16, 8);
    let zeros = Planes::zeros(width, height);
    let meter = Meter::default();
    let at = |planes: &Planes, x: usize, y: usize| planes.plane(1)[y * width + x];
    let over = |n| prior.predict(&zeros, 10.0, n, &meter).expect("runs");
    assert_eq!(at(&over(1), 5, 2), (5.0 + 6.0) / 8.0);
    // Half the sum over all columns, and of the rows.
    let centre = (7.5 + 3.0 * 3.5) / 8.0;
    for n in [2, 4] {
        assert_eq!(at(&over(n), 5, 2), centre, "{n}");
    }
    // Columns and rows exchanged, the factors change places.
    let other = (3.0 * 7.5 + 3.5) / 8.0;
    assert_eq!(at(&over(8), 5, 2), (centre + other) / 2.0);
    // Orientations of x0_hat are not computed again.
    for (from, to) in [(1, 2), (1, 4), (2, 8), (1, 8)] {
        let mut refined = over(from);
        let calls = meter.read().calls;
        prior
            .extend_ensemble(&mut refined, &zeros, 10.0, from..to, &meter)
            .expect("runs");
        assert_eq!(meter.read().calls, calls + 1);
        let wanted = over(to);
        let pairs = refined.data.iter().zip(&wanted.data);
        assert!(
            pairs.clone().all(|(a, b)| (a - b).abs() < 1e-4),
            "{from}..{to}"
        );
    }
}

#[test]
fn averages_have_names_of_their_own() {
    let prior = Prior::new(Slanted, PriorId([1, 2, 3, 4]));
    assert_eq!(prior.ensemble_id(1), prior.id());
    for n in ENSEMBLES {
        assert_eq!(prior.ensemble_of(prior.ensemble_id(n)), Some(n));
    }
    // SHA-256 of the bytes 1 2 3 4 2.
    assert_eq!(prior.ensemble_id(2).to_string(), "0d841217");
    assert_eq!(prior.ensemble_of(PriorId([4, 3, 2, 1])), None);
}

#[test]
fn averages_of_tiles_are_tiles_of_averages() {
    let prior = Prior::new(Slanted, PriorId([1, 2, 3, 4]));
    let x_t = Planes::zeros(1100, 40);
    let meter = Meter::default();
    let mut refined = prior.predict(&x_t, 10.0, 1, &meter).expect("runs");
    prior
        .extend_ensemble(&mut refined, &x_t, 10.0, 1..4, &meter)
        .expect("runs");
    let wanted = prior.predict(&x_t, 10.0, 4, &meter).expect("runs");
    for (i, (a, b)) in refined.data.iter().zip(&wanted.data).enumerate() {
        assert!((a - b).abs() < 1e-4, "{i}: {a} {b}");
    }
    // They are of tiles, not of the picture: these have other centres.
    let centre = |x: usize| wanted.plane(0)[x];
    assert!((centre(0) - centre(1099)).abs() > 1.0);
}

#[test]
fn tiles_leave_no_seams() {
    let prior = Prior::shipped().expect("loads");
    let network = Network::new(&Weights::shipped().expect("valid")).expect("valid");
    let x_0 = sample("rocket.png", 1216, 256);
    for sigma in [5.0, 25.0, 100.0, 250.0] {
        let x_t = noisy(&x_0, sigma);
        let tiled = psnr(&prior.x0_hat(&x_t, sigma).expect("runs"), &x_0);
        let whole = psnr(&network.x0_hat(&x_t, sigma).expect("runs"), &x_0);
        println!("sigma {sigma}: tiled {tiled:.3} dB, whole {whole:.3} dB");
        assert!(
            (tiled - whole).abs() < 0.05,
            "sigma {sigma}: {tiled} and {whole} dB"
        );
    }
}

#[test]
fn odd_sizes_are_denoised_like_even_ones() {
    let prior = Prior::shipped().expect("loads");
    for (w, h) in [(97, 61), (16, 16), (33, 17)] {
        let x_0 = sample("coffee.png", w, h);
        let x0_hat = prior.x0_hat(&noisy(&x_0, 20.0), 20.0).expect("runs");
        assert_eq!((x0_hat.width, x0_hat.height), (x_0.width, x_0.height));
        let psnr = psnr(&x0_hat, &x_0);
        assert!(psnr > 25.0, "{w} x {h}: {psnr}");
    }
}

/// Through noise of 600 levels a reduced picture is seen better than the network would see the
/// whole one.
#[test]
fn reduction_helps_where_it_is_used() {
    let prior = Prior::shipped().expect("loads");
    let network = Network::new(&Weights::shipped().expect("valid")).expect("valid");
    let x_0 = sample("coffee.png", 512, 336);
    let x_t = noisy(&x_0, 600.0);
    let reduced = psnr(&prior.x0_hat(&x_t, 600.0).expect("runs"), &x_0);
    let whole = psnr(&network.x0_hat(&x_t, 600.0).expect("runs"), &x_0);
    assert!(reduced > whole, "{reduced} and {whole} dB");
}

#[test]
fn eps_hat_is_what_x0_hat_leaves() {
    let prior = Prior::new(Gaussian { deviation: 30.0 }, PriorId([0; 4]));
    let mut x_t = Planes::zeros(20, 20);
    x_t.data
        .iter_mut()
        .enumerate()
        .for_each(|(i, v)| *v = (i % 50) as f32 - 25.0);
    let (x0_hat, eps_hat) = (
        prior.x0_hat(&x_t, 40.0).expect("runs"),
        prior.eps_hat(&x_t, 40.0).expect("runs"),
    );
    for ((x_t, x0_hat), eps_hat) in x_t.data.iter().zip(&x0_hat.data).zip(&eps_hat.data) {
        assert!((x_t - x0_hat - 40.0 * eps_hat).abs() < 1e-4);
    }
}

/// Planes of the values of clause 14.11.
fn values(width: usize, height: usize) -> Planes {
    let mut planes = Planes::zeros(width, height);
    for (i, v) in planes.data.iter_mut().enumerate() {
        *v = (((i * 40503) & 0xffff) as f32 - 32768.0) / 256.0;
    }
    planes
}

fn sum(planes: &Planes) -> u32 {
    let bytes = planes.data.iter().flat_map(|v| v.to_le_bytes());
    crc32fast::hash(&bytes.collect::<Vec<u8>>())
}

#[test]
fn rules_of_the_prior_have_the_sums_of_the_text() {
    let prior = Prior::new(Slanted, PriorId([1, 2, 3, 4]));
    let at = |(width, height), sigma, n| {
        let x_t = values(width, height);
        prior
            .predict(&x_t, sigma, n, &Meter::default())
            .expect("runs")
    };
    assert_eq!(sum(&at((70, 66), 700.0, 1)), 0xf3fe_93ff);
    assert_eq!(sum(&at((22, 18), 8.0, 8)), 0xd0f3_df2d);
    assert_eq!(sum(&at((1100, 16), 8.0, 2)), 0xf897_e176);
    let mut grey = at((16, 20), 8.0, 1);
    grey.project(true, (5, 20));
    assert_eq!(sum(&grey), 0xf4ea_6517);
}

#[test]
fn networks_have_the_sums_of_the_text() {
    let weights = Shipped::Xs.weights().expect("inside");
    let network = Network::new(&weights).expect("valid");
    for ((width, height), sigma, wanted) in [
        ((16, 16), 8.0, 0x2429_1b14),
        ((80, 64), 40.0, 0xd476_c01e),
        ((160, 144), 2.0, 0x0e1c_6fb2),
    ] {
        let x0_hat = network.x0_hat(&values(width, height), sigma);
        assert_eq!(sum(&x0_hat.expect("runs")), wanted, "{width} x {height}");
    }
}
