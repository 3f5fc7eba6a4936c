//! The table of `--timing`.

use std::time::{Duration, Instant};

use dcodec::Timings;

/// The time of a command, from start to end, in parts.
pub struct Clock {
    start: Instant,
    lap: Instant,
    parts: Vec<(&'static str, Duration)>,
}

impl Clock {
    pub fn start() -> Self {
        let now = Instant::now();
        Clock {
            start: now,
            lap: now,
            parts: Vec::new(),
        }
    }

    /// Time since the start.
    pub fn total(&self) -> Duration {
        self.start.elapsed()
    }

    /// Books the time since the last lap on `part`.
    pub fn lap(&mut self, part: &'static str) {
        let now = Instant::now();
        self.parts.push((part, now - self.lap));
        self.lap = now;
    }

    /// Books the time since the last lap on the codec's own parts, the rest of it on `rest`.
    pub fn lap_codec(&mut self, t: &Timings, rest: &'static str) {
        let codec = [
            ("network", t.network),
            ("rotation", t.rotation),
            ("trellis", t.trellis),
            ("alpha", t.alpha),
            ("exact", t.exact),
        ];
        self.lap(rest);
        if let Some(last) = self.parts.last_mut() {
            let known = codec.iter().map(|c| c.1).sum();
            last.1 = last.1.saturating_sub(known);
        }
        let at = self.parts.len() - 1;
        self.parts.splice(at..at, codec);
    }

    /// A line for each part: milliseconds, and the share of the total.
    pub fn table(&self, t: &Timings) -> String {
        let total = self.total().as_secs_f64();
        let mut table = String::new();
        let mut row = |part: &str, time: f64, note: &str| {
            let share = 100.0 * time / total;
            let line = format!("{part:<9} {:>10.1} ms {share:>6.1} %{note}", 1e3 * time);
            table += &format!("{line}\n");
        };
        for (part, time) in &self.parts {
            let note = match (*part, t.gflops()) {
                ("network", Some(gflops)) => {
                    format!("  {} calls, {gflops:.1} GFLOP/s", t.calls)
                }
                ("network", None) => format!("  {} calls", t.calls),
                _ => String::new(),
            };
            if *time > Duration::ZERO {
                row(part, time.as_secs_f64(), &note);
            }
        }
        row("total", total, "");
        table.trim_end().to_owned()
    }
}
