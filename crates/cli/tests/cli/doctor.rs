//! `doctor`: a report on the program, and its test of itself.

use super::*;

#[test]
fn a_sound_build_is_well() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = String::from_utf8(good(dir.path(), &["doctor"]).out).expect("text");
    let shipped = common::prior().id();
    for line in [
        format!(
            "version   dcodec {}, format version 1\n",
            env!("CARGO_PKG_VERSION")
        ),
        format!("prior     s   {shipped}, "),
        "device    cpu ".into(),
        "file      rgb.dfc: passed\n".into(),
        "result    all well\n".into(),
    ] {
        assert!(text.contains(&line), "{line}: {text}");
    }
    assert!(text.contains(&format!("{:?} (chosen)", dcodec::prior::Kernel::best())));
}

#[test]
fn the_report_as_json() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = good(dir.path(), &["doctor", "--json", "--threads", "3"]).out;
    let all: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(all["works"], true);
    assert_eq!(all["threads"], 3);
    assert_eq!(all["platform"]["system"], std::env::consts::OS);
    let devices = good(
        dir.path(),
        &["info", "--devices", "--json", "--threads", "3"],
    )
    .out;
    let devices: serde_json::Value = serde_json::from_slice(&devices).expect("JSON");
    assert_eq!(all["devices"], devices);
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/s.safetensors");
    let bytes = fs::metadata(weights).expect("the weights").len();
    let priors = all["priors"].as_array().expect("priors");
    assert_eq!(priors[0]["name"], "s");
    assert_eq!(priors[0]["bytes"], bytes);
    assert!(priors.iter().all(|prior| prior["sound"] == true));
    let files = all["self_test"].as_array().expect("files");
    assert!(files.len() >= 10);
    let has_l = cfg!(feature = "prior-l");
    assert_eq!(priors.len(), if has_l { 3 } else { 2 });
    for file in files {
        let skipped = file["file"] == "prior-l.dfc" && !has_l;
        let wanted = if skipped { "skipped" } else { "passed" };
        assert_eq!(file["outcome"], wanted, "{file}");
    }
}
