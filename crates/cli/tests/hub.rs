//! `--prior owner/name`: a DDPM of a hub, from a server on this machine that answers as the hub
//! does.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[cfg_attr(not(feature = "diffusers"), allow(dead_code))]
fn fixture(model: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/diffusers");
    data.join(model)
}

/// Runs the command in `folder`, which holds the cache too, with the hub at `endpoint`.
fn run(folder: &Path, endpoint: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcodec"));
    // The server is on this machine.
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command
        .current_dir(folder)
        .env("HF_HOME", folder.join("cache"))
        .env("HF_ENDPOINT", endpoint)
        .args(args)
        .output()
        .expect("runs")
}

fn failed(output: Output) -> String {
    let err = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{err}");
    err
}

/// Nobody listens there.
const CLOSED: &str = "http://127.0.0.1:9";

#[test]
fn what_cannot_be_fetched_is_told_with_the_way_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let e = failed(run(dir.path(), CLOSED, &["info", "--prior", "tester/ddpm"]));
    assert!(e.contains("tester/ddpm: no such file or folder"), "{e}");
    assert!(e.contains("name its folder"), "{e}");
    let what = match cfg!(feature = "hub") {
        true => "http://127.0.0.1:9 cannot be reached",
        false => "--features hub",
    };
    assert!(e.contains(what), "{e}");
    // A path that no hub has.
    let e = failed(run(dir.path(), CLOSED, &["info", "--prior", "a/b/c"]));
    assert_eq!(e, "error: a/b/c: no such file or folder\n");
}

#[test]
#[cfg(feature = "diffusers")]
fn a_folder_here_is_taken_before_a_name_on_a_hub() {
    let dir = tempfile::tempdir().expect("a folder");
    let model = dir.path().join("tester/ddpm");
    std::fs::create_dir_all(&model).expect("made");
    for file in [
        "config.json",
        "scheduler_config.json",
        "diffusion_pytorch_model.safetensors",
    ] {
        std::fs::copy(fixture("plain").join(file), model.join(file)).expect("copied");
    }
    let output = run(dir.path(), CLOSED, &["info", "--prior", "tester/ddpm"]);
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"tester/ddpm: prior "));
}

#[cfg(feature = "hub")]
mod served {
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::thread;

    use serde_json::json;

    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// A hub with the models of `fixture`, under the owner `tester`, and what it was asked for.
    struct Hub {
        endpoint: String,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Hub {
        fn start() -> Hub {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
            let asked = Arc::new(Mutex::new(Vec::new()));
            let hub = (endpoint.clone(), Arc::clone(&asked));
            thread::spawn(move || {
                for connection in listener.incoming() {
                    // A client that has seen enough may leave.
                    let _ = connection.and_then(|c| answer(c, &hub.0, &hub.1));
                }
            });
            Hub { endpoint, asked }
        }

        fn asked(&self) -> Vec<String> {
            std::mem::take(&mut self.asked.lock().expect("sound"))
        }
    }

