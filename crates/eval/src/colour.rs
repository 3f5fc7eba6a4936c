//! Colour profiles: made from other signs of a colour space, and fitted to grey and to RGB.

use dcodec::Colour;
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    LocalizableString, MatrixCoefficients, ProfileText, ToneReprCurve, TransferCharacteristics,
    curve_from_gamma,
};

/// Bytes of a profile that is converted, at most: the curves of a display take a few thousand.
const MOST_BYTES: usize = 1 << 20;

/// Date of profiles: the first day of 2026, as six numbers of 16 bits.
const MADE: [u8; 12] = [0x07, 0xea, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];

/// Bytes of the header of an ICC profile.
const HEADER: usize = 128;

/// Colour space that the header of an ICC profile names.
pub fn space(icc: &[u8]) -> Option<&[u8; 4]> {
    icc.get(16..)?.first_chunk()
}

/// Why a profile cannot be that of a picture. None if its header is sound (ICC.1, clause 7.2).
pub fn fault(icc: &[u8]) -> Option<&'static str> {
    let length = icc.first_chunk().map_or(0, |n| u32::from_be_bytes(*n));
    let sound = icc.len() > HEADER && icc[36..40] == *b"acsp" && length as usize <= icc.len();
    match icc.get(12..16) {
        _ if !sound => Some("is damaged"),
        Some(b"link" | b"abst" | b"nmcl") => Some("is not that of a picture"),
        _ => None,
    }
}

/// True if the header of a profile names the space of these samples.
pub fn fits(icc: &[u8], colour: Colour) -> bool {
    matches!(
        (space(icc), colour),
        (Some(b"RGB "), Colour::Rgb) | (Some(b"GRAY"), Colour::Grey)
    )
}

/// A profile for grey of the curve of an RGB profile whose three curves are one, or for RGB of the
/// curve of a grey one: each shows greys as the other does.
pub fn converted(icc: &[u8], colour: Colour) -> Option<Vec<u8>> {
    if icc.len() > MOST_BYTES {
        return None;
    }
    let old = ColorProfile::new_from_slice(icc).ok()?;
    let curve = match (old.color_space, colour) {
        (DataColorSpace::Gray, Colour::Rgb) => old.gray_trc?,
        (DataColorSpace::Rgb, Colour::Grey) => {
            let curve = old.red_trc?;
            let one =
                old.green_trc.as_ref() == Some(&curve) && old.blue_trc.as_ref() == Some(&curve);
            one.then_some(curve)?
        }
        _ => return None,
    };
    written(of_curve(curve, colour), "converted")
}

/// A profile of this curve, with the primaries of sRGB if it is for colours.
fn of_curve(curve: ToneReprCurve, colour: Colour) -> ColorProfile {
    if colour == Colour::Grey {
        let mut profile = ColorProfile::new_gray_with_gamma(1.0);
        profile.gray_trc = Some(curve);
        return profile;
    }
    let mut profile = ColorProfile::new_srgb();
    profile.cicp = None;
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile
}

/// The bytes of a profile called `name`.
fn written(mut profile: ColorProfile, name: &str) -> Option<Vec<u8>> {
    let text = |text: &str| {
        let all = LocalizableString::new("en".into(), "US".into(), text.into());
        Some(ProfileText::Localizable(vec![all]))
    };
    profile.description = text(name);
    profile.copyright = text("CC0");
    let mut icc = profile.encode().ok()?;
    // Equal pictures have equal files: not the time of this run.
    icc.get_mut(24..36)?.copy_from_slice(&MADE);
    Some(icc)
}

/// True if a profile for samples of `colour` says no more than sRGB: it has its primaries to a few
/// thousandths, and its curve to half a level of 8 bits. Such a profile takes 400 to 3,000 bytes,
/// and pictures without one are sRGB.
pub fn is_srgb(icc: &[u8], colour: Colour) -> bool {
    let Some(profile) = (icc.len() <= MOST_BYTES)
        .then(|| ColorProfile::new_from_slice(icc).ok())
        .flatten()
    else {
        return false;
    };
    let srgb = ColorProfile::new_srgb();
    // What tables or code points add is not looked at.
    let tables = [
        &profile.lut_a_to_b_perceptual,
        &profile.lut_a_to_b_colorimetric,
        &profile.lut_a_to_b_saturation,
    ];
    let plain = tables.iter().all(|table| table.is_none())
        && profile.pcs == DataColorSpace::Xyz
        && CodePoints::of_profile(icc).is_none_or(|c| (c.primaries, c.transfer) == (1, 13));
    let curves = match (profile.color_space, colour) {
        (DataColorSpace::Gray, Colour::Grey) => vec![profile.gray_trc],
        (DataColorSpace::Rgb, Colour::Rgb) => {
            vec![profile.red_trc, profile.green_trc, profile.blue_trc]
        }
        _ => return false,
    };
    let primaries = colour == Colour::Grey
        || [
            (profile.red_colorant, srgb.red_colorant),
            (profile.green_colorant, srgb.green_colorant),
            (profile.blue_colorant, srgb.blue_colorant),
        ]
        .into_iter()
        .all(|(a, b)| {
            [a.x - b.x, a.y - b.y, a.z - b.z]
                .iter()
                .all(|d| d.abs() < 0.003)
        });
    plain && primaries && curves.iter().all(|curve| is_srgb_curve(curve.as_ref()))
}

