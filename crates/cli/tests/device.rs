//! Messages of the command about devices.

#[path = "../../../tests/common/mod.rs"]
mod common;

use dcodec::prior::Device;

/// Runs the command: exit code, standard output and errors.
fn command(args: &[&str]) -> (i32, String, String) {
    let output = assert_cmd::cargo::cargo_bin_cmd!("dcodec")
        .args(args)
        .output()
        .expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code().expect("no signal"),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn devices_are_listed() {
    let (code, out, _) = command(&["info", "--devices"]);
    assert_eq!(code, 0);
    let first: Vec<&str> = out
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert_eq!(first.first(), Some(&"cpu"), "{out}");
    assert!(
        first.contains(&"cuda:0") && first.contains(&"metal"),
        "{out}"
    );
    let (code, out, _) = command(&["info", "--devices", "--json"]);
    assert_eq!(code, 0);
    let all: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(all[0]["device"], "cpu");
    assert_eq!(all[0]["available"], true);
    for (device, name) in Device::survey() {
        let rows = all.as_array().expect("a list");
        let row = rows.iter().find(|r| r["device"] == device.to_string());
        assert_eq!(row.expect("listed")["available"], name.is_ok());
    }
}

#[test]
fn devices_that_are_missing_say_how_to_get_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let to = dir.path().join("out.dfc");
    let sample = common::sample_path("coffee.png");
    let encode = |device: &str| {
        let (from, to) = (sample.to_str().expect("text"), to.to_str().expect("text"));
        command(&[
            "encode", from, "-o", to, "--device", device, "--bytes", "200",
        ])
    };
    #[cfg(not(feature = "cuda"))]
    for device in ["cuda", "cuda:3"] {
        let (code, _, err) = encode(device);
        assert_eq!(code, 1, "{err}");
        assert!(
            err.starts_with("error: ") && err.contains("--features cuda"),
            "{err}"
        );
    }
    // A build for GPUs says that the machine has no such one.
    #[cfg(feature = "cuda")]
    assert_eq!(encode("cuda:4096").0, 1);
    #[cfg(not(feature = "metal"))]
    {
        let (code, _, err) = encode("metal");
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("--features metal"), "{err}");
    }
    for device in ["gpu", "cuda:", "cuda:-1", "cuda:+1", "CPU", ""] {
        assert_eq!(encode(device).0, 2, "{device}");
    }
    assert!(!to.exists());
    let sample = sample.to_str().expect("text");
    let narrow = |precision: &str, more: &[&str]| {
        let out = to.to_str().expect("text");
        let all = [
            &["encode", sample, "-o", out, "--precision", precision],
            more,
        ]
        .concat();
        command(&all)
    };
    let (code, _, err) = narrow("bf16", &["--device", "cpu"]);
    assert!(
        code == 2 && err.contains("the cpu computes in f32"),
        "{code}: {err}"
    );
    let (code, _, err) = narrow("f8", &[]);
    assert!(
        code == 2 && err.contains("f32, bf16 or f16"),
        "{code}: {err}"
    );
    assert!(!to.exists());
    let (code, _, err) = encode("cpu");
    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("runs on"), "{err}");
}
