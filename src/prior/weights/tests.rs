use std::collections::HashMap;

use safetensors::tensor::TensorView;

use super::*;

/// A weights file under construction.
#[derive(Clone)]
pub(crate) struct Draft {
    pub meta: HashMap<String, String>,
    pub tensors: Vec<(String, Vec<usize>, Dtype, Vec<u8>)>,
}

impl Draft {
    pub fn write(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, shape, dtype, data)| {
            let view = TensorView::new(*dtype, shape.clone(), data).unwrap();
            (name.as_str(), view)
        });
        safetensors::serialize(views, Some(self.meta.clone())).unwrap()
    }

    fn find(&mut self, name: &str) -> &mut (String, Vec<usize>, Dtype, Vec<u8>) {
        self.tensors.iter_mut().find(|t| t.0 == name).unwrap()
    }
}

/// Random weights of a denoiser, of a size that keeps activations near one.
pub(crate) fn random_weights(config: &Config) -> Draft {
    draft(config, Part::Denoiser, None)
}

/// Random weights of a file whose only network is this one.
pub(crate) fn random_weights_of(config: &Config, part: Part) -> Draft {
    draft(config, part, None)
}

/// Random weights of a denoiser and of a corrector.
pub(crate) fn random_weights_with(config: &Config, corrector: &Config) -> Draft {
    draft(config, Part::Denoiser, Some(corrector))
}

fn json(config: &Config) -> String {
    format!(
        r#"{{"channels": {:?}, "blocks": {:?}, "embed": {}}}"#,
        config.channels, config.blocks, config.embed
    )
}

fn draft(config: &Config, first: Part, corrector: Option<&Config>) -> Draft {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let others = corrector.map_or(Vec::new(), |c| c.tensors_of(Part::Corrector));
    let tensors = config.tensors_of(first).into_iter().chain(others);
    let tensors = tensors.map(|(name, shape)| {
        let inputs: usize = shape[1..].iter().product();
        let size = 1.5 / (inputs as f32).sqrt();
        let count: usize = shape.iter().product();
        let bytes = (0..count).flat_map(|_| (uniform() * size).to_le_bytes());
        (name, shape, Dtype::F32, bytes.collect())
    });
    let mut meta = vec![
        ("format", first.format().to_string()),
        ("version", "1".to_string()),
        ("config", json(config)),
        ("sigma_data", "0.25".to_string()),
    ];
    meta.extend(corrector.map(|config| ("corrector", json(config))));
    let meta = meta.into_iter().map(|(k, v)| (k.to_string(), v));
    Draft {
        meta: meta.collect(),
        tensors: tensors.collect(),
    }
}

fn small() -> Draft {
    random_weights(&Config {
        channels: vec![16, 32],
        blocks: vec![1, 2],
        embed: 8,
    })
}

/// The error that a changed file gives.
fn refusal(change: impl FnOnce(&mut Draft)) -> String {
    let mut draft = small();
    change(&mut draft);
    Weights::from_bytes(&draft.write()).unwrap_err().to_string()
}

#[test]
fn shipped_weights_load() {
    let weights = Weights::shipped().unwrap();
    assert_eq!(weights.config().channels, [48, 80, 128, 160]);
    assert_eq!(weights.config().blocks, [2, 1, 1, 2]);
    assert_eq!(weights.config().embed, 64);
    assert_eq!(weights.config().multiple(), 16);
    assert!((weights.sigma_data() * 255.0 - 60.0).abs() < 1e-9);
    let file = include_bytes!("../../../models/s.safetensors");
    assert_eq!(weights.id(), identify(file));
    let inside = crate::prior::Shipped::S.file_bytes().unwrap();
    assert!(inside == file, "put together byte for byte");
    assert_eq!(weights.id().to_string().len(), 8);
    assert_eq!(weights.sigma_max(), 256.0);
}

#[test]
fn identity_is_the_start_of_sha256() {
    assert_eq!(identify(b"abc").to_string(), "ba7816bf");
}

#[test]
fn the_highest_level_is_optional() {
    assert_eq!(
        Weights::from_bytes(&small().write()).unwrap().sigma_max(),
        FINEST
    );
    let mut draft = small();
    draft.meta.insert("sigma_max".into(), "4096.0".into());
    let weights = Weights::from_bytes(&draft.write()).unwrap();
    assert_eq!(weights.sigma_max(), 4096.0);
    // A chain under it starts there.
    let prior = crate::prior::Prior::from_weights(&weights).unwrap();
    assert_eq!(prior.highest_sigma(16, 16), 4096.0);
    assert_eq!(prior.highest_sigma(64, 32), 8192.0);
}

#[test]
fn the_three_types_load() {
    let mut draft = small();
    for (dtype, one) in [
        (Dtype::F16, vec![0x00, 0x3c]),
        (Dtype::BF16, vec![0x80, 0x3f]),
    ] {
        let (_, shape, t, data) = draft.find("input.bias");
        *t = dtype;
        *data = one.repeat(shape[0]);
        let weights = Weights::from_bytes(&draft.write()).unwrap();
        assert_eq!(weights.tensor("input.bias").unwrap().data, [1.0; 16]);
    }
}

