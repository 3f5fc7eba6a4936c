//! Register-blocked micro-kernel, written once for all instruction sets.

/// Defines `unsafe fn span(&mut Span)` from the vector operations of one instruction set.
///
/// A tile is some pixels by `CV` vectors of output channels, all in registers while taps and input
/// channels pass by. `most` gives the pixels of the largest tile that the register file holds, for
/// each `CV` in use. The loop over pixels is unrolled here and not by the compiler: past the
/// compiler's limits the accumulators would live in memory, three times slower.
macro_rules! micro_kernel {
    (ops: $ops:tt, most: { $($cv:literal => $most:literal),+ $(,)? }) => {
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile1 [0]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile2 [0 1]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile3 [0 1 2]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile4 [0 1 2 3]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile5 [0 1 2 3 4]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile6 [0 1 2 3 4 5]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile7 [0 1 2 3 4 5 6]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile8 [0 1 2 3 4 5 6 7]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile9 [0 1 2 3 4 5 6 7 8]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile10 [0 1 2 3 4 5 6 7 8 9]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile11 [0 1 2 3 4 5 6 7 8 9 10]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@tile $ops tile12 [0 1 2 3 4 5 6 7 8 9 10 11]);
        $crate::prior::cpu::kernel::micro::micro_kernel!(@span $ops { $($cv => $most),+ });
    };

    (
        @tile {
            features: $features:literal, lanes: $lanes:literal,
            load: $load:ident, store: $store:ident, splat: $splat:ident,
            fma: $fma:ident, add: $add:ident, relu_mul: $relu_mul:ident,
        }
        $name:ident [$($q:literal)+]
    ) => {
        /// Computes one tile. `x` and `out` point at its first pixel.
        ///
        /// # Safety
        /// The instructions are available, both pointers are valid for the tile's pixels, and the
        /// span holds `CV` vectors.
        #[target_feature(enable = $features)]
        unsafe fn $name<const CV: usize>(
            s: &$crate::prior::cpu::kernel::span::Span,
            x: *const f32,
            out: *mut f32,
        ) {
            use $crate::prior::cpu::kernel::span::Epilogue;
            let (step, ci) = (s.step, s.ci);
            // SAFETY: `Span::check` has shown that taps, weights, bias and scales hold what is read
            // here for every pixel of the span, and the caller that the tile's pixels are among
            // them.
            unsafe {
                let mut bias = [$splat(0.0); CV];
                for v in 0..CV {
                    bias[v] = $load(s.bias.as_ptr().add(v * $lanes));
                }
                let mut acc = [$({ let _ = $q; bias }),+];
                let mut w = s.weights.as_ptr();
                for &tap in s.taps {
                    let x = x.add(tap);
                    for i in 0..ci {
                        let mut wv = [$splat(0.0); CV];
                        for v in 0..CV {
                            wv[v] = $load(w.wrapping_add(v * $lanes));
                        }
                        w = w.wrapping_add(CV * $lanes);
                        let x = x.wrapping_add(i);
                        $({
                            let xq = $splat(*x.wrapping_add(step.wrapping_mul($q)));
                            for v in 0..CV {
                                acc[$q][v] = $fma(xq, wv[v], acc[$q][v]);
                            }
                        })+
                    }
                }
                $({
                    let out = out.add($q * s.out_step);
                    for v in 0..CV {
                        let o = out.add(v * $lanes);
                        let value = match s.epilogue {
                            Epilogue::Store => acc[$q][v],
                            Epilogue::ReluScale(scale) => {
                                $relu_mul(acc[$q][v], $load(scale.as_ptr().add(v * $lanes)))
                            }
                            Epilogue::Add => $add($load(o), acc[$q][v]),
                        };
                        $store(o, value);
                    }
                })+
            }
        }
    };

    (@span { features: $features:literal, lanes: $lanes:literal, $($rest:tt)* } { $($cv:literal => $most:literal),+ }) => {
        /// Computes a span in tiles of near-equal width, as a short last tile would waste the
        /// registers.
        ///
        /// # Safety
        /// The instructions are available and `Span::check` has passed.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn span(s: &mut $crate::prior::cpu::kernel::span::Span) {
            // SAFETY: as the caller promises; the number of vectors is the one that is passed on.
            unsafe {
                match s.bias.len() / $lanes {
                    $($cv => tiles::<$cv, $most>(s),)+
                    cv => unreachable!("no tile of {cv} vectors"),
                }
            }
        }

        /// # Safety
        /// As for `span`, with panels of `CV` vectors.
        #[target_feature(enable = $features)]
        unsafe fn tiles<const CV: usize, const MOST: usize>(s: &mut $crate::prior::cpu::kernel::span::Span) {
            let n = s.pixels.div_ceil(MOST);
            let out = s.out.as_mut_ptr();
            for i in 0..n {
                let (from, to) = (s.pixels * i / n, s.pixels * (i + 1) / n);
                // SAFETY: pixels from..to are pixels of the span.
                unsafe {
                    let (x, o) = (s.x.as_ptr().add(from * s.step), out.add(from * s.out_step));
                    match to - from {
                        1 => tile1::<CV>(s, x, o),
                        2 => tile2::<CV>(s, x, o),
                        3 => tile3::<CV>(s, x, o),
                        4 => tile4::<CV>(s, x, o),
                        5 => tile5::<CV>(s, x, o),
                        6 if MOST >= 6 => tile6::<CV>(s, x, o),
                        7 if MOST >= 7 => tile7::<CV>(s, x, o),
                        8 if MOST >= 8 => tile8::<CV>(s, x, o),
                        9 if MOST >= 9 => tile9::<CV>(s, x, o),
                        10 if MOST >= 10 => tile10::<CV>(s, x, o),
                        11 if MOST >= 11 => tile11::<CV>(s, x, o),
                        12 if MOST >= 12 => tile12::<CV>(s, x, o),
                        n => unreachable!("no tile of {n} pixels"),
                    }
                }
            }
        }
    };
}

pub(super) use micro_kernel;
