//! Bjontegaard's average rate difference between two rate-distortion curves.

/// A monotone piecewise cubic through points with rising abscissas: PCHIP of Fritsch and Butland
/// (1984).
#[derive(Debug)]
pub struct Pchip {
    points: Vec<(f64, f64)>,
    slopes: Vec<f64>,
}

impl Pchip {
    /// None for fewer than two points, or if the abscissas do not rise.
    pub fn new(points: Vec<(f64, f64)>) -> Option<Self> {
        if points.len() < 2 || !points.windows(2).all(|w| w[0].0 < w[1].0) {
            return None;
        }
        let widths: Vec<f64> = points.windows(2).map(|w| w[1].0 - w[0].0).collect();
        let rises: Vec<f64> = points
            .windows(2)
            .map(|w| (w[1].1 - w[0].1) / (w[1].0 - w[0].0))
            .collect();
        let n = rises.len();
        let mut slopes = vec![rises[0]; n + 1];
        if n > 1 {
            for i in 1..n {
                let (a, b) = (rises[i - 1], rises[i]);
                let (wa, wb) = (
                    2.0 * widths[i] + widths[i - 1],
                    widths[i] + 2.0 * widths[i - 1],
                );
                slopes[i] = if a * b > 0.0 {
                    (wa + wb) / (wa / a + wb / b)
                } else {
                    0.0
                };
            }
            slopes[0] = end_slope(widths[0], widths[1], rises[0], rises[1]);
            slopes[n] = end_slope(widths[n - 1], widths[n - 2], rises[n - 1], rises[n - 2]);
        }
        Some(Pchip { points, slopes })
    }

    /// The value at `x`; the end pieces are continued outside.
    pub fn at(&self, x: f64) -> f64 {
        let i = self.points[1..self.points.len() - 1].partition_point(|p| p.0 <= x);
        let ((x0, y0), (x1, y1)) = (self.points[i], self.points[i + 1]);
        let h = x1 - x0;
        let t = (x - x0) / h;
        let (s, d0, d1) = (1.0 - t, h * self.slopes[i], h * self.slopes[i + 1]);
        y0 * s * s * (1.0 + 2.0 * t) + y1 * t * t * (3.0 - 2.0 * t) + d0 * t * s * s
            - d1 * t * t * s
    }

    /// The integral from `from` to `to`; Simpson's rule is exact on each cubic.
    fn integral(&self, from: f64, to: f64) -> f64 {
        let inner = self.points.iter().map(|p| p.0);
        let mut edges: Vec<f64> = inner.filter(|x| (from..to).contains(x)).collect();
        edges.insert(0, from);
        edges.push(to);
        let piece = |w: &[f64]| {
            let middle = self.at((w[0] + w[1]) / 2.0);
            (w[1] - w[0]) / 6.0 * (self.at(w[0]) + 4.0 * middle + self.at(w[1]))
        };
        edges.windows(2).map(piece).sum()
    }
}

/// The one-sided three-point slope at an end, limited so that the piece stays monotone.
fn end_slope(h0: f64, h1: f64, m0: f64, m1: f64) -> f64 {
    let slope = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1);
    if slope * m0 <= 0.0 {
        0.0
    } else if m0 * m1 <= 0.0 && slope.abs() > 3.0 * m0.abs() {
        3.0 * m0
    } else {
        slope
    }
}

/// An average rate difference and the qualities that it covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BdRate {
    /// Negative where the first curve needs fewer bits.
    pub percent: f64,
    pub from: f64,
    pub to: f64,
}

/// Rate difference of `ours` to `theirs`, both (rate, quality), averaged in log rate over the
/// qualities from `floor` up that both reach. None if there are none.
pub fn bd_rate(ours: &[(f64, f64)], theirs: &[(f64, f64)], floor: f64) -> Option<BdRate> {
    let [ours, theirs] = [ours, theirs].map(log_rate);
    let (ours, theirs) = (ours?, theirs?);
    let ends = |p: &Pchip| (p.points[0].0, p.points[p.points.len() - 1].0);
    let (a, b) = (ends(&ours), ends(&theirs));
    let (from, to) = (a.0.max(b.0).max(floor), a.1.min(b.1));
    if from >= to {
        return None;
    }
    let mean = (ours.integral(from, to) - theirs.integral(from, to)) / (to - from);
    Some(BdRate {
        percent: 100.0 * mean.exp_m1(),
        from,
        to,
    })
}

