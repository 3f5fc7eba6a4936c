//! The server: files by name, whole or in ranges, for browsers on this machine.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use tiny_http::{Header, Method, Request, Response, StatusCode};

use crate::error::{Error, Result};
use crate::view::pages::{Page, Pages};

/// The page may take nothing from elsewhere, and no other page may take from here.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; \
     script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob: data:";

/// A server that listens on the loopback interface.
pub struct Server {
    http: tiny_http::Server,
    pages: Pages,
    port: u16,
}

impl Server {
    /// Listens on `port`, or on one that is free if it is 0.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn bind(port: u16, pages: Pages) -> Result<Self> {
        let http = tiny_http::Server::http((Ipv4Addr::LOCALHOST, port))
            .map_err(|e| Error::Failed(format!("127.0.0.1:{port}: {e}")))?;
        let port = http.server_addr().to_ip().map_or(port, |ip| ip.port());
        Ok(Server { http, pages, port })
    }

    /// Address of the first page.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.pages.start)
    }

    /// Answers until the program ends.
    ///
    /// # Errors
    /// If no more connections can be taken.
    pub fn run(self) -> Result<()> {
        loop {
            let request = self
                .http
                .recv()
                .map_err(|e| Error::Failed(format!("the server has ended: {e}")))?;
            self.answer(request);
        }
    }

    fn answer(&self, request: Request) {
        let path = request.url().split('?').next().unwrap_or_default();
        let (status, headers, body) = match self.page(&request, path) {
            Err(status) => (status, Vec::new(), None),
            Ok(page) => match opened(page, range(&request)) {
                Ok((status, headers, body)) => (status, headers, body),
                Err(_) => (404, Vec::new(), None),
            },
        };
        let mut response = Response::new(
            StatusCode(status),
            headers,
            Box::new(std::io::empty()) as Box<dyn Read>,
            Some(0),
            None,
        );
        if let Some((body, bytes)) = body {
            // What the client does not ask for by its method is left out by the library.
            response = response.with_data(Box::new(body) as Box<dyn Read>, Some(bytes));
        }
        for (name, value) in [
            ("Content-Security-Policy", POLICY),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("X-Content-Type-Options", "nosniff"),
        ] {
            response.add_header(header(name, value));
        }
        // A client that has left needs no answer.
        let _ = request.respond(response);
    }

    /// The file that a request may have, or the status of its refusal.
    fn page(&self, request: &Request, path: &str) -> Result<&Page, u16> {
        // Another site's name that leads here is not for us.
        let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", self.port));
        let asked = value(request, "Host");
        if !asked.is_some_and(|host| hosts.contains(&host)) {
            return Err(421);
        }
        match request.method() {
            Method::Get | Method::Head => self.pages.get(path).ok_or(404),
            _ => Err(405),
        }
    }
}

/// A header of the request.
fn value(request: &Request, name: &'static str) -> Option<String> {
    let found = request.headers().iter().find(|h| h.field.equiv(name))?;
    Some(found.value.to_string())
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).unwrap_or_else(|()| unreachable!("{name}: {value} is ASCII"))
}

/// A range of bytes as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// From a place, to a place that is part of it or to the end.
    From(u64, Option<u64>),
    /// The last bytes.
    Last(u64),
}

/// The range of a request. None for the whole file, and for several ranges, which a server may
/// leave unheeded.
fn range(request: &Request) -> Option<Range> {
    parsed(&value(request, "Range")?)
}

fn parsed(text: &str) -> Option<Range> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    Some(match (first, last) {
        ("", last) => Range::Last(last.parse().ok()?),
        (first, "") => Range::From(first.parse().ok()?, None),
        (first, last) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(Range::From(first, Some(last)))?
        }
    })
}

/// Start and end of a range in a file of `size` bytes. None if it has no byte there.
fn within(range: Range, size: u64) -> Option<(u64, u64)> {
    let (from, to) = match range {
        Range::From(first, last) => (
            first,
            last.map_or(size, |last| size.min(last.saturating_add(1))),
        ),
        Range::Last(n) => (size.saturating_sub(n), size),
    };
    (from < to).then_some((from, to))
}

type Opened = (u16, Vec<Header>, Option<(std::io::Take<File>, usize)>);

/// Status, headers and body of a file.
fn opened(page: &Page, range: Option<Range>) -> std::io::Result<Opened> {
    let mut file = File::open(&page.path)?;
    let size = file.metadata()?.len();
    let mut headers = vec![
        header("Content-Type", page.media_type),
        header("Accept-Ranges", "bytes"),
        header("Cache-Control", cache(page)),
    ];
    let (status, from, to) = match range.map(|range| within(range, size)) {
        None => (200, 0, size),
        Some(Some((from, to))) => {
            let place = format!("bytes {from}-{}/{size}", to - 1);
            headers.push(header("Content-Range", &place));
            (206, from, to)
        }
        Some(None) => {
            headers.push(header("Content-Range", &format!("bytes */{size}")));
            return Ok((416, headers, None));
        }
    };
    file.seek(SeekFrom::Start(from))?;
    Ok((
        status,
        headers,
        Some((file.take(to - from), (to - from) as usize)),
    ))
}

fn cache(page: &Page) -> &'static str {
    match page.immutable {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    }
}

/// Opens the browser of the desktop; false if there is none.
pub fn open(address: &str) -> bool {
    let (program, first): (&str, &[&str]) = match std::env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("rundll32", &["url.dll,FileProtocolHandler"]),
        _ => ("xdg-open", &[]),
    };
    let started = Command::new(Path::new(program))
        .args(first)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parts_of_the_file() {
        let part = |text: &str| parsed(text).map(|range| within(range, 100));
        assert_eq!(part("bytes=0-9"), Some(Some((0, 10))));
        assert_eq!(part("bytes=90-200"), Some(Some((90, 100))));
        assert_eq!(part("bytes=7-"), Some(Some((7, 100))));
        assert_eq!(part("bytes=-5"), Some(Some((95, 100))));
        assert_eq!(part("bytes=-500"), Some(Some((0, 100))));
        for none in ["bytes=100-", "bytes=-0", "bytes=500-18446744073709551615"] {
            assert_eq!(part(none), Some(None), "{none}");
        }
        for other in [
            "bytes=9-3",
            "bytes=1-2,5-6",
            "lines=1-2",
            "bytes=",
            "bytes=a-",
        ] {
            assert_eq!(part(other), None, "{other}");
        }
    }
}
