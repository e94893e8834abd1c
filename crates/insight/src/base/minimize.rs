//! L-BFGS (Nocedal & Wright 2006, algorithm 7.5) for four parameters.
//!
//! Own code rather than a library: the well-kept one (argmin) brings some thirty crates and a solver framework for what is
//! a page here, and this page must give the same bits on every run.

/// Steps remembered.
const MEMORY: usize = 6;
const ITERATIONS_MAX: usize = 300;
/// The largest component of the gradient at which the search ends.
const GRADIENT_MIN: f64 = 1e-8;
/// Armijo's share of the promised decrease, and the curvature kept in memory.
const DECREASE: f64 = 1e-4;

pub(super) struct Minimum<const N: usize> {
    pub(super) at: [f64; N],
    pub(super) value: f64,
    /// Whether the gradient vanished, or no step lowers the value any more.
    pub(super) converged: bool,
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// NaN if any part is.
fn longest_of<const N: usize>(direction: &[f64; N]) -> f64 {
    direction.iter().fold(0.0, |most, part| if part.abs() > most || part.is_nan() { part.abs() } else { most })
}

fn add<const N: usize>(a: &[f64; N], scale: f64, b: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|i| a[i] + scale * b[i])
}

/// Minimises `function`, which gives value and gradient, from `start`. A value that is not finite ends a step's attempt.
pub(super) fn minimize<const N: usize>(
    start: [f64; N],
    mut function: impl FnMut(&[f64; N]) -> (f64, [f64; N]),
) -> Minimum<N> {
    let mut at = start;
    let (mut value, mut gradient) = function(&at);
    let mut memory: Vec<([f64; N], [f64; N])> = Vec::new();
    for _ in 0..ITERATIONS_MAX {
        if gradient.iter().all(|part| part.abs() < GRADIENT_MIN) {
            return Minimum { at, value, converged: value.is_finite() };
        }
        let mut direction = descend(&memory, &gradient);
        let mut slope = dot(&direction, &gradient);
        if slope.is_nan() || slope >= 0.0 {
            memory.clear();
            direction = gradient.map(|part| -part);
            slope = -dot(&gradient, &gradient);
        }
        if !longest_of(&direction).is_finite() {
            return Minimum { at, value, converged: false };
        }
        // The parameters are logarithms: a step of two is a factor of seven, and far enough at once.
        let longest = longest_of(&direction);
        let mut step = if memory.is_empty() { 1.0_f64.min(0.5 / longest) } else { 1.0_f64.min(2.0 / longest) };
        let next = loop {
            let there = add(&at, step, &direction);
            let (new_value, new_gradient) = function(&there);
            if new_value.is_finite() && new_value <= value + DECREASE * step * slope {
                break Some((there, new_value, new_gradient));
            }
            step *= 0.5;
            if step * longest < 1e-12 {
                break None;
            }
        };
        let Some((there, new_value, new_gradient)) = next else {
            return Minimum { at, value, converged: value.is_finite() };
        };
        let (moved, turned) = (add(&there, -1.0, &at), add(&new_gradient, -1.0, &gradient));
        if dot(&moved, &turned) > 1e-14 {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push((moved, turned));
        }
        (at, value, gradient) = (there, new_value, new_gradient);
    }
    Minimum { at, value, converged: false }
}

fn descend<const N: usize>(memory: &[([f64; N], [f64; N])], gradient: &[f64; N]) -> [f64; N] {
    let mut q = *gradient;
    let mut alphas = Vec::with_capacity(MEMORY);
    for (moved, turned) in memory.iter().rev() {
        let alpha = dot(moved, &q) / dot(moved, turned);
        q = add(&q, -alpha, turned);
        alphas.push(alpha);
    }
    if let Some((moved, turned)) = memory.last() {
        let scale = dot(moved, turned) / dot(turned, turned);
        q = q.map(|part| part * scale);
    }
    for ((moved, turned), alpha) in memory.iter().zip(alphas.into_iter().rev()) {
        let beta = dot(turned, &q) / dot(moved, turned);
        q = add(&q, alpha - beta, moved);
    }
    q.map(|part| -part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rosenbrocks_valley_is_walked_to_its_end() {
        let found = minimize([-1.2, 1.0], |[x, y]| {
            let (a, b) = (1.0 - x, y - x * x);
            (a * a + 100.0 * b * b, [-2.0 * a - 400.0 * x * b, 200.0 * b])
        });
        assert!(found.converged && found.value < 1e-12);
        assert!(found.at.iter().all(|part| (part - 1.0).abs() < 1e-6), "{:?}", found.at);
    }

    #[test]
    fn a_function_without_values_ends_at_the_start() {
        let found = minimize([1.0, 2.0], |_| (f64::NAN, [f64::NAN; 2]));
        assert!(!found.converged);
        assert_eq!(found.at, [1.0, 2.0]);
    }
}
