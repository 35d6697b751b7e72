//! Sums over tokens, from which a linear map is fitted.

use faer::{
    Mat, MatRef, Side,
    linalg::solvers::{Llt, Solve},
};

use crate::HealError;

/// For the inputs n of a map and what is missing r at its outputs, over all tokens: nᵀn `[inputs, inputs]` and nᵀr
/// `[inputs, outputs]`, in float64. A bias is one more input, which is always 1. Those of several texts add up to those of all.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalEquations {
    inputs: usize,
    bias: bool,
    outputs: usize,
    gram: Vec<f64>,
    right: Vec<f64>,
}

impl NormalEquations {
    /// Of no tokens.
    pub fn new(inputs: usize, bias: bool, outputs: usize) -> Self {
        let size = inputs + usize::from(bias);
        Self {
            inputs,
            bias,
            outputs,
            gram: vec![0.0; size * size],
            right: vec![0.0; size * outputs],
        }
    }

    /// Adds the sums of more tokens, row after row, the bias last.
    ///
    /// # Panics
    /// Where they are of other shapes.
    pub fn add(&mut self, gram: &[f32], right: &[f32]) {
        assert_eq!(
            (gram.len(), right.len()),
            (self.gram.len(), self.right.len())
        );
        let add = |sums: &mut [f64], more: &[f32]| {
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum += f64::from(*more);
            }
        };
        add(&mut self.gram, gram);
        add(&mut self.right, right);
    }

    /// Inputs of the map, without the bias.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Whether all sums are numbers.
    pub fn is_finite(&self) -> bool {
        let mut sums = self.gram.iter().chain(&self.right);
        sums.all(|sum| sum.is_finite())
    }

    fn size(&self) -> usize {
        self.inputs + usize::from(self.bias)
    }

    /// Mean diagonal of nᵀn over the inputs, by which a ridge is measured.
    pub fn diagonal(&self) -> f64 {
        let diagonal = (0..self.inputs).map(|place| self.gram[place * (self.size() + 1)]);
        diagonal.sum::<f64>() / self.inputs.max(1) as f64
    }

    /// The change D `[inputs, outputs]` of the map, with that of the bias behind it, that minimises Σ‖nD − r‖² + `ridge` ‖D‖²; the bias is
    /// free (ridge regression on what is missing; after ReplaceMe, arXiv 2505.02819).
    ///
    /// # Errors
    /// When nᵀn with the ridge is not positive definite: the ridge is too small for so few tokens.
    pub fn solve(&self, ridge: f64) -> Result<Vec<f32>, HealError> {
        let (size, outputs) = (self.size(), self.outputs);
        let gram = MatRef::from_row_major_slice(&self.gram, size, size);
        let gram = Mat::from_fn(size, size, |row, column| {
            let is_ridged = row == column && row < self.inputs;
            gram[(row, column)] + if is_ridged { ridge } else { 0.0 }
        });
        let right = MatRef::from_row_major_slice(&self.right, size, outputs);
        let solved = Llt::new(gram.as_ref(), Side::Lower).map_err(|_| HealError::Singular)?;
        let change = solved.solve(right);
        let rows = (0..size).flat_map(|row| (0..outputs).map(move |column| (row, column)));
        let change: Vec<f32> = rows.map(|place| change[place] as f32).collect();
        match change.iter().all(|value| value.is_finite()) {
            true => Ok(change),
            false => Err(HealError::Singular),
        }
    }

    /// By how much a change lowers Σ‖r‖²: 2 tr Dᵀ(nᵀr) − tr Dᵀ(nᵀn)D.
    pub fn explained(&self, change: &[f32]) -> f64 {
        let (size, outputs) = (self.size(), self.outputs);
        let gram = MatRef::from_row_major_slice(&self.gram, size, size);
        let change = Mat::from_fn(size, outputs, |row, column| {
            f64::from(change[row * outputs + column])
        });
        let moved = gram * &change;
        let places = (0..size).flat_map(|row| (0..outputs).map(move |column| (row, column)));
        let terms = places.map(|(row, column)| {
            change[(row, column)]
                * (2.0 * self.right[row * outputs + column] - moved[(row, column)])
        });
        terms.sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Inputs and outputs of a map with a bias, some of it beyond any map.
    fn tokens() -> Vec<([f32; 3], [f32; 2])> {
        let wave = |place: usize, by: f64| ((place as f64 * by).sin() * 2.0) as f32;
        let token = |place| {
            let n = [wave(place, 0.7), wave(place, 1.3), wave(place, 2.9)];
            let r = [
                0.5 * n[0] - n[1] + 3.0 + 0.1 * wave(place, 5.1),
                2.0 * n[2] - 1.0 + 0.1 * wave(place, 4.3),
            ];
            (n, r)
        };
        (0..60).map(token).collect()
    }

    fn equations(tokens: &[([f32; 3], [f32; 2])]) -> NormalEquations {
        let mut equations = NormalEquations::new(3, true, 2);
        for (n, r) in tokens {
            let n = [n[0], n[1], n[2], 1.0];
            let gram: Vec<f32> = n.iter().flat_map(|a| n.map(|b| a * b)).collect();
            let right: Vec<f32> = n.iter().flat_map(|a| r.map(|b| a * b)).collect();
            equations.add(&gram, &right);
        }
        equations
    }

    fn error(tokens: &[([f32; 3], [f32; 2])], change: &[f32]) -> f64 {
        let of_token = |(n, r): &([f32; 3], [f32; 2])| {
            let n = [n[0], n[1], n[2], 1.0];
            let output = |column: usize| {
                let found: f32 = (0..4).map(|row| n[row] * change[row * 2 + column]).sum();
                f64::from(r[column] - found).powi(2)
            };
            output(0) + output(1)
        };
        tokens.iter().map(of_token).sum()
    }

    #[test]
    fn the_map_is_found_and_no_other_is_better() {
        let tokens = tokens();
        let equations = equations(&tokens);
        let change = equations.solve(0.0).unwrap();
        let expected = [0.5, 0.0, -1.0, 0.0, 0.0, 2.0, 3.0, -1.0];
        for (found, expected) in change.iter().zip(expected) {
            assert!((found - expected).abs() < 0.1, "{change:?}");
        }
        let least = error(&tokens, &change);
        for place in 0..change.len() {
            for by in [-0.01, 0.01] {
                let mut other = change.clone();
                other[place] += by;
                assert!(error(&tokens, &other) > least);
            }
        }
        let explained = error(&tokens, &[0.0; 8]) - least;
        assert!((equations.explained(&change) / explained - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_ridge_shrinks_the_map_and_leaves_the_bias() {
        let equations = equations(&tokens());
        let shrunk = equations.solve(1e9).unwrap();
        assert!(
            shrunk[..6].iter().all(|value| value.abs() < 1e-4),
            "{shrunk:?}"
        );
        assert!(
            shrunk[6..].iter().all(|value| value.abs() > 0.5),
            "{shrunk:?}"
        );
    }

    #[test]
    fn sums_of_parts_are_those_of_all() {
        let tokens = tokens();
        let (mut first, second) = (equations(&tokens[..20]), equations(&tokens[20..]));
        for (sum, more) in first.gram.iter_mut().zip(&second.gram) {
            *sum += more;
        }
        let all = equations(&tokens);
        let near = first.gram.iter().zip(&all.gram);
        assert!(near.into_iter().all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn what_has_no_solution_is_refused() {
        let nothing = NormalEquations::new(2, false, 1);
        assert!(matches!(nothing.solve(0.0), Err(HealError::Singular)));
        let mut broken = NormalEquations::new(1, false, 1);
        broken.add(&[f32::NAN], &[1.0]);
        assert!(!broken.is_finite());
        assert!(broken.solve(1.0).is_err());
    }
}
