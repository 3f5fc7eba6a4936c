//! Encoder and decoder, one after the other.

use arbitrary::{Result, Unstructured};
use dcodec::container::PriorId;
use dcodec::{Effort, Encoder, Exact, Metadata, Target, Tune};

use crate::file::{cheap, decoder};
use crate::picture::picture;

/// A lossless file is the picture and its metadata again, and a lossy one the alpha plane.
pub fn roundtrip(data: &[u8]) {
    // Bytes that run out are no failure.
    let _ = tried(&mut Unstructured::new(data));
}

fn tried(u: &mut Unstructured) -> Result<()> {
    let id = PriorId(*b"fuzz");
    let lossless: bool = u.ratio(3, 4)?;
    let quality = f64::from(u.int_in_range(0..=100u8)?);
    let target = match lossless {
        true => Target::Lossless(u.arbitrary::<bool>()?.then_some(quality)),
        false => Target::Quality(quality),
    };
    let few: Vec<u8> = u.arbitrary::<[u8; 5]>()?.to_vec();
    let metadata = Metadata {
        icc: u.arbitrary::<bool>()?.then(|| few.clone()),
        exif: None,
        xmp: u.arbitrary::<bool>()?.then_some(few),
    };
    let mut encoder = Encoder::new(&cheap(id))
        .target(target)
        .effort(Effort::new(u.int_in_range(1..=3)?).unwrap_or_default())
        .seed(u.arbitrary()?)
        .prefilter(u.arbitrary()?)
        .reconstruct(true)
        .metadata(metadata.clone());
    if u.arbitrary()? {
        encoder = encoder.bands(u.arbitrary()?);
    }
    if u.arbitrary()? {
        encoder = encoder.tune(*u.choose(&[Tune::Psnr, Tune::Eye, Tune::Plain])?);
    }
    let picture = picture(u)?;
    let encoded = encoder
        .encode(&picture)
        .expect("every picture can be coded");
    let decoder = decoder(id).max_calls(u32::MAX);
    let decoded = decoder.decode(&encoded.bytes).expect("decodes");
    assert!(decoded.coverage.complete);
    assert_eq!(decoded.metadata, metadata);
    assert!(decoded.picture.alpha() == picture.alpha());
    assert!(encoded.reconstruction.as_ref() == Some(&decoded.picture));
    if lossless {
        assert_eq!(decoded.coverage.exact, Exact::All);
        assert!(decoded.picture == picture, "not the picture");
    }
    Ok(())
}