/// True if a curve from samples to light is that of sRGB to half a level of 8 bits.
fn is_srgb_curve(curve: Option<&ToneReprCurve>) -> bool {
    let Some(curve) = curve.and_then(|curve| curve.make_linear_evaluator().ok()) else {
        return false;
    };
    (0..=255u8).all(|level| {
        let light = curve
            .evaluate_value(f32::from(level) / 255.0)
            .clamp(0.0, 1.0);
        let sample = match light <= 0.003_130_8 {
            true => 12.92 * light,
            false => 1.055 * light.powf(1.0 / 2.4) - 0.055,
        };
        (255.0 * sample - f32::from(level)).abs() <= 0.5
    })
}

/// White, red, green and blue as x and y of CIE 1931.
pub type Primaries = [[f64; 2]; 4];

/// White and primaries of sRGB.
pub const SRGB: Primaries = [[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];

/// White, primaries and curve of Adobe RGB (1998).
pub const ADOBE: Primaries = [[0.3127, 0.329], [0.64, 0.33], [0.21, 0.71], [0.15, 0.06]];
pub const ADOBE_GAMMA: f64 = 563.0 / 256.0;

/// A profile of samples that are light to the power of 1 / `gamma`, or have the curve of sRGB
/// without a gamma. None where that is sRGB, as near as files say it.
pub fn of_gamma(gamma: Option<f64>, primaries: Primaries, colour: Colour) -> Option<Vec<u8>> {
    let near = |a: &[f64; 2], b: &[f64; 2]| (0..2).all(|i| (a[i] - b[i]).abs() < 0.002);
    let usual = primaries.iter().zip(&SRGB).all(|(a, b)| near(a, b));
    let usual_curve = gamma.is_none_or(|g| (g - 2.2).abs() < 0.03);
    if usual_curve && (usual || colour == Colour::Grey) {
        return None;
    }
    let srgb = ColorProfile::new_srgb().red_trc?;
    let curve = match gamma {
        Some(g) => curve_from_gamma(g as f32),
        None => srgb,
    };
    let mut profile = of_curve(curve, colour);
    if colour == Colour::Rgb && !usual {
        // Primaries on one line have no matrix.
        let [_, r, g, b] = primaries;
        let area = (g[0] - r[0]) * (b[1] - r[1]) - (g[1] - r[1]) * (b[0] - r[0]);
        if area.abs() < 1e-3 {
            return None;
        }
        let [white, red, green, blue] =
            primaries.map(|[x, y]| Chromaticity::new(x as f32, y as f32));
        let primaries = ColorPrimaries { red, green, blue };
        profile.update_rgb_colorimetry(white.to_xyyb(), primaries);
        let all = [
            profile.red_colorant,
            profile.green_colorant,
            profile.blue_colorant,
        ];
        let sane = |v: f64| v.is_finite() && v.abs() < 8.0;
        if !all.iter().all(|c| sane(c.x) && sane(c.y) && sane(c.z)) {
            return None;
        }
    }
    let name = match gamma {
        Some(g) => format!("gamma {g:.2}"),
        None => "primaries of the file, curve of sRGB".into(),
    };
    written(profile, &name)
}

/// Colour space as numbers of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodePoints {
    pub primaries: u8,
    pub transfer: u8,
    pub matrix: u8,
    pub full_range: bool,
}

impl CodePoints {
    /// True for sRGB.
    pub fn is_srgb(self) -> bool {
        (self.primaries, self.transfer, self.matrix, self.full_range) == (1, 13, 0, true)
    }

    /// The profile of RGB samples in this space, or of grey ones of its curve; it holds the code
    /// points too. None if there is no such space, or the samples are no RGB of full range.
    pub fn profile(self, colour: Colour) -> Option<Vec<u8>> {
        if self.matrix != 0 || !self.full_range {
            return None;
        }
        let cicp = CicpProfile {
            color_primaries: CicpColorPrimaries::try_from(self.primaries).ok()?,
            transfer_characteristics: TransferCharacteristics::try_from(self.transfer).ok()?,
            matrix_coefficients: MatrixCoefficients::Identity,
            full_range: true,
        };
        let mut profile = ColorProfile::new_from_cicp(cicp);
        let curve = profile.red_trc.clone()?;
        if colour == Colour::Grey {
            profile = of_curve(curve, colour);
        }
        let Self {
            primaries,
            transfer,
            ..
        } = self;
        written(
            profile,
            &format!("H.273 primaries {primaries}, transfer {transfer}"),
        )
    }