#[test]
fn a_corrector_is_read_with_its_own_shape() {
    let shape = |channels: Vec<usize>| Config {
        blocks: vec![1; channels.len()],
        channels,
        embed: 8,
    };
    let (config, corrector) = (shape(vec![16, 32]), shape(vec![16, 16, 32]));
    let mut draft = random_weights_with(&config, &corrector);
    let weights = Weights::from_bytes(&draft.write()).unwrap();
    assert_eq!(weights.corrector(), Some(&corrector));
    assert_eq!(weights.config(), &config);
    let input = weights.tensor("corrector.input.weight").unwrap();
    assert_eq!(input.shape, [16, 24, 3, 3]);
    let embedding = weights.tensor("corrector.embed.0.weight").unwrap();
    assert_eq!(embedding.shape, [8, 66]);
    draft.tensors.retain(|t| t.0 != "corrector.output.bias");
    let e = Weights::from_bytes(&draft.write()).unwrap_err().to_string();
    assert!(e.ends_with("no tensor `corrector.output.bias`"), "{e}");
}

#[test]
fn wrong_tensors_are_named() {
    let message = refusal(|d| d.tensors.retain(|t| t.0 != "enc.1.1.conv2.bias"));
    assert!(
        message.ends_with("no tensor `enc.1.1.conv2.bias`"),
        "{message}"
    );
    let message = refusal(|d| d.find("down.0.weight").1 = vec![32, 16, 4]);
    assert!(
        message.contains("`down.0.weight` is [32, 16, 4], expected [32, 16, 2, 2]"),
        "{message}"
    );
    let message = refusal(|d| d.find("input.bias").2 = Dtype::I32);
    assert!(message.contains("I32, expected F16"), "{message}");
    let message = refusal(|d| d.find("up.0.bias").3[..4].copy_from_slice(&[0, 0, 0x80, 0x7f]));
    assert!(message.contains("`up.0.bias` is not finite"), "{message}");
    let message = refusal(|d| {
        d.tensors
            .push(("x".into(), vec![1], Dtype::F32, vec![0; 4]))
    });
    assert!(message.contains("tensor `x` is not in the"), "{message}");
}

#[test]
fn wrong_metadata_is_named() {
    let set = |key: &'static str, value: &'static str| {
        refusal(move |d| drop(d.meta.insert(key.into(), value.into())))
    };
    assert!(set("format", "gguf").contains("format `gguf`"));
    assert!(set("version", "2").contains("version 2"));
    for sigma in ["0", "-1", "NaN", "inf", "wide", ""] {
        assert!(set("sigma_data", sigma).contains("sigma_data"), "{sigma}");
    }
    for sigma in ["0", "15.9", "65537", "NaN", "high", ""] {
        assert!(set("sigma_max", sigma).contains("sigma_max"), "{sigma}");
    }
    for config in [
        "",
        "[]",
        "{}",
        r#"{"channels": [16, 32], "blocks": [1, 2]}"#,
        r#"{"channels": [16, -32], "blocks": [1, 2], "embed": 8}"#,
        r#"{"channels": [16, 24], "blocks": [1, 2], "embed": 8}"#,
        r#"{"channels": [16, 1024], "blocks": [1, 2], "embed": 8}"#,
        r#"{"channels": [16, 1e99], "blocks": [1, 2], "embed": 8}"#,
        r#"{"channels": [16], "blocks": [1], "embed": 8}"#,
        r#"{"channels": [16, 16, 16, 16, 16, 16, 16], "blocks": [1, 1, 1, 1, 1, 1, 1], "embed": 8}"#,
        r#"{"channels": [16, 32], "blocks": [1], "embed": 8}"#,
        r#"{"channels": [16, 32], "blocks": [1, 0], "embed": 8}"#,
        r#"{"channels": [16, 32], "blocks": [1, 17], "embed": 8}"#,
        r#"{"channels": [16, 32], "blocks": [1, 2], "embed": 4}"#,
        r#"{"channels": [16, 32], "blocks": [1, 2], "embed": 2048}"#,
    ] {
        let message = set("config", config);
        assert!(message.starts_with("prior: weights file: "), "{message}");
    }
    for key in ["format", "version", "config", "sigma_data"] {
        let message = refusal(|d| drop(d.meta.remove(key)));
        assert!(
            message.contains(&format!("no `{key}` in the metadata")),
            "{message}"
        );
    }
}

#[test]
fn damaged_files_are_refused() {
    let file = small().write();
    assert!(Weights::from_bytes(&file).is_ok());
    for cut in (0..300).chain((300..file.len()).step_by(997)) {
        assert!(Weights::from_bytes(&file[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert!(Weights::from_bytes(&longer).is_err());
    // A changed header byte may be harmless (a space, the free text), never a panic.
    for i in 0..2000 {
        let mut changed = file.clone();
        changed[i] ^= 1 << (i % 8);
        let _ = Weights::from_bytes(&changed);
    }
    let mut huge = file;
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let message = Weights::from_bytes(&huge).unwrap_err().to_string();
    assert!(
        message.contains("header of 18446744073709551615 bytes"),
        "{message}"
    );
}

#[test]
fn missing_file_names_its_path() {
    let message = Weights::from_file("no/such.safetensors")
        .unwrap_err()
        .to_string();
    assert!(message.starts_with("no/such.safetensors: "), "{message}");
}