/// Log rate as a function of quality. A point no better than one of a lower rate is left out: it
/// has no place on a function.
fn log_rate(curve: &[(f64, f64)]) -> Option<Pchip> {
    let usable = |p: &&(f64, f64)| p.0 > 0.0 && p.0.is_finite() && p.1.is_finite();
    let mut sorted: Vec<(f64, f64)> = curve.iter().filter(usable).copied().collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (rate, quality) in sorted {
        if points.last().is_none_or(|p| quality > p.0) {
            points.push((quality, rate.ln()));
        }
    }
    Pchip::new(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURVE: [(f64, f64); 5] = [
        (0.1, 25.0),
        (0.2, 28.0),
        (0.5, 31.5),
        (1.0, 35.0),
        (2.0, 40.0),
    ];

    fn rate(a: &[(f64, f64)], b: &[(f64, f64)]) -> f64 {
        bd_rate(a, b, f64::NEG_INFINITY).unwrap().percent
    }

    #[test]
    fn known_differences() {
        assert!(rate(&CURVE, &CURVE).abs() < 1e-9);
        let shifted = CURVE.map(|(r, q)| (r * 0.8, q));
        assert!((rate(&shifted, &CURVE) + 20.0).abs() < 1e-9);
        assert!((rate(&CURVE, &shifted) - 25.0).abs() < 1e-9);
    }

    /// Straight lines in log rate, sampled at different places: the slopes of PCHIP are then exact,
    /// and so is the result.
    #[test]
    fn sampling_does_not_matter_on_a_line() {
        let line = |factor: f64, qualities: &[f64]| -> Vec<(f64, f64)> {
            qualities
                .iter()
                .map(|&q| (factor * (q / 7.0).exp(), q))
                .collect()
        };
        let (a, b) = (
            line(1.5, &[20.0, 27.0, 33.0]),
            line(1.0, &[22.0, 23.0, 30.0, 41.0]),
        );
        assert!((rate(&a, &b) - 50.0).abs() < 1e-9);
        let window = bd_rate(&a, &b, 25.0).unwrap();
        assert_eq!((window.from, window.to), (25.0, 33.0));
    }

    #[test]
    fn what_cannot_be_compared_is_none() {
        assert_eq!(bd_rate(&CURVE, &[(0.1, 50.0), (0.2, 60.0)], 0.0), None);
        assert_eq!(bd_rate(&CURVE, &CURVE[..1], 0.0), None);
        assert_eq!(bd_rate(&CURVE, &CURVE, 40.0), None);
        assert_eq!(bd_rate(&[], &CURVE, 0.0), None);
    }

    #[test]
    fn points_off_the_function_are_left_out() {
        let mut with = CURVE.to_vec();
        with.extend([(0.3, 27.0), (3.0, f64::INFINITY), (4.0, f64::NAN)]);
        assert!(rate(&with, &CURVE).abs() < 1e-9);
    }

    /// Against scipy.interpolate.PchipInterpolator.
    #[test]
    fn pchip_values() {
        let p = Pchip::new(vec![(0.0, 1.0), (1.0, 2.0), (3.0, 2.5), (4.0, 6.0)]).unwrap();
        for (x, y) in PCHIP {
            assert!((p.at(x) - y).abs() < 1e-12, "{x}: {} {y}", p.at(x));
        }
        assert!((p.integral(0.25, 3.75) - INTEGRAL).abs() < 1e-12);
    }

    const PCHIP: [(f64, f64); 5] = [
        (0.0, 1.0),
        (0.4, 1.4908571428571427),
        (1.7, 2.185389344262295),
        (3.3, 3.0431598360655734),
        (4.0, 6.0),
    ];
    const INTEGRAL: f64 = 8.306774416349532;
}