    /// The code points that a profile holds.
    pub fn of_profile(icc: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_be_bytes(*icc.get(at..)?.first_chunk()?) as usize);
        let tags = number(128)?.min(100);
        let entry = (0..tags)
            .map(|i| 132 + 12 * i)
            .find(|&at| icc.get(at..at + 4) == Some(b"cicp"))?;
        let value = icc.get(number(entry + 4)?..)?.get(8..12)?;
        Some(CodePoints {
            primaries: value[0],
            transfer: value[1],
            matrix: value[2],
            full_range: value[3] == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_the_space_that_was_asked_for() {
        let (rgb, grey) = (Colour::Rgb, Colour::Grey);
        for colour in [rgb, grey] {
            let linear = of_gamma(Some(1.0), SRGB, colour).unwrap();
            assert!(fits(&linear, colour));
            let profile = ColorProfile::new_from_slice(&linear).unwrap();
            let curve = profile.gray_trc.or(profile.red_trc).unwrap();
            assert_eq!(curve, curve_from_gamma(1.0));
            // Its greys mean the same in the other form, and back.
            let other = if colour == rgb { grey } else { rgb };
            let across = converted(&linear, other).unwrap();
            assert!(fits(&across, other) && !fits(&across, colour));
            let back = converted(&across, colour).unwrap();
            let back = ColorProfile::new_from_slice(&back).unwrap();
            assert_eq!(back.gray_trc.or(back.red_trc).unwrap(), curve);
            assert_eq!(of_gamma(Some(2.2), SRGB, colour), None);
        }
        assert_eq!(converted(b"no profile", rgb), None);
    }

    #[test]
    fn profiles_of_srgb_are_known() {
        let curve = |curve: ToneReprCurve, colour| written(of_curve(curve, colour), "x").unwrap();
        let table = (0..1024u32).map(|i| {
            let sample = f64::from(i) / 1023.0;
            let light = match sample <= 0.04045 {
                true => sample / 12.92,
                false => ((sample + 0.055) / 1.055).powf(2.4),
            };
            (light * 65535.0).round() as u16
        });
        let table = ToneReprCurve::Lut(table.collect());
        let parametric = ColorProfile::new_srgb().red_trc.unwrap();
        for colour in [Colour::Rgb, Colour::Grey] {
            for known in [&table, &parametric] {
                let icc = curve(known.clone(), colour);
                assert!(is_srgb(&icc, colour), "{colour:?}");
                let other = match colour {
                    Colour::Rgb => Colour::Grey,
                    Colour::Grey => Colour::Rgb,
                };
                assert!(!is_srgb(&icc, other));
            }
            assert!(!is_srgb(&curve(curve_from_gamma(2.2), colour), colour));
        }
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        let adobe = of_gamma(Some(ADOBE_GAMMA), ADOBE, Colour::Rgb).unwrap();
        for other in [&wide[..], &adobe, b"no profile", b""] {
            assert!(!is_srgb(other, Colour::Rgb));
        }
        let usual = ColorProfile::new_srgb().encode().unwrap();
        assert!(is_srgb(&usual, Colour::Rgb));
    }

    #[test]
    fn primaries_are_kept() {
        let made = of_gamma(Some(ADOBE_GAMMA), ADOBE, Colour::Rgb).unwrap();
        let (made, known) = (
            ColorProfile::new_from_slice(&made).unwrap(),
            ColorProfile::new_adobe_rgb(),
        );
        for (a, b) in [
            (made.red_colorant, known.red_colorant),
            (made.green_colorant, known.green_colorant),
            (made.blue_colorant, known.blue_colorant),
        ] {
            assert!((a.x - b.x).abs() + (a.y - b.y).abs() + (a.z - b.z).abs() < 0.003);
        }
        assert_eq!(of_gamma(None, [[0.3, 0.3]; 4], Colour::Rgb), None);
    }

    #[test]
    fn code_points_are_held_and_found() {
        let pq = CodePoints {
            primaries: 9,
            transfer: 16,
            matrix: 0,
            full_range: true,
        };
        let icc = pq.profile(Colour::Rgb).unwrap();
        assert_eq!(CodePoints::of_profile(&icc), Some(pq));
        assert!(fits(&icc, Colour::Rgb));
        assert!(fits(&pq.profile(Colour::Grey).unwrap(), Colour::Grey));
        assert_eq!(
            CodePoints {
                primaries: 200,
                ..pq
            }
            .profile(Colour::Rgb),
            None
        );
        assert_eq!(CodePoints { transfer: 2, ..pq }.profile(Colour::Rgb), None);
        assert_eq!(
            CodePoints {
                full_range: false,
                ..pq
            }
            .profile(Colour::Rgb),
            None
        );
        assert_eq!(CodePoints::of_profile(b"short"), None);
    }
}
