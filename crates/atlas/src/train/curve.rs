//! The loss curve, as a table and as a picture.

use std::fmt::Write;

/// A step and its loss, a line each.
pub fn loss_csv(losses: &[f64]) -> String {
    let mut csv = String::from("step,loss\n");
    for (step, loss) in losses.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(csv, "{step},{loss:.5}");
    }
    csv
}

/// The curve, averaged so that it has at most 400 points.
pub fn loss_svg(losses: &[f64]) -> String {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 320.0;
    const MARGIN: f64 = 40.0;
    let together = losses.len().div_ceil(400).max(1);
    let means = losses
        .chunks(together)
        .map(|losses| losses.iter().sum::<f64>() / losses.len() as f64);
    let means: Vec<f64> = means.collect();
    let highest = means.iter().copied().fold(1.0, f64::max);
    let last = means.len().saturating_sub(1).max(1) as f64;
    let points = means.iter().enumerate().map(|(index, loss)| {
        let x = MARGIN + index as f64 / last * (WIDTH - 2.0 * MARGIN);
        let y = HEIGHT - MARGIN - loss / highest * (HEIGHT - 2.0 * MARGIN);
        format!("{x:.1},{y:.1}")
    });
    let points: Vec<String> = points.collect();
    let (bottom, right) = (HEIGHT - MARGIN, WIDTH - MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n\
         <path d=\"M{MARGIN} {MARGIN}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>\n\
         <text x=\"4\" y=\"{MARGIN}\">{highest:.2}</text>\n\
         <text x=\"4\" y=\"{bottom}\">0</text>\n\
         <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{} steps; nats per token</text>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#0b6e99\"/>\n</svg>\n",
        HEIGHT - MARGIN / 2.0,
        losses.len(),
        points.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_step_and_the_picture_few_points() {
        let losses: Vec<f64> = (0..5000).map(|step| 7.0 / f64::from(step + 1)).collect();
        assert_eq!(loss_csv(&losses).lines().count(), 5001);
        let svg = loss_svg(&losses);
        assert!(svg.matches(',').count() <= 400 && !svg.contains("NaN"));
        assert!(loss_svg(&[]).ends_with("</svg>\n"));
    }
}
