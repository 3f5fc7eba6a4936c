//! Axes with round numbers.

/// Values to places on the drawing, and the values to mark.
pub struct Axis {
    pub from: f64,
    to: f64,
    places: (f64, f64),
    log: bool,
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From one value to another, with about `marks` marks.
    pub fn linear(from: f64, to: f64, places: (f64, f64), marks: f64) -> Self {
        let step = TickStep::new((to - from) / marks);
        // A border just beside a round number counts as on it.
        let first = (from / step.size - 1e-6).ceil() as i64;
        let last = (to / step.size + 0.01).floor() as i64;
        Axis {
            from,
            to,
            places,
            log: false,
            ticks: step.ticks(first, last),
        }
    }

    /// From the mark at or below one value to that at or above another.
    pub fn rounded(low: f64, high: f64, places: (f64, f64), marks: f64) -> Self {
        let step = TickStep::new((high - low) / marks);
        let first = (low / step.size).floor() as i64;
        let last = (high / step.size).ceil() as i64;
        Axis {
            from: first as f64 * step.size,
            to: last as f64 * step.size,
            places,
            log: false,
            ticks: step.ticks(first, last),
        }
    }

    /// Logarithmic, from one value to another.
    pub fn log(from: f64, to: f64, places: (f64, f64)) -> Self {
        // The longest list that leaves room for the numbers.
        let lists: [&[f64]; 3] = [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0]];
        let list = match (to / from).log10() {
            d if d < 1.6 => lists[0],
            d if d < 4.0 => lists[1],
            _ => lists[2],
        };
        let (low, high) = (from.log10().floor() as i32, to.log10().ceil() as i32);
        let ticks = (low..=high)
            .flat_map(|e| list.iter().map(move |m| m * 10f64.powi(e)))
            // A bitrate just short of a round number still has it at its end.
            .filter(|v| (from / 1.01..=to * 1.01).contains(v))
            .map(|v| (v, format!("{}", (v * 1e6).round() / 1e6)))
            .collect();
        Axis {
            from,
            to,
            places,
            log: true,
            ticks,
        }
    }

    /// Where a value is drawn.
    pub fn place(&self, value: f64) -> f64 {
        let part = match self.log {
            true => (value / self.from).ln() / (self.to / self.from).ln(),
            false => (value - self.from) / (self.to - self.from),
        };
        self.places.0 + part * (self.places.1 - self.places.0)
    }
}

/// Round distance from mark to mark.
struct TickStep {
    size: f64,
    decimals: usize,
}

impl TickStep {
    /// 1, 2 or 5 times a power of ten, the next one from `least`.
    fn new(least: f64) -> Self {
        let power = 10f64.powf(least.log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0];
        let factor = factors.into_iter().find(|m| m * power >= least * 0.999);
        let size = power * factor.unwrap_or(10.0);
        TickStep {
            size,
            decimals: (-size.log10().floor()).max(0.0) as usize,
        }
    }

    fn ticks(&self, first: i64, last: i64) -> Vec<(f64, String)> {
        let decimals = self.decimals;
        let name = |v: f64| format!("{v:.decimals$}").replace('-', "\u{2212}");
        (first..=last)
            .map(|i| i as f64 * self.size)
            .map(|v| (v, name(v)))
            .collect()
    }
}
