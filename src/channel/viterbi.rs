//! The add-compare-select of the Viterbi search (Viterbi 1967), and the way back along the best
//! path.

use rayon::prelude::*;

use crate::channel::code::{Code, RESTART};
use crate::channel::dispatch::dispatch;
use crate::channel::fwht::fwht_i16;

/// Stages whose correlations several threads find together.
const TOGETHER: usize = 16;

/// The buffers of a Viterbi search over one stretch of at most [`RESTART`] stages.
pub struct Viterbi {
    code: Code,
    metric: Vec<i16>,
    next: Vec<i16>,
    /// Correlations of all codewords with the values of a stage, stage after stage.
    correlations: Vec<i16>,
    /// Correlations of the stages after these.
    coming: Vec<i16>,
    /// The best predecessor of every state of every stage, four bits each.
    decisions: Vec<u8>,
}

impl Viterbi {
    /// Buffers for searches by `code`.
    pub fn new(code: Code) -> Self {
        let n = code.states();
        Viterbi {
            code,
            metric: vec![0; n],
            next: vec![0; n],
            correlations: Vec::new(),
            coming: Vec::new(),
            decisions: vec![0; RESTART * n / 2],
        }
    }

    /// Bytes of the buffers.
    pub fn bytes(code: Code) -> usize {
        code.states() * (RESTART / 2 + (3 + 2 * TOGETHER) * size_of::<i16>())
    }

    /// The best inputs for the stages `first..last`, from state 0. `gather(t, out)` adds the values
    /// of stage t to `out` at the [`place`](crate::channel::fwht::place) of their positions in the
    /// codewords. Other threads help if `shared`.
    pub fn run(
        &mut self,
        first: usize,
        last: usize,
        shared: bool,
        gather: impl Fn(usize, &mut [i16]) + Sync,
    ) -> Vec<u8> {
        let n = self.code.states();
        let correlate = |scratch: &mut Vec<i16>, (t, out): (usize, &mut [i16])| {
            out.fill(0);
            gather(t, out);
            fwht_i16(out, scratch);
        };
        self.metric.fill(i16::MIN);
        self.metric[0] = 0;
        if shared {
            // One thread selects while others prepare the next stages, which need nothing that it
            // finds.
            let together = |first: usize, out: &mut [i16]| {
                let stages = (first..last)
                    .into_par_iter()
                    .zip(out.par_chunks_exact_mut(n));
                stages.for_each_init(|| vec![0; n], correlate);
            };
            let [mut now, mut coming] =
                [&mut self.correlations, &mut self.coming].map(std::mem::take);
            now.resize(TOGETHER * n, 0);
            coming.resize(TOGETHER * n, 0);
            together(first, &mut now);
            for from in (first..last).step_by(TOGETHER) {
                let to = (from + TOGETHER).min(last);
                let select = || {
                    for (t, correlation) in (from..to).zip(now.chunks_exact(n)) {
                        self.step(first, t, correlation);
                    }
                };
                rayon::join(select, || together(to, &mut coming));
                std::mem::swap(&mut now, &mut coming);
            }
            (self.correlations, self.coming) = (now, coming);
        } else {
            let mut correlation = std::mem::take(&mut self.correlations);
            correlation.resize(n, 0);
            let mut scratch = vec![0; n];
            for t in first..last {
                correlate(&mut scratch, (t, &mut correlation));
                self.step(first, t, &correlation);
            }
            self.correlations = correlation;
        }
        self.trace(last - first)
    }

    /// Extends all paths, which started at stage `first`, by stage `t`.
    fn step(&mut self, first: usize, t: usize, correlation: &[i16]) {
        let half = self.code.states() / 2;
        let stage = Stage {
            code: self.code,
            t: t as u32,
            metric: &self.metric,
            correlation,
        };
        let decisions = &mut self.decisions[(t - first) * half..][..half];
        let best = select(&stage, &mut self.next, decisions);
        normalise(&mut self.next, best);
        std::mem::swap(&mut self.metric, &mut self.next);
    }

