//! Exact samples (annex A) of hostile bytes.

use arbitrary::{Result, Unstructured};
use dcodec::container::{Header, PartName, PriorId, SigmaCode, Writer};
use dcodec::{Decoded, Exact};

use crate::file::decoder;
use crate::picture::{form, start, trellis};

/// No payload is a fault of the decoder, and rows that are certain stay as they are when more bytes
/// come.
pub fn exact(data: &[u8]) {
    // Bytes that run out are no failure.
    let _ = tried(&mut Unstructured::new(data));
}

fn tried(u: &mut Unstructured) -> Result<()> {
    let header = Header {
        form: form(u)?,
        prior: PriorId(*b"fuzz"),
        seed: u.arbitrary()?,
        trellis: trellis(u)?,
        start: start(u)?,
        banded: u.arbitrary()?,
        corrected: false,
    };
    let mut writer = Writer::new(&header);
    if header.form.alpha {
        writer.part(PartName::ALPHA, &[]);
        if u.arbitrary()? {
            writer.part(PartName::ALPHA_LOW, &[]);
        }
    }
    let mut sigma = header.start;
    for _ in 0..u.int_in_range(1..=3u8)? {
        let below = u.int_in_range(1..=127)?;
        let Some(next) = sigma.get().checked_sub(below).and_then(SigmaCode::new) else {
            break;
        };
        let stages = u.int_in_range(0..=100u32)?;
        let layer = writer.layer(next, stages);
        let mut bits = vec![0; layer.body_bytes()];
        u.fill_buffer(&mut bits)?;
        writer.body(&bits);
        sigma = next;
    }
    let alike = header.form.alpha && header.form.depth != dcodec::BitDepth::Sixteen;
    let payload = u.bytes(u.len())?;
    // The part must not be longer than the samples and a little.
    let most = header.form.colour_bytes() as usize + 16;
    let payload = &payload[..payload.len().min(most)];
    let start = writer.len();
    writer.part(PartName::EXACT, payload);
    let file = writer.finish();
    let decoder = decoder(header.prior);
    let decode = |bytes: &[u8]| match decoder.decode(bytes) {
        Ok(decoded) => Some(decoded),
        // No layer fits below the start, or the low bytes of alpha stand where none may be.
        Err(e) => {
            let known = sigma == header.start || alike;
            assert!(known, "{e}");
            None
        }
    };
    let cuts = [1, 2].map(|i| start + (file.len() - start) * i / 3);
    let parts: Vec<Option<Decoded>> = cuts.map(|n| decode(&file[..n])).into();
    let whole = decode(&file);
    for (a, b) in parts.iter().zip(&parts[1..]) {
        if let (Some(a), Some(b)) = (a, b) {
            assert_rows(a, b);
        }
    }
    if let (Some(part), Some(whole)) = (parts.last().and_then(Option::as_ref), &whole)
        && whole.coverage.exact == Exact::All
    {
        assert_rows(part, whole);
    }
    Ok(())
}

/// The exact rows of `a` are those of `b`, which has more bytes.
fn assert_rows(a: &Decoded, b: &Decoded) {
    let height = a.picture.height();
    let rows = |decoded: &Decoded| match decoded.coverage.exact {
        Exact::Rows(n) => n,
        Exact::All => height,
        _ => 0,
    };
    // A cut just before the end has all rows, which the check then refuses.
    if b.coverage.exact == Exact::Unusable || a.coverage.exact == Exact::Unusable {
        return;
    }
    assert!(
        rows(a) <= rows(b),
        "{:?}, then {:?}",
        a.coverage,
        b.coverage
    );
    let row = a.picture.width() as usize * a.picture.colour().channels();
    let count = row * rows(a) as usize;
    let first =
        |decoded: &Decoded| -> Vec<u16> { decoded.picture.samples().iter().take(count).collect() };
    assert!(first(a) == first(b), "rows that were certain have changed");
}
