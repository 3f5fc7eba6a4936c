//! `dcodec view`: what its server answers, and to whom.

use std::process::Command;

#[cfg(feature = "view")]
mod served {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::path::Path;
    use std::process::{Child, Stdio};

    use super::*;

    /// Bytes of the file that is viewed.
    const FILE: &[u8] = b"\x89DF\x01 and the rest of it";

    struct Viewer {
        child: Child,
        port: u16,
        address: String,
    }

    impl Drop for Viewer {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// A folder of the package with one file each.
    fn package(root: &Path) {
        for (path, text) in [
            ("demo/index.html", "the page"),
            ("demo/notes.txt", "not served"),
            ("src/index.js", "export {};"),
            ("assets/priors.js", "export default [];"),
            ("assets/s-0.safetensors", "weights"),
            ("secret.js", "not served"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
    }

    fn viewer(root: &Path) -> Viewer {
        package(root);
        let file = root.join("a b.dfc");
        std::fs::write(&file, FILE).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_dcodec"))
            .args(["-q", "view", "--no-open", "--web"])
            .arg(root)
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut address = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out)
            .read_line(&mut address)
            .expect("an address");
        let rest = address.strip_prefix("http://127.0.0.1:").expect("loopback");
        let port = rest[..rest.find('/').expect("a path")]
            .parse()
            .expect("a port");
        Viewer {
            child,
            port,
            address,
        }
    }

    /// The answer to a request with these lines after the first.
    fn ask(viewer: &Viewer, request: &str, host: &str, lines: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", viewer.port)).expect("connected");
        let text =
            format!("{request} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(viewer: &Viewer, path: &str, lines: &str) -> String {
        let host = format!("127.0.0.1:{}", viewer.port);
        ask(viewer, &format!("GET {path}"), &host, lines)
    }

    #[test]
    fn page_and_file_are_served_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let viewer = viewer(dir.path());
        assert!(
            viewer
                .address
                .ends_with("/demo/index.html?file=/viewed/picture.dfc&name=a%20b.dfc\n")
        );
        let page = get(&viewer, "/demo/index.html?file=x", "");
        assert!(
            page.starts_with("HTTP/1.1 200") && page.ends_with("the page"),
            "{page}"
        );
        assert!(
            page.contains("Content-Security-Policy: default-src 'self'"),
            "{page}"
        );
        let weights = get(&viewer, "/assets/s-0.safetensors", "");
        assert!(weights.contains("immutable"), "{weights}");
        for path in [
            "/",
            "/demo/",
            "/demo/notes.txt",
            "/secret.js",
            "/demo/../secret.js",
            "/demo/%2e%2e/secret.js",
            "//demo/index.html",
            "/a%20b.dfc",
            "/etc/passwd",
        ] {
            let answer = get(&viewer, path, "");
            assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        }
    }

    #[test]
    fn ranges_and_methods_are_as_of_http() {
        let dir = tempfile::tempdir().expect("a folder");
        let viewer = viewer(dir.path());
        let part = |range: &str| {
            get(
                &viewer,
                "/viewed/picture.dfc",
                &format!("Range: bytes={range}\r\n"),
            )
        };
        let first = part("4-7");
        assert!(
            first.starts_with("HTTP/1.1 206") && first.ends_with("\r\n\r\n and"),
            "{first}"
        );
        let place = format!("Content-Range: bytes 4-7/{}", FILE.len());
        assert!(first.contains(&place), "{first}");
        assert!(part("-2").ends_with("\r\n\r\nit"));
        assert!(part("9999-").starts_with("HTTP/1.1 416"));
        let host = format!("localhost:{}", viewer.port);
        let head = ask(&viewer, "HEAD /viewed/picture.dfc", &host, "");
        assert!(
            head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("Content-Length: {}", FILE.len())),
            "{head}"
        );
        let post = ask(
            &viewer,
            "POST /demo/index.html",
            &host,
            "Content-Length: 0\r\n",
        );
        assert!(post.starts_with("HTTP/1.1 405"), "{post}");
        // A name of somebody else's that leads to this machine.
        let other = ask(&viewer, "GET /demo/index.html", "example.com", "");
        assert!(other.starts_with("HTTP/1.1 421"), "{other}");
    }

    #[test]
    fn what_cannot_be_viewed_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let told = |args: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_dcodec"))
                .current_dir(dir.path())
                .args(["view", "--no-open"])
                .args(args)
                .output()
                .expect("runs");
            assert_eq!(output.status.code(), Some(1));
            String::from_utf8(output.stderr).expect("text")
        };
        std::fs::write(dir.path().join("x.png"), "a picture").expect("written");
        std::fs::write(dir.path().join("x.dfc"), FILE).expect("written");
        assert!(told(&["none.dfc"]).contains("none.dfc"));
        assert!(told(&["x.png"]).contains("not a .dfc file"));
        let e = told(&["x.dfc", "--web", "empty"]);
        assert!(e.contains("web/build.sh") && e.contains("empty"), "{e}");
    }
}

#[test]
#[cfg(not(feature = "view"))]
fn a_build_without_the_server_says_how_to_get_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_dcodec"))
        .args(["view", "x.dfc"])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).expect("text");
    assert!(err.contains("--features view"), "{err}");
}
