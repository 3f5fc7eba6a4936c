use super::*;
use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
use proptest::prelude::*;

fn ramp(width: u32, height: u32, colour: Colour, alpha: bool) -> Picture {
    let pixels = (width * height) as usize;
    let samples = (0..pixels * colour.channels()).map(|i| (i * 37) as u8);
    let alpha = alpha.then(|| (0..pixels).map(|i| (i * 11) as u8).collect());
    Picture::new(width, height, colour, samples.collect(), alpha).unwrap()
}

#[test]
fn wrong_lengths_are_refused() {
    assert!(Picture::new(0, 4, Colour::Grey, vec![], None).is_err());
    assert!(Picture::new(2, 2, Colour::Grey, vec![0; 12], None).is_err());
    assert!(Picture::new(2, 2, Colour::Rgb, vec![0; 4], None).is_err());
    assert!(Picture::new(2, 2, Colour::Rgb, vec![0; 12], Some(vec![0; 3])).is_err());
    assert!(Picture::new(u32::MAX, u32::MAX, Colour::Rgb, vec![], None).is_err());
}

#[test]
fn image_round_trip_keeps_colour_and_alpha() {
    for colour in [Colour::Grey, Colour::Rgb] {
        for alpha in [false, true] {
            let picture = ramp(7, 5, colour, alpha);
            let image = picture.to_image();
            assert_eq!(image.color().has_alpha(), alpha);
            assert_eq!(image.color().has_color(), colour == Colour::Rgb);
            assert_eq!(Picture::from_image(&image), (picture, vec![]));
        }
    }
}

#[test]
fn deep_samples_are_rounded_with_a_notice() {
    // 128 and 129 are the two sides of the half between 0 and 1; 65407 that between 254 and 255.
    let image: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_raw(5, 1, vec![0, 128, 129, 65406, 65407]).unwrap();
    let (picture, notices) = Picture::from_image(&image.into());
    assert_eq!(picture.samples(), [0, 0, 1, 254, 255]);
    assert_eq!(picture.colour(), Colour::Grey);
    assert_eq!(notices, [Notice::Reduced16]);

    let image: ImageBuffer<LumaA<u16>, Vec<u16>> =
        ImageBuffer::from_raw(1, 1, vec![65535, 257]).unwrap();
    let (picture, _) = Picture::from_image(&image.into());
    assert_eq!(
        (picture.samples(), picture.alpha()),
        (&[255][..], Some(&[1][..]))
    );

    let image: ImageBuffer<Rgb<f32>, Vec<f32>> =
        ImageBuffer::from_raw(1, 1, vec![-1.0, 0.5, 2.0]).unwrap();
    let (picture, notices) = Picture::from_image(&image.into());
    assert_eq!(picture.samples(), [0, 128, 255]);
    assert_eq!(notices, [Notice::ReducedFloat]);

    let image: ImageBuffer<Rgba<f32>, Vec<f32>> =
        ImageBuffer::from_raw(1, 1, vec![f32::NAN, 1.0, 0.0, 0.5]).unwrap();
    let (picture, _) = Picture::from_image(&image.into());
    assert_eq!(picture.samples(), [0, 255, 0]);
    assert_eq!(picture.alpha(), Some(&[128][..]));
}

#[test]
fn opaque_alpha_is_dropped() {
    let image = image::RgbaImage::from_pixel(3, 2, Rgba([1, 2, 3, 255]));
    let (picture, notices) = Picture::from_image(&image.into());
    assert_eq!(picture.alpha(), None);
    assert!(notices.is_empty());
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
    let picture = Picture::from_planes(&planes, 4, 1, Colour::Rgb, None).unwrap();
    assert_eq!(
        picture.samples(),
        [128, 128, 128, 255, 128, 128, 0, 128, 128, 0, 128, 128]
    );

    // The mean comes before rounding and clamping.
    let mut planes = Planes::zeros(1, 1);
    planes.data = vec![200.0, -100.0, -100.5];
    let picture = Picture::from_planes(&planes, 1, 1, Colour::Grey, None).unwrap();
    assert_eq!(picture.samples(), [127]);
    assert!(Picture::from_planes(&planes, 2, 1, Colour::Grey, None).is_err());
}

proptest! {
    #[test]
    fn planes_round_trip(width in 1u32..40, height in 1u32..40, rgb: bool, alpha: bool) {
        let colour = if rgb { Colour::Rgb } else { Colour::Grey };
        let picture = ramp(width, height, colour, alpha);
        let alpha = picture.alpha().map(<[u8]>::to_vec);
        let back = Picture::from_planes(&picture.to_planes(), width, height, colour, alpha);
        prop_assert_eq!(back.unwrap(), picture);
    }
}
