//! Intervals of a proportion (Wilson 1927).

/// Wilson's score interval of a share found among `items`.
pub fn wilson(share: f64, items: usize, confidence: f64) -> (f64, f64) {
    let n = items as f64;
    let z = normal_quantile(0.5 + confidence / 2.0);
    let squared = z * z / n;
    let middle = share + squared / 2.0;
    let reach = z * (share * (1.0 - share) / n + squared / (4.0 * n)).sqrt();
    let scale = 1.0 + squared;
    (
        ((middle - reach) / scale).max(0.0),
        ((middle + reach) / scale).min(1.0),
    )
}

/// The value below which a standard normal variable lies with this probability, by bisection.
fn normal_quantile(probability: f64) -> f64 {
    let below = |x: f64| libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0;
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        match below(middle) < probability {
            true => low = middle,
            false => high = middle,
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (probability, quantile) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.995, 2.575_829_304)]
        {
            assert!((normal_quantile(probability) - quantile).abs() < 1e-8);
        }
    }

    /// Newcombe (1998), table I, prints these.
    #[test]
    fn intervals_are_those_of_the_literature() {
        for (right, items, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let share = f64::from(right) / f64::from(items);
            let found = wilson(share, usize::try_from(items).unwrap(), 0.95);
            assert!((found.0 - low).abs() < 5e-5, "{found:?}");
            assert!((found.1 - high).abs() < 5e-5, "{found:?}");
        }
    }
}
