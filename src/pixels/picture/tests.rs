use super::*;
use image::{ImageBuffer, Rgb, Rgba};
use proptest::prelude::*;

fn ramp(width: u32, height: u32, colour: Colour, alpha: bool) -> Picture {
    let pixels = (width * height) as usize;
    let samples = (0..pixels * colour.channels()).map(|i| (i * 37) as u8);
    let alpha = alpha.then(|| (0..pixels).map(|i| (i * 11) as u8).collect());
    Picture::new(width, height, colour, samples.collect(), alpha).unwrap()
}

/// The picture at another depth. Samples of 16 bits get low bytes of their own.
fn of_depth(picture: Picture, depth: BitDepth) -> Picture {
    let to_depth = |samples: &Samples| match depth {
        BitDepth::Eight => samples.clone(),
        BitDepth::Sixteen => {
            let low = |(i, v): (usize, u16)| v << 8 | (i as u16 * 151) & 0xff;
            samples
                .iter()
                .enumerate()
                .map(low)
                .collect::<Vec<u16>>()
                .into()
        }
    };
    let (samples, alpha) = (to_depth(picture.samples()), picture.alpha().map(to_depth));
    let (w, h) = (picture.width(), picture.height());
    Picture::from_samples(w, h, picture.colour(), samples, alpha).unwrap()
}

#[test]
fn wrong_lengths_are_refused() {
    assert!(Picture::new(0, 4, Colour::Grey, vec![], None).is_err());
    assert!(Picture::new(2, 2, Colour::Grey, vec![0; 12], None).is_err());
    assert!(Picture::new(2, 2, Colour::Rgb, vec![0; 4], None).is_err());
    assert!(Picture::new(2, 2, Colour::Rgb, vec![0; 12], Some(vec![0; 3])).is_err());
    assert!(Picture::new(u32::MAX, u32::MAX, Colour::Rgb, vec![], None).is_err());
    let mixed = Picture::from_samples(
        1,
        1,
        Colour::Grey,
        vec![1u16].into(),
        Some(vec![1u8].into()),
    );
    assert!(mixed.is_err());
}

#[test]
fn image_round_trip_keeps_colour_alpha_and_depth() {
    for colour in [Colour::Grey, Colour::Rgb] {
        for alpha in [false, true] {
            for depth in [BitDepth::Eight, BitDepth::Sixteen] {
                let picture = of_depth(ramp(7, 5, colour, alpha), depth);
                let image = picture.to_image();
                assert_eq!(image.color().has_alpha(), alpha);
                assert_eq!(image.color().has_color(), colour == Colour::Rgb);
                let channels = u32::from(image.color().channel_count());
                let bits = u32::from(image.color().bits_per_pixel());
                assert_eq!(bits / channels, depth.bits());
                assert_eq!(Picture::from_image(image).unwrap(), picture);
            }
        }
    }
}

#[test]
fn deep_samples_are_rounded_on_demand() {
    // 128 and 129 are the two sides of the half between 0 and 1; 65407 that between 254 and 255.
    let samples: Samples = vec![0u16, 128, 129, 65406, 65407].into();
    let alpha: Samples = vec![65535u16, 257, 0, 1, 2].into();
    let picture = Picture::from_samples(5, 1, Colour::Grey, samples, Some(alpha)).unwrap();
    assert_eq!(picture.depth(), BitDepth::Sixteen);
    let eight = picture.into_eight();
    assert_eq!(eight.samples().as_eight(), Some(&[0, 0, 1, 254, 255][..]));
    assert_eq!(eight.alpha(), Some(&vec![255u8, 1, 0, 0, 0].into()));
    assert_eq!(eight.clone().into_eight(), eight);
}

#[test]
fn floating_point_samples_are_refused() {
    let image: ImageBuffer<Rgb<f32>, Vec<f32>> =
        ImageBuffer::from_raw(1, 1, vec![-1.0, 0.5, 2.0]).unwrap();
    let error = Picture::from_image(image.into()).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
}

