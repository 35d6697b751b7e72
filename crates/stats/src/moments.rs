//! Central moments that can be merged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Count, mean and sums of powers of deviations from the mean. Two sets merge into the moments of
/// their union (Chan et al. 1979; higher orders after Pébay, SAND2008-6212), so a large mean never
/// cancels a small variance, as it does in a plain sum of squares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moments {
    /// How many numbers.
    pub count: u64,
    /// Their mean; 0 for none.
    pub mean: f64,
    /// Sum of squared deviations.
    pub m2: f64,
    /// Sum of cubed deviations.
    pub m3: f64,
    /// Sum of fourth powers of deviations.
    pub m4: f64,
}

impl Moments {
    /// Moments of `values`, which are read twice.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (count, sum) = values
            .clone()
            .fold((0u64, 0.0), |(count, sum), value| (count + 1, sum + value));
        if count == 0 {
            return Self::default();
        }
        let mean = sum / count as f64;
        // What rounding of the mean left over.
        let rest = values.clone().map(|value| value - mean).sum::<f64>() / count as f64;
        let mean = mean + rest;
        let [mut m2, mut m3, mut m4] = [0.0; 3];
        for value in values {
            let deviation = value - mean;
            let square = deviation * deviation;
            m2 += square;
            m3 += square * deviation;
            m4 += square * square;
        }
        Self {
            count,
            mean,
            m2,
            m3,
            m4,
        }
    }

    /// The moments of both sets together.
    pub fn merge(&self, other: &Self) -> Self {
        if self.count == 0 {
            return *other;
        }
        if other.count == 0 {
            return *self;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let delta = other.mean - self.mean;
        let step = delta / n;
        let between = delta * step * a * b;
        Self {
            count: self.count + other.count,
            mean: self.mean + step * b,
            m2: self.m2 + other.m2 + between,
            m3: self.m3
                + other.m3
                + between * step * (a - b)
                + 3.0 * step * (a * other.m2 - b * self.m2),
            m4: self.m4
                + other.m4
                + between * step * step * (a * a - a * b + b * b)
                + 6.0 * step * step * (a * a * other.m2 + b * b * self.m2)
                + 4.0 * step * (a * other.m3 - b * self.m3),
        }
    }

    /// The moments of `times` copies of the set.
    pub fn repeat(&self, times: u32) -> Self {
        let factor = f64::from(times);
        Self {
            count: self.count * u64::from(times),
            mean: if times == 0 { 0.0 } else { self.mean },
            m2: self.m2 * factor,
            m3: self.m3 * factor,
            m4: self.m4 * factor,
        }
    }

    /// Population variance; 0 for none.
    pub fn variance(&self) -> f64 {
        self.per_element(self.m2)
    }

    /// Variance with one degree of freedom less; 0 for fewer than two.
    pub fn unbiased_variance(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            count => self.m2 / (count - 1) as f64,
        }
    }

    /// Root mean square; 0 for none.
    pub fn rms(&self) -> f64 {
        (self.mean * self.mean + self.variance()).sqrt()
    }

    /// Fourth central moment over the squared variance (3 for a normal distribution); none where
    /// all numbers are equal.
    pub fn kurtosis(&self) -> Option<f64> {
        let variance = self.variance();
        // Normalised first, so that tiny values do not underflow when squared.
        (variance > 0.0).then(|| self.per_element(self.m4 / variance) / variance)
    }

    fn per_element(&self, sum: f64) -> f64 {
        match self.count {
            0 => 0.0,
            count => sum / count as f64,
        }
    }
}
