//! The permutation of the rotation (clause 10.2). In long arrays it moves whole lines of values, as
//! memory does.

/// Values of a line of a long array: the number that a cache line holds.
pub const LINE: usize = 16;

/// The least number of values of a long array. A shorter one lies in a cache, and is spread better
/// value by value.
const LONG: usize = 1 << 20;

/// The lines of an array of values, and the order in which they are taken.
///
/// Line j is taken from place j * stride mod count. The values after the last whole line stay.
#[derive(Debug, Clone, Copy)]
pub struct Permutation {
    width: usize,
    count: usize,
    stride: usize,
    inverse: usize,
}

impl Permutation {
    /// The permutation of `len` values, at least one.
    pub fn new(len: usize) -> Self {
        let width = if len < LONG { 1 } else { LINE };
        let count = len / width;
        // 0.6180339887 count: the golden section spreads successive lines evenly.
        let stride = ((count as u128 * 0x9E37_79B9_7F4A_7C15) >> 64) as usize;
        let mut stride = stride.max(1);
        let inverse = loop {
            match inverse_mod(stride, count) {
                Some(inverse) => break inverse,
                None => stride += 1,
            }
        };
        Permutation {
            width,
            count,
            stride,
            inverse,
        }
    }

    /// Values of a line: 1 or [`LINE`].
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of lines.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The inverse of the stride: the line of place i goes to position i * inverse mod count.
    pub fn inverse(&self) -> usize {
        self.inverse
    }

    /// The position that the line of a place goes to.
    pub fn position_of(&self, place: usize) -> usize {
        mul_mod(place, self.inverse, self.count)
    }

    /// The places of line `first` and of the lines after it, without an end.
    pub fn places(&self, first: usize) -> impl Iterator<Item = usize> + use<> {
        let Permutation { count, stride, .. } = *self;
        let first = mul_mod(first, stride, count);
        std::iter::successors(Some(first), move |&at| Some(add_mod(at, stride, count)))
    }

    /// The place of the value at a position.
    pub fn place_of_value(&self, position: usize) -> usize {
        let (line, within) = (position / self.width, position % self.width);
        if line < self.count {
            self.width * mul_mod(line, self.stride, self.count) + within
        } else {
            position
        }
    }
}

/// a b mod n.
fn mul_mod(a: usize, b: usize, n: usize) -> usize {
    (a as u128 * b as u128 % n as u128) as usize
}

/// a + b mod n, of numbers below n.
pub(crate) fn add_mod(a: usize, b: usize, n: usize) -> usize {
    let sum = a + b;
    if sum >= n { sum - n } else { sum }
}

/// The inverse of `a` modulo `n` (both at least one), below `n`; none if they share a factor.
fn inverse_mod(a: usize, n: usize) -> Option<usize> {
    let (mut r0, mut r1, mut t0, mut t1) = (n as i128, (a % n) as i128, 0i128, 1i128);
    if n == 1 {
        return Some(0);
    }
    while r1 != 0 {
        let q = r0 / r1;
        (r0, r1) = (r1, r0 - q * r1);
        (t0, t1) = (t1, t0 - q * t1);
    }
    (r0 == 1).then(|| t0.rem_euclid(n as i128) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of clause 10.2.
    #[test]
    fn strides_are_those_of_the_specification() {
        for (len, numbers) in [
            (768, [1, 768, 475, 595]),
            (816, [1, 816, 505, 265]),
            (71_253, [1, 71_253, 44_036, 59_912]),
            (1_179_648, [16, 73_728, 45_569, 11_777]),
            (1_512_297, [16, 94_518, 58_415, 71_579]),
        ] {
            let permutation = Permutation::new(len);
            let of = [
                permutation.width,
                permutation.count,
                permutation.stride,
                permutation.inverse,
            ];
            assert_eq!(of, numbers, "{len}");
        }
    }

    #[test]
    fn every_line_has_a_place_and_the_rest_stays() {
        for len in [1, 2, 15, 16, 1000, LONG - 1, LONG, LONG + 13] {
            let permutation = Permutation::new(len);
            let width = permutation.width;
            assert_eq!(width, if len < LONG { 1 } else { LINE });
            let mut seen = vec![false; len];
            for position in 0..len {
                let place = permutation.place_of_value(position);
                assert!(!std::mem::replace(&mut seen[place], true), "{len}");
                assert_eq!(place % width, position % width);
                if position >= permutation.count * width {
                    assert_eq!(place, position);
                } else {
                    assert_eq!(permutation.position_of(place / width), position / width);
                    assert_eq!(
                        permutation.places(position / width).next(),
                        Some(place / width)
                    );
                }
            }
        }
    }
}