#[test]
fn opaque_alpha_is_kept() {
    let image = image::RgbaImage::from_pixel(3, 2, Rgba([1, 2, 3, 255]));
    let picture = Picture::from_image(image.into()).unwrap();
    assert_eq!(picture.alpha(), Some(&vec![255u8; 6].into()));
}

#[test]
fn short_sides_are_mirrored() {
    let picture = Picture::new(3, 1, Colour::Grey, vec![10, 20, 30], None).unwrap();
    let planes = picture.to_planes();
    assert_eq!((planes.width, planes.height), (16, 16));
    let row: Vec<f32> = planes.plane(2)[16 * 15..]
        .iter()
        .map(|v| v + 127.5)
        .collect();
    assert_eq!(row[..8], [10.0, 20.0, 30.0, 20.0, 10.0, 20.0, 30.0, 20.0]);
    let one = Picture::new(1, 1, Colour::Grey, vec![7], None).unwrap();
    assert!(one.to_planes().data.iter().all(|&v| v == 7.0 - 127.5));
}

#[test]
fn planes_are_rounded_half_up_and_clamped() {
    let mut planes = Planes::zeros(16, 16);
    planes.data[..4].copy_from_slice(&[0.0, 300.0, -300.0, f32::NAN]);
    let picture = Picture::from_planes(&planes, 4, 1, Colour::Rgb, BitDepth::Eight, None).unwrap();
    assert_eq!(
        picture.samples(),
        &vec![128u8, 128, 128, 255, 128, 128, 0, 128, 128, 0, 128, 128].into()
    );
    let picture =
        Picture::from_planes(&planes, 4, 1, Colour::Rgb, BitDepth::Sixteen, None).unwrap();
    let grey = 32768u16;
    assert_eq!(
        picture.samples(),
        &vec![
            grey, grey, grey, 65535, grey, grey, 0, grey, grey, 0, grey, grey
        ]
        .into()
    );

    // The mean comes before rounding and clamping.
    let mut planes = Planes::zeros(1, 1);
    planes.data = vec![200.0, -100.0, -100.5];
    let picture = Picture::from_planes(&planes, 1, 1, Colour::Grey, BitDepth::Eight, None).unwrap();
    assert_eq!(picture.samples(), &vec![127u8].into());
    assert!(Picture::from_planes(&planes, 2, 1, Colour::Grey, BitDepth::Eight, None).is_err());
}

#[test]
fn every_deep_sample_comes_back_from_the_planes() {
    let samples: Samples = (0..=u16::MAX).collect::<Vec<u16>>().into();
    let picture = Picture::from_samples(256, 256, Colour::Grey, samples, None).unwrap();
    let planes = picture.to_planes();
    let back = Picture::from_planes(&planes, 256, 256, Colour::Grey, BitDepth::Sixteen, None);
    assert_eq!(back.unwrap(), picture);
    // Samples made from 8 bits are the same values.
    let wide = Picture::new(2, 1, Colour::Grey, vec![3, 200], None).unwrap();
    let sixteen_bit =
        Picture::from_samples(2, 1, Colour::Grey, vec![3u16 * 257, 200 * 257].into(), None);
    assert_eq!(sixteen_bit.unwrap().to_planes(), wide.to_planes());
}

proptest! {
    #[test]
    fn planes_round_trip(
        width in 1u32..40, height in 1u32..40, rgb: bool, alpha: bool, sixteen_bit: bool
    ) {
        let colour = if rgb { Colour::Rgb } else { Colour::Grey };
        let depth = if sixteen_bit { BitDepth::Sixteen } else { BitDepth::Eight };
        let picture = of_depth(ramp(width, height, colour, alpha), depth);
        let alpha = picture.alpha().cloned();
        let back = Picture::from_planes(&picture.to_planes(), width, height, colour, depth, alpha);
        prop_assert_eq!(back.unwrap(), picture);
    }
}
