//! A static file on a plain web server is a preview first, then more: a client asks for ranges of
//! bytes and feeds them to a `StreamDecoder`.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::thread;

use dcodec::{Encoder, StreamDecoder, Target, metrics};

/// Serves `file` to any number of requests, whole (200) or in part (206), as RFC 9110 (14) says.
fn serve(file: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for connection in listener.incoming() {
            let answered = connection.and_then(|c| answer(c, &file));
            answered.expect("the client stays until its answer");
        }
    });
    address
}

fn answer(mut connection: TcpStream, file: &[u8]) -> std::io::Result<()> {
    let mut range = None;
    for line in BufReader::new(&connection).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(asked) = line.strip_prefix("Range: bytes=") {
            let (from, to) = asked.split_once('-').expect("first-last");
            let from: usize = from.parse().expect("a number");
            let to = to.parse().unwrap_or(file.len() - 1).min(file.len() - 1);
            range = Some((from, to));
        }
    }
    let n = file.len();
    match range {
        Some((from, _)) if from >= n => write!(
            connection,
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{n}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        Some((from, to)) => {
            let body = &file[from..=to];
            write!(
                connection,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{to}/{n}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            )?;
            connection.write_all(body)
        }
        None => {
            write!(
                connection,
                "HTTP/1.1 200 OK\r\nContent-Length: {n}\r\nConnection: close\r\n\r\n"
            )?;
            connection.write_all(file)
        }
    }
}

/// The answer to a request for a range: the bytes, and the size of the whole file.
struct Part {
    body: Vec<u8>,
    size: usize,
}

fn fetch(address: SocketAddr, range: RangeInclusive<usize>) -> Part {
    let mut connection = TcpStream::connect(address).expect("served");
    write!(
        connection,
        "GET /picture.dfc HTTP/1.1\r\nHost: {address}\r\nRange: bytes={}-{}\r\nConnection: close\r\n\r\n",
        range.start(),
        range.end()
    )
    .expect("sent");
    let mut answer = BufReader::new(connection);
    let mut line = String::new();
    answer.read_line(&mut line).expect("a status");
    assert!(line.starts_with("HTTP/1.1 206"), "{line}");
    let mut size = None;
    while line != "\r\n" {
        line.clear();
        answer.read_line(&mut line).expect("a header");
        if let Some(range) = line.strip_prefix("Content-Range: bytes ") {
            let (_, all) = range.trim().split_once('/').expect("range/size");
            size = all.parse().ok();
        }
    }
    let mut body = Vec::new();
    answer.read_to_end(&mut body).expect("a body");
    let size = size.expect("a size");
    Part { body, size }
}

fn feed(stream: &mut StreamDecoder, mut body: &[u8]) {
    while !body.is_empty() {
        let (used, _) = stream.push(body).expect("valid");
        body = &body[used..];
    }
}

#[test]
fn a_range_is_a_preview_and_the_rest_completes_it() {
    let prior = common::prior();
    let picture = common::resized("coffee.png", 150, 100);
    let file = Encoder::new(&prior)
        .target(Target::Quality(70.0))
        .encode(&picture)
        .expect("encodes")
        .bytes;
    let whole = common::plain(&prior).decode(&file).expect("decodes");
    let address = serve(file.clone());

    // The size is in the first answer, so that a client can choose how much to ask for.
    let mut stream = common::plain(&prior).stream();
    let first = fetch(address, 0..=31);
    let (size, tenth) = (first.size, first.size / 10);
    assert_eq!(size, file.len());
    feed(&mut stream, &first.body);
    feed(&mut stream, &fetch(address, 32..=tenth - 1).body);
    let preview = stream.preview().expect("a picture");
    assert_eq!(preview.coverage.bytes, tenth as u64);
    let psnr = |p| metrics::psnr(&picture, p).expect("same form");
    let (early, late) = (psnr(&preview.picture), psnr(&whole.picture));
    println!("{tenth} of {size} bytes: {early:.2} dB, then {late:.2} dB");
    assert!(early > 19.0 && late > early + 5.0);

    // No byte is asked for twice, whatever the sizes of the requests.
    let mut at = tenth;
    for step in [1, 500, size] {
        let part = fetch(address, at..=at + step - 1);
        assert_eq!(part.body.len(), step.min(size - at));
        at += part.body.len();
        feed(&mut stream, &part.body);
    }
    assert_eq!(at, size);
    let last = stream.finish().expect("a picture");
    assert_eq!(last.coverage, whole.coverage);
    assert!(last.picture == whole.picture);
}
