use super::*;
use crate::prior::cpu::corrector::tests::parity_planes;
use crate::prior::weights::Config;
use crate::prior::weights::tests::random_weights_of;

const WEIGHTS: &[u8] = include_bytes!("../../../../models/postfilter.safetensors");
const PARITY: &[u8] = include_bytes!("../../../../tests/data/postfilter.parity.safetensors");

fn shipped(kernel: Kernel) -> PostfilterNetwork {
    let weights = Weights::of_network(WEIGHTS, Part::Postfilter).expect("weights");
    PostfilterNetwork::new(&weights, kernel).expect("a network")
}

#[test]
fn agrees_with_the_reference() {
    let network = shipped(Kernel::best());
    for sigma in [5, 25, 100] {
        let get = |name: &str| parity_planes(PARITY, &format!("{name}.{sigma}"));
        let [x_t, x0_hat, want] = ["x_t", "x0_hat", "filtered"].map(get);
        let ours = network
            .filter(f64::from(sigma), [&x_t, &x0_hat])
            .expect("filters");
        let pairs = ours.data.iter().zip(&want.data);
        let d = pairs
            .map(|(a, b)| (a - b).abs() / 255.0)
            .fold(0.0, f32::max);
        assert!(d <= 2e-4, "{sigma}: {d:.2e}");
        assert_ne!(ours, x0_hat);
    }
}

#[test]
fn kernels_give_the_same_bits() {
    let config = Config {
        channels: vec![16, 48, 32],
        blocks: vec![1; 3],
        embed: 16,
    };
    let file = random_weights_of(&config, Part::Postfilter).write();
    let weights = Weights::of_network(&file, Part::Postfilter).expect("weights");
    let network = |kernel| PostfilterNetwork::new(&weights, kernel).expect("a network");
    for (width, height) in [(8, 8), (88, 40), (136, 8)] {
        let planes = [3, 11].map(|step| {
            let mut planes = Planes::zeros(width, height);
            for (i, v) in planes.data.iter_mut().enumerate() {
                *v = ((i * step * 7919) % 211) as f32 - 105.0;
            }
            planes
        });
        let filtered = |kernel| {
            let planes = network(kernel).filter(21.0, planes.each_ref());
            let planes = planes.expect("filters");
            planes.data.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        };
        let want = filtered(Kernel::Plain);
        for kernel in Kernel::available() {
            assert_eq!(filtered(kernel), want, "{kernel:?} {width} x {height}");
        }
    }
}

#[test]
fn files_of_other_networks_are_refused() {
    let e = Weights::from_bytes(WEIGHTS).expect_err("no prior");
    assert!(e.to_string().contains("`dcodec-postfilter`"), "{e}");
    let prior = include_bytes!("../../../../models/xs.safetensors");
    let e = Weights::of_network(prior, Part::Postfilter).expect_err("no filter");
    assert!(e.to_string().contains("`dcodec-prior`"), "{e}");
    let weights = Weights::from_bytes(prior).expect("a prior");
    assert!(PostfilterNetwork::new(&weights, Kernel::Plain).is_err());
}

#[test]
fn wrong_planes_are_errors() {
    let network = shipped(Kernel::best());
    let planes = [Planes::zeros(16, 16), Planes::zeros(12, 16)];
    let e = network.filter(20.0, planes.each_ref()).expect_err("12");
    assert!(e.to_string().contains("planes of 12 x 16"), "{e}");
}