    fn files(folder: &Path, below: &str, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => files(&entry.path(), &format!("{name}/"), all),
                false => all.push(name),
            }
        }
    }

    /// One request a connection: the list of a model's files, a file, or where its bytes are.
    fn answer(
        mut connection: TcpStream,
        endpoint: &str,
        asked: &Mutex<Vec<String>>,
    ) -> std::io::Result<()> {
        let (mut path, mut from) = (String::new(), 0);
        let mut last = None;
        for line in BufReader::new(&connection).lines() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("GET ") {
                path = rest.trim_end_matches(" HTTP/1.1").to_owned();
            }
            if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                let (a, b) = range.split_once('-').expect("first-last");
                from = a.parse().expect("a number");
                last = b.parse::<usize>().ok();
            }
        }
        asked.lock().expect("sound").push(path.clone());
        let parts: Vec<&str> = path.trim_start_matches('/').splitn(5, '/').collect();
        let (head, body) = match parts[..] {
            ["api", "models", "tester", model, "revision/main"] if fixture(model).is_dir() => {
                let mut all = Vec::new();
                files(&fixture(model), "", &mut all);
                let siblings = all.iter().map(|f| json!({ "rfilename": f }));
                let siblings: Vec<_> = siblings.collect();
                let list = json!({ "sha": COMMIT, "siblings": siblings });
                ("200 OK\r\n".into(), list.to_string().into_bytes())
            }
            ["api", "models", "tester", "pickled", _] => {
                let files = ["config.json", "diffusion_pytorch_model.bin"];
                let siblings = files.map(|f| json!({ "rfilename": f }));
                let list = json!({ "sha": COMMIT, "siblings": siblings });
                ("200 OK\r\n".into(), list.to_string().into_bytes())
            }
            ["tester", model, "resolve", "main", file] => {
                let etag = format!("{model}-{}", file.replace('/', "-"));
                let both = format!("x-repo-commit: {COMMIT}\r\nETag: \"{etag}\"\r\n");
                // Large files lie elsewhere.
                match file.ends_with(".safetensors") {
                    true => (
                        format!(
                            "302 Found\r\n{both}x-linked-etag: \"{etag}\"\r\nLocation: {endpoint}/blobs/{model}/{file}\r\n"
                        ),
                        Vec::new(),
                    ),
                    false => part(&fixture(model).join(file), from, last, &both)?,
                }
            }
            ["blobs", model, ..] => {
                let file = path.split_once(&format!("{model}/")).expect("a file").1;
                part(&fixture(model).join(file), from, last, "")?
            }
            _ => ("404 Not Found\r\n".into(), Vec::new()),
        };
        let n = body.len();
        write!(
            connection,
            "HTTP/1.1 {head}Content-Length: {n}\r\nConnection: close\r\n\r\n"
        )?;
        // The first download of a large file breaks off.
        let broken = path.starts_with("/blobs") && from == 0 && last.is_none();
        connection.write_all(&body[..if broken { n / 2 } else { n }])
    }

    fn part(
        path: &Path,
        from: usize,
        last: Option<usize>,
        headers: &str,
    ) -> std::io::Result<(String, Vec<u8>)> {
        let bytes = fs::read(path)?;
        let (n, last) = (bytes.len(), last.unwrap_or(bytes.len() - 1));
        let head =
            format!("206 Partial Content\r\n{headers}Content-Range: bytes {from}-{last}/{n}\r\n");
        Ok((head, bytes[from..=last].to_vec()))
    }

    fn json_of(output: Output) -> serde_json::Value {
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{err}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Both layouts: files at the top, and a pipeline's folders.
    #[test]
    fn a_model_is_fetched_once_and_is_that_of_the_folder() {
        let hub = Hub::start();
        for model in ["attention", "former"] {
            let dir = tempfile::tempdir().expect("a folder");
            let name = format!("tester/{model}");
            let args = ["info", "--json", "--prior", &name];
            let fetched = json_of(run(dir.path(), &hub.endpoint, &args));
            let local = fixture(model);
            let local = local.to_str().expect("text");
            let here = run(dir.path(), CLOSED, &["info", "--json", "--prior", local]);
            assert_eq!(fetched, json_of(here));
            let asked = hub.asked();
            let blobs = asked.iter().filter(|p| p.starts_with("/blobs")).count();
            // Its size, half of its bytes, the other half; nothing that is not needed.
            assert_eq!(blobs, 3, "{asked:?}");
            assert!(!asked.iter().any(|p| p.contains("parity")), "{asked:?}");
            // Now without a network.
            let picture = fixture("../../../samples/coffee.png");
            let picture = image::open(picture)
                .expect("a sample")
                .crop_imm(100, 100, 32, 32);
            picture.save(dir.path().join("x.png")).expect("writable");
            let args = ["encode", "x.png", "-Q", "20", "--verify", "--prior", &name];
            let output = run(dir.path(), CLOSED, &args);
            assert!(output.status.success(), "{output:?}");
            let args = ["decode", "x.dfc", "-o", "y.png", "--prior", local];
            let output = run(dir.path(), CLOSED, &args);
            assert!(output.status.success(), "{output:?}");
            assert_eq!(hub.asked().len(), 0);
        }
    }

    #[test]
    fn what_a_hub_lacks_is_told() {
        let (hub, dir) = (Hub::start(), tempfile::tempdir().expect("a folder"));
        let said = |name| failed(run(dir.path(), &hub.endpoint, &["info", "--prior", name]));
        let e = said("tester/nothing");
        assert!(e.contains("has no such model"), "{e}");
        assert!(e.contains("status 404"), "{e}");
        let e = said("tester/pickled");
        assert!(e.contains("diffusion_pytorch_model.bin only"), "{e}");
        // Before any of it is fetched.
        assert!(hub.asked().iter().all(|p| p.starts_with("/api/")));
    }
}
