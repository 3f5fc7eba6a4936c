//! The noise levels that a walk visits.

/// Curvature of the spacing: the exponent of Karras et al. (2022), equation 5.
const EXPONENT: f64 = 7.0;

/// `steps` noise levels from `highest` down to `lowest`, evenly spaced in sigma^(1/7): close
/// together near the end, where the detail of the picture is made. It is `highest` alone if that is
/// no higher than `lowest`, or for one step.
pub fn levels(highest: f64, lowest: f64, steps: usize) -> Vec<f64> {
    if steps <= 1 || highest <= lowest {
        return vec![highest];
    }
    let root = |sigma: f64| libm::pow(sigma, 1.0 / EXPONENT);
    let (first, last) = (root(highest), root(lowest));
    let inner = (1..steps).map(|i| {
        let u = i as f64 / (steps - 1) as f64;
        libm::pow(first + u * (last - first), EXPONENT)
    });
    [highest].into_iter().chain(inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_fall_from_end_to_end() {
        for steps in [2, 3, 12, 1000] {
            let all = levels(110.0, 1.5, steps);
            assert_eq!((all.len(), all[0]), (steps, 110.0));
            assert!(all.windows(2).all(|w| w[1] < w[0]));
            assert!((all[steps - 1] - 1.5).abs() < 1e-9);
        }
        assert_eq!(levels(110.0, 1.5, 1), [110.0]);
        assert_eq!(levels(1.2, 1.5, 20), [1.2]);
        // Half way in the seventh root.
        let root = (2f64.powi(7), 1.0, 1.5f64.powi(7));
        assert!((levels(root.0, root.1, 3)[1] - root.2).abs() < 1e-9);
    }
}
