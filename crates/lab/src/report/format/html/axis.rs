//! From values to places on a chart.

/// A linear or logarithmic scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

impl Axis {
    /// Maps the values' range onto `start..end` in pixels. None where no value is finite.
    pub fn linear(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Option<Self> {
        Self::of(values, start, end, false)
    }

    /// The same by the logarithm; values that are not positive are left out.
    pub fn logarithmic(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Option<Self> {
        Self::of(values.filter(|value| *value > 0.0), start, end, true)
    }

    fn of(
        values: impl Iterator<Item = f64>,
        start: f64,
        end: f64,
        logarithmic: bool,
    ) -> Option<Self> {
        let scaled = |value: f64| if logarithmic { value.ln() } else { value };
        let finite = values.filter(|value| value.is_finite()).map(scaled);
        let (mut low, mut high) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return None;
        }
        // A single value has no range; give it one to stand in.
        if high - low < 1e-12 * high.abs().max(1e-12) {
            (low, high) = (low - 0.5, high + 0.5);
        }
        Some(Self {
            low,
            high,
            start,
            end,
            logarithmic,
        })
    }

    /// Where a value stands, to a tenth of a pixel; what lies outside is drawn at the edge.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.ln() } else { value };
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        ((self.start + share * (self.end - self.start)) * 10.0).round() / 10.0
    }

    /// The ends of the range, and on a linear axis the middle.
    pub fn ticks(&self) -> Vec<f64> {
        let middle = (self.low + self.high) / 2.0;
        let ticks = [self.low, middle, self.high];
        let shown = |tick: f64| if self.logarithmic { tick.exp() } else { tick };
        ticks.map(shown).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle_are_where_they_should_be() {
        let axis = Axis::linear([2.0, 4.0, 3.0].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(
            [2.0, 3.0, 4.0, 9.0].map(|value| axis.at(value)),
            [0.0, 50.0, 100.0, 100.0]
        );
        let axis = Axis::logarithmic([1.0, 100.0, 0.0].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(axis.at(10.0), 50.0);
        assert!(Axis::linear([f64::NAN].into_iter(), 0.0, 1.0).is_none());
        let alone = Axis::linear([5.0].into_iter(), 0.0, 100.0).unwrap();
        assert_eq!(alone.at(5.0), 50.0);
    }
}
