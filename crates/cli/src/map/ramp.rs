//! A ramp of colours that are evenly apart to the eye and grow steadily lighter, so that
//! colour-blind readers and grey printers keep the order: dark violet, blue, teal, green, yellow.

/// Lightness and the axes a (green to red) and b (blue to yellow) of OKLab (Ottosson 2020), some
/// 0.21 apart.
const POINTS: [[f64; 3]; 5] = [
    [0.20, 0.045, -0.078],
    [0.40, 0.017, -0.124],
    [0.58, -0.078, -0.054],
    [0.76, -0.132, 0.070],
    [0.94, -0.050, 0.163],
];

/// sRGB of a share, which is clamped to 0..=1.
pub fn colour(share: f64) -> [u8; 3] {
    let last = POINTS.len() - 1;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let i = (at as usize).min(last - 1);
    let t = at - i as f64;
    let lab = [0, 1, 2].map(|k| POINTS[i][k] + t * (POINTS[i + 1][k] - POINTS[i][k]));
    linear(lab).map(|v| (255.0 * companded(v) + 0.5) as u8)
}

/// Linear sRGB of an OKLab colour.
fn linear([l, a, b]: [f64; 3]) -> [f64; 3] {
    let [l, m, s] = [
        l + 0.396_337_777_4 * a + 0.215_803_757_3 * b,
        l - 0.105_561_345_8 * a - 0.063_854_172_8 * b,
        l - 0.089_484_177_5 * a - 1.291_485_548_0 * b,
    ]
    .map(|v| v * v * v);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// The transfer function of IEC 61966-2-1.
fn companded(v: f64) -> f64 {
    if v <= 0.003_130_8 {
        12.92 * v
    } else {
        1.055 * v.powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OKLab of a linear colour.
    fn oklab([r, g, b]: [f64; 3]) -> [f64; 3] {
        let [l, m, s] = [
            0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b,
            0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b,
            0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b,
        ]
        .map(f64::cbrt);
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    fn expanded(c: [u8; 3]) -> [f64; 3] {
        c.map(|v| match f64::from(v) / 255.0 {
            v if v <= 0.040_45 => v / 12.92,
            v => ((v + 0.055) / 1.055).powf(2.4),
        })
    }

    fn labs() -> Vec<[f64; 3]> {
        (0..=64)
            .map(|i| oklab(expanded(colour(f64::from(i) / 64.0))))
            .collect()
    }

    #[test]
    fn steps_are_even_and_within_the_gamut() {
        let steps: Vec<f64> = labs()
            .windows(5)
            .step_by(4)
            .map(|w| {
                (0..3)
                    .map(|k| (w[4][k] - w[0][k]).powi(2))
                    .sum::<f64>()
                    .sqrt()
            })
            .collect();
        let mean = steps.iter().sum::<f64>() / steps.len() as f64;
        for step in &steps {
            assert!((step / mean - 1.0).abs() < 0.12, "{steps:?}");
        }
        for p in POINTS {
            assert!(linear(p).iter().all(|v| (0.0..=1.0).contains(v)), "{p:?}");
        }
    }

    /// As seen without the long, the middle or the short cones (Machado, Oliveira and Fernandes
    /// 2009, severity 1).
    #[test]
    fn lightness_grows_for_every_eye() {
        const EYES: [[[f64; 3]; 3]; 4] = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ];
        for eye in EYES {
            let lightness = |i: u32| {
                let c = expanded(colour(f64::from(i) / 32.0));
                let seen = eye.map(|row| (0..3).map(|k| row[k] * c[k]).sum::<f64>().max(0.0));
                oklab(seen)[0]
            };
            for i in 0..32 {
                let step = lightness(i + 1) - lightness(i);
                assert!(step > 0.008, "{eye:?}, {i}: {step}");
            }
        }
    }
}