    /// The inputs of the best path through `stages` stages.
    fn trace(&self, stages: usize) -> Vec<u8> {
        let half = self.code.states() / 2;
        let mut state = (0..self.metric.len())
            .rev()
            .max_by_key(|&s| self.metric[s])
            .unwrap_or(0);
        let mut inputs = vec![0; stages];
        for (t, input) in inputs.iter_mut().enumerate().rev() {
            *input = (state & 15) as u8;
            let pair = self.decisions[t * half + state / 2];
            let j = usize::from(pair >> (4 * (state & 1)) & 15);
            state = j << (self.code.nu() - 4) | state >> 4;
        }
        inputs
    }
}

/// The input of one selection.
struct Stage<'a> {
    code: Code,
    t: u32,
    metric: &'a [i16],
    correlation: &'a [i16],
}

dispatch! {
    /// Subtracts the best metric from all.
    fn normalise(metric: &mut [i16], best: i16) = normalise_body
}

#[inline(always)]
fn normalise_body(metric: &mut [i16], best: i16) {
    for v in metric {
        *v = v.saturating_sub(best);
    }
}

dispatch! {
    /// A'[s'] = max_j A[s_j] + X[16 block(s_j) + u] for all s' = (s_j << 4 | u) mod 2^nu. Ties go
    /// to the lowest j. Returns the largest A'.
    fn select(stage: &Stage, next: &mut [i16], decisions: &mut [u8]) -> i16 = select_body
}

#[inline(always)]
fn select_body(stage: &Stage, next: &mut [i16], decisions: &mut [u8]) -> i16 {
    let Stage {
        code,
        t,
        metric,
        correlation,
    } = *stage;
    // Several groups of sixteen states side by side: whole vectors, and more than one.
    const GROUPS: usize = 4;
    const LANES: usize = 16 * GROUPS;
    let groups = code.states() / 16;
    let (correlation, _) = correlation.as_chunks::<16>();
    let mut top = [i16::MIN; LANES];
    let (next, _) = next.as_chunks_mut::<LANES>();
    let (decisions, _) = decisions.as_chunks_mut::<{ LANES / 2 }>();
    for (block, (next, decisions)) in next.iter_mut().zip(decisions).enumerate() {
        let mut best = [i16::MIN; LANES];
        let mut from = [0i16; LANES];
        for j in 0..16 {
            let state = j * groups + GROUPS * block;
            let (mut x, mut a) = ([0; LANES], [0; LANES]);
            for (i, (x, a)) in x
                .chunks_exact_mut(16)
                .zip(a.chunks_exact_mut(16))
                .enumerate()
            {
                x.copy_from_slice(&correlation[code.block((state + i) as u32, t) as usize]);
                a.fill(metric[state + i]);
            }
            for l in 0..LANES {
                let sum = a[l].saturating_add(x[l]);
                from[l] = if sum > best[l] { j as i16 } else { from[l] };
                best[l] = best[l].max(sum);
            }
        }
        for l in 0..LANES {
            top[l] = top[l].max(best[l]);
        }
        for l in 0..LANES / 2 {
            decisions[l] = (from[2 * l] | from[2 * l + 1] << 4) as u8;
        }
        *next = best;
    }
    top.into_iter().fold(i16::MIN, i16::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Trellis;

    #[test]
    fn every_instruction_set_selects_the_same() {
        let code = Code::new(Trellis::Nu12);
        let n = code.states();
        let hash = |i: usize| (i as u32).wrapping_mul(2654435761) >> 16;
        let metric: Vec<i16> = (0..n).map(|i| -((hash(i) % 4000) as i16)).collect();
        let correlation: Vec<i16> = (0..n).map(|i| (hash(i + n) % 3000) as i16 - 1500).collect();
        let stage = Stage {
            code,
            t: 77,
            metric: &metric,
            correlation: &correlation,
        };
        let (mut a, mut b) = (vec![0; n], vec![0; n]);
        let (mut da, mut db) = (vec![0; n / 2], vec![0; n / 2]);
        assert_eq!(
            select(&stage, &mut a, &mut da),
            select_body(&stage, &mut b, &mut db)
        );
        assert_eq!((a, da), (b, db));
    }
}
