//! DDPMs of the diffusers library: equal to its own outputs (`training/diffusers_parity.py` wrote
//! them), and priors.
#![cfg(feature = "diffusers")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::crop;
use dcodec::prior::{Ddpm, Denoiser, Prediction};
use dcodec::{Encoder, Error, Planes, Prior, Target, metrics};
use safetensors::SafeTensors;
use serde_json::{Value, json};

const MODELS: [&str; 3] = ["attention", "former", "plain"];

fn folder(model: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diffusers");
    data.join(model)
}

fn values(file: &SafeTensors, name: &str) -> Vec<f32> {
    let view = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (quads, _) = view.data().as_chunks::<4>();
    quads.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn planes(file: &SafeTensors, name: &str) -> Planes {
    let shape = file.tensor(name).expect("a tensor").shape().to_vec();
    Planes {
        width: shape[3],
        height: shape[2],
        data: values(file, name),
    }
}

fn worst(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, f64::max)
}

#[test]
fn outputs_are_those_of_diffusers() {
    for model in MODELS {
        let ddpm = Ddpm::from_folder(folder(model)).expect("a model");
        let bytes = fs::read(folder(model).join("parity.safetensors")).expect("outputs");
        let file = SafeTensors::deserialize(&bytes).expect("safetensors");
        let (mut net, mut means, mut calls) = (0f64, 0f64, 0);
        for name in file.names() {
            let key: Vec<&str> = name.splitn(3, '.').collect();
            let (kind, size) = (key[0], key.get(1).copied().unwrap_or_default());
            if kind != "out" && kind != "x0_hat" {
                continue;
            }
            let mut x = planes(&file, &format!("x.{size}"));
            let t: f64 = key[2].parse().expect("a timestep");
            let expected = values(&file, name);
            calls += 1;
            if kind == "out" {
                let out = ddpm.forward(&x, t).expect("runs");
                net = net.max(worst(&out.data, &expected));
                continue;
            }
            // This state in 8-bit levels, where the noise has not been scaled down.
            let sigma = ddpm.schedule().sigma(t as usize);
            let levels = 127.5 * (1.0 + sigma * sigma).sqrt();
            x.data.iter_mut().for_each(|v| *v *= levels as f32);
            let mut x0_hat = ddpm.denoise(&x, 127.5 * sigma).expect("runs");
            x0_hat.data.iter_mut().for_each(|v| *v /= 127.5);
            // x_t and eps_hat of size sigma cancel.
            means = means.max(worst(&x0_hat.data, &expected) / sigma.max(1.0));
        }
        println!("{model}: output {net:.1e}, x0_hat {means:.1e} of {calls} calls");
        assert_eq!(calls, 14);
        assert!(net < 1e-4 && means < 1e-4, "{model}: {net}, {means}");
    }
}

#[test]
fn noise_levels_are_those_of_diffusers() {
    for (model, name, prediction) in [
        ("attention", "linear", Prediction::Epsilon),
        ("former", "squaredcos_cap_v2", Prediction::Epsilon),
        ("plain", "scaled_linear", Prediction::V),
    ] {
        let ddpm = Ddpm::from_folder(folder(model)).expect("a model");
        let schedule = ddpm.schedule();
        assert_eq!((schedule.name(), schedule.prediction()), (name, prediction));
        let bytes = fs::read(folder(model).join("parity.safetensors")).expect("outputs");
        let file = SafeTensors::deserialize(&bytes).expect("safetensors");
        let sigma = values(&file, "sigma");
        assert_eq!(sigma.len(), schedule.timesteps());
        for (t, &s) in sigma.iter().enumerate() {
            let ratio = schedule.sigma(t) / f64::from(s);
            assert!((ratio - 1.0).abs() < 1e-4, "{model}, {t}: {ratio}");
        }
    }
}

#[test]
fn pictures_survive() {
    // Of the size of training, and larger with sides that are no multiples. Random weights know
    // little of a picture, so that it is as good as the last noise level.
    for (model, width, height) in [("attention", 32, 32), ("former", 32, 32), ("plain", 45, 37)] {
        let prior = Prior::from_file(folder(model)).expect("a prior");
        let picture = crop("coffee.png", 100, 100, width, height);
        let encoder = Encoder::new(&prior).target(Target::Quality(95.0));
        let file = encoder.encode(&picture).expect("encodes").bytes;
        let decoded = common::plain(&prior).decode(&file).expect("decodes");
        let psnr = metrics::psnr(&picture, &decoded.picture).expect("of one size");
        println!("{model}: {} bytes, {psnr:.2} dB", file.len());
        assert!(psnr > 30.0, "{model}: {psnr} dB");
        let half = common::plain(&prior).decode(&file[..file.len() / 2]);
        let half = metrics::psnr(&picture, &half.expect("decodes").picture);
        assert!(half.expect("of one size") < psnr);
        let other = Prior::shipped().expect("a prior");
        let e = common::plain(&other)
            .decode(&file)
            .expect_err("another prior");
        assert!(e.to_string().contains(&prior.id().to_string()), "{e}");
    }
}

