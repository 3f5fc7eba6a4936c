use safetensors::SafeTensors;

use super::*;
use crate::prior::weights::Config;
use crate::prior::weights::tests::random_weights_with;

const PARITY: &[u8] = include_bytes!("../../../../tests/data/s.parity.safetensors");

fn parity(name: &str) -> Planes {
    parity_planes(PARITY, name)
}

/// Planes of a parity file. Its values are on the scale of \[-0.5, 0.5\].
pub(crate) fn parity_planes(file: &[u8], name: &str) -> Planes {
    let file = SafeTensors::deserialize(file).unwrap();
    let view = file.tensor(name).unwrap();
    let (values, _) = view.data().as_chunks::<4>();
    let data = values.iter().map(|b| 255.0 * f32::from_le_bytes(*b));
    Planes {
        width: view.shape()[3],
        height: view.shape()[2],
        data: data.collect(),
    }
}

fn bits(planes: &Planes) -> Vec<u32> {
    planes.data.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn agrees_with_the_reference() {
    let corrector = Corrector::new(&Weights::shipped().unwrap()).unwrap();
    for (t, s) in [(14, 12), (40, 30), (150, 75)] {
        let get = |name: &str| parity(&format!("{name}.{t}.{s}"));
        let [x_s, x_t, x0_hat] = ["x_s", "x_t", "x0_hat"].map(get);
        let step = Correction {
            t: f64::from(t),
            s: f64::from(s),
        };
        let ours = corrector.correct(step, [&x_s, &x_t, &x0_hat]).unwrap();
        let want = get("corrected");
        let pairs = ours.data.iter().zip(&want.data);
        let d = pairs
            .map(|(a, b)| (a - b).abs() / 255.0)
            .fold(0.0, f32::max);
        println!("{t} to {s}: {d:.2e}");
        assert!(d <= 2e-4, "{t} to {s}: {d:.2e}");
    }
}

/// x_s, x_t and x0_hat with something in them.
fn textures(width: usize, height: usize) -> [Planes; 3] {
    let mut state = 7u32;
    [0, 1, 2].map(|_| {
        let mut planes = Planes::zeros(width, height);
        for (i, v) in planes.data.iter_mut().enumerate() {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            *v = (i % 97) as f32 - 48.0 + (state >> 24) as f32 * 0.25 - 32.0;
        }
        planes
    })
}

#[test]
fn kernels_give_the_same_bits() {
    let shape = |channels: Vec<usize>| Config {
        blocks: vec![1; channels.len()],
        channels,
        embed: 16,
    };
    let draft = random_weights_with(&shape(vec![16, 32]), &shape(vec![16, 48, 32]));
    let weights = Weights::from_bytes(&draft.write()).unwrap();
    let step = Correction { t: 33.0, s: 25.0 };
    let plain = Corrector::with_kernel(&weights, Kernel::Plain).unwrap();
    for (w, h) in [(8, 8), (88, 40), (136, 8)] {
        let planes = textures(w, h);
        let want = plain.correct(step, planes.each_ref()).unwrap();
        for kernel in Kernel::available() {
            let fast = Corrector::with_kernel(&weights, kernel).unwrap();
            let got = fast.correct(step, planes.each_ref()).unwrap();
            assert_eq!(bits(&got), bits(&want), "{kernel:?} {w} x {h}");
        }
    }
}

#[test]
fn wrong_planes_are_errors() {
    let corrector = Corrector::new(&Weights::shipped().unwrap()).unwrap();
    let [a, b, _] = textures(16, 16);
    let short = Planes::zeros(12, 16);
    let step = Correction { t: 20.0, s: 10.0 };
    let e = corrector.correct(step, [&a, &b, &short]).unwrap_err();
    assert!(e.to_string().contains("planes of 12 x 16"), "{e}");
}

#[test]
fn a_correction_has_the_sum_of_the_text() {
    let corrector = Corrector::new(&Weights::shipped().unwrap()).unwrap();
    // Planes of the values of clause 14.11, from different values on.
    let mut planes = [0, 7, 99].map(|first| {
        let mut planes = Planes::zeros(24, 16);
        for (i, v) in planes.data.iter_mut().enumerate() {
            *v = ((((i + first) * 40503) & 0xffff) as f32 - 32768.0) / 256.0;
        }
        planes
    });
    planes[2].data.iter_mut().for_each(|v| *v *= 0.5);
    let level = |code| crate::schedule::Sigma::from_code(code).unwrap().levels();
    let step = Correction {
        t: level(110),
        s: level(100),
    };
    let x0_hat = corrector.correct(step, planes.each_ref()).unwrap();
    let bytes: Vec<u8> = x0_hat.data.iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(crc32fast::hash(&bytes), 0x9be9_59f9);
}