/// A copy of a model whose configuration has been changed.
fn changed(model: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for file in [
        "diffusion_pytorch_model.safetensors",
        "scheduler_config.json",
    ] {
        fs::copy(folder(model).join(file), copy.path().join(file)).expect("copied");
    }
    let text = fs::read_to_string(folder(model).join("config.json")).expect("a configuration");
    let mut config = serde_json::from_str(&text).expect("JSON");
    change(&mut config);
    fs::write(copy.path().join("config.json"), config.to_string()).expect("written");
    copy
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (field, value) in [
        ("act_fn", json!("gelu")),
        ("in_channels", json!(4)),
        ("out_channels", json!(6)),
        ("num_class_embeds", json!(10)),
        ("class_embed_type", json!("timestep")),
        ("time_embedding_type", json!("fourier")),
        ("resnet_time_scale_shift", json!("scale_shift")),
        ("downsample_type", json!("resnet")),
        ("upsample_type", json!("resnet")),
        ("mid_block_type", json!("UNetMidBlock2DCrossAttn")),
        (
            "down_block_types",
            json!(["DownBlock2D", "SkipDownBlock2D"]),
        ),
        ("up_block_types", json!(["UpBlock2D"])),
        ("block_out_channels", json!([])),
        ("block_out_channels", json!([16, 1u64 << 40])),
        ("norm_num_groups", json!(7)),
        ("norm_num_groups", json!(0)),
        ("attention_head_dim", json!(5)),
        ("layers_per_block", json!(1000)),
        ("sample_size", json!([1, "x"])),
        ("_class_name", json!("UNet2DConditionModel")),
        ("encoder_hid_dim", json!(3)),
    ] {
        let copy = changed("attention", |config| config[field] = value.clone());
        let e = Ddpm::from_folder(copy.path()).expect_err(field);
        assert!(matches!(e, Error::Unsupported(_)), "{field}: {e:?}");
        assert!(e.to_string().contains(field), "{field}: {e}");
    }
}

#[test]
fn weights_must_fit_the_configuration() {
    for (field, value, tensor) in [
        ("layers_per_block", json!(2), "no tensor `down_blocks.0"),
        ("add_attention", json!(false), "`mid_block.attentions.0"),
        ("block_out_channels", json!([16, 32]), "expected"),
    ] {
        let copy = changed("attention", |config| config[field] = value);
        let e = Ddpm::from_folder(copy.path()).expect_err(field);
        assert!(matches!(e, Error::Backend(_)), "{field}: {e:?}");
        assert!(e.to_string().contains(tensor), "{field}: {e}");
    }
    let copy = changed("attention", |_| {});
    let weights = copy.path().join("diffusion_pytorch_model.safetensors");
    let bytes = fs::read(&weights).expect("weights");
    fs::write(&weights, &bytes[..bytes.len() / 2]).expect("written");
    assert!(matches!(
        Ddpm::from_folder(copy.path()),
        Err(Error::Backend(_))
    ));
    fs::rename(&weights, weights.with_extension("bin")).expect("renamed");
    let e = Ddpm::from_folder(copy.path()).expect_err("pickled");
    assert!(e.to_string().contains("diffusion_pytorch_model.bin"), "{e}");
}

/// The tensors of `bytes` that `keep` wants, as a file of their own.
fn part(bytes: &[u8], keep: impl Fn(&str) -> bool) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).expect("safetensors");
    let kept = file.tensors().into_iter().filter(|(name, _)| keep(name));
    safetensors::serialize(kept, None).expect("serializes")
}

#[test]
fn weights_may_be_in_several_files() {
    let copy = changed("attention", |_| {});
    let at = |name: &str| copy.path().join(name);
    let whole = fs::read(at("diffusion_pytorch_model.safetensors")).expect("weights");
    fs::remove_file(at("diffusion_pytorch_model.safetensors")).expect("removed");
    let shards = [1, 2].map(|n| format!("diffusion_pytorch_model-0000{n}-of-00002.safetensors"));
    let first = |name: &str| name.starts_with("down_blocks");
    fs::write(at(&shards[0]), part(&whole, first)).expect("written");
    fs::write(at(&shards[1]), part(&whole, |name| !first(name))).expect("written");
    let index = |map: Value| {
        let text = json!({ "metadata": {}, "weight_map": map }).to_string();
        fs::write(at("diffusion_pytorch_model.safetensors.index.json"), text).expect("written");
        Ddpm::from_folder(copy.path())
    };
    let [a, b] = &shards;
    let several = index(json!({ "x": b, "y": a, "z": a })).expect("a model");
    let one = Ddpm::from_folder(folder("attention")).expect("a model");
    let picture = crop("coffee.png", 100, 100, 32, 32).to_planes();
    let out = |ddpm: &Ddpm| ddpm.forward(&picture, 300.0).expect("runs").data;
    assert!(out(&several) == out(&one));
    assert_eq!(several.parameters(), one.parameters());
    for (map, what) in [
        (json!({ "x": a }), "no tensor"),
        (
            json!({ "x": a, "y": "../other.safetensors" }),
            "no name of a file",
        ),
        (json!({ "x": a, "y": 1 }), "no name of a file"),
        (json!({}), "no weight_map"),
        (
            json!({ "x": a, "y": b, "z": "gone.safetensors" }),
            "gone.safetensors",
        ),
    ] {
        let e = index(map).expect_err(what);
        assert!(e.to_string().contains(what), "{what}: {e}");
    }
    fs::copy(at(a), at("twice.safetensors")).expect("copied");
    let e = index(json!({ "x": a, "y": b, "z": "twice.safetensors" })).err();
    assert!(e.expect("refused").to_string().contains("twice"));
}

#[test]
fn the_identity_is_that_of_all_files() {
    let id = |path: &Path| Ddpm::from_folder(path).expect("a model").id();
    let same = changed("attention", |_| {});
    let text = fs::read(folder("attention").join("config.json")).expect("a configuration");
    fs::write(same.path().join("config.json"), text).expect("written");
    assert_eq!(id(same.path()), id(&folder("attention")));
    fs::remove_file(same.path().join("scheduler_config.json")).expect("removed");
    assert_ne!(id(same.path()), id(&folder("attention")));
}
