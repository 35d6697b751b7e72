//! The report as a table of one value a row, for spreadsheets and data frames.

use layerlab_eval::{Comparison, PairedTest};

use super::{Report, ScoringReport};

const SCORES: [&str; 9] = [
    "method",
    "role",
    "source",
    "layer",
    "value",
    "low",
    "high",
    "rank",
    "probability_lowest",
];

const METRICS: [&str; 19] = [
    "method",
    "schedule",
    "removed",
    "dataset",
    "metric",
    "value",
    "low",
    "high",
    "retained",
    "retained_low",
    "retained_high",
    "difference",
    "difference_low",
    "difference_high",
    "test",
    "p",
    "p_adjusted",
    "significant",
    "rough",
];

impl Report {
    /// Undefined values are empty. A report that asked models anything has one row for each plan, dataset
    /// and metric; one that only scored has one row for each method and layer.
    ///
    /// # Errors
    /// When the rows cannot be put together, which would be a defect.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        match &self.scoring {
            Some(scoring) if self.evaluation.is_empty() => scoring.to_csv(),
            _ => self.metrics_csv(),
        }
    }

    fn metrics_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(METRICS)?;
        for row in self.rows() {
            let schedule = row
                .plan
                .map_or(String::new(), |plan| plan.schedule.to_string());
            let method = row.plan.map_or(row.label.as_str(), |plan| &plan.method);
            for task in row.tasks {
                for result in &task.metrics {
                    let compared = row.comparison(&task.dataset, result.metric);
                    let of =
                        |value: fn(&Comparison) -> Option<f64>| number(compared.and_then(value));
                    let found = compared.and_then(|compared| compared.significance);
                    let test = found.map_or("", |found| match found.test {
                        PairedTest::McNemar => "mcnemar",
                        PairedTest::Permutation => "permutation",
                    });
                    let significant = found.map(|found| found.significant.to_string());
                    writer.write_record([
                        method,
                        &schedule,
                        &row.removed(),
                        &task.dataset,
                        result.metric.label(),
                        &number(result.value),
                        &number(result.low),
                        &number(result.high),
                        &of(|compared| compared.retained),
                        &of(|compared| compared.retained_low),
                        &of(|compared| compared.retained_high),
                        &of(|compared| compared.difference),
                        &of(|compared| compared.difference_low),
                        &of(|compared| compared.difference_high),
                        test,
                        &number(found.map(|found| found.p)),
                        &number(found.map(|found| found.p_adjusted)),
                        &significant.unwrap_or_default(),
                        &result.rough.to_string(),
                    ])?;
                }
            }
        }
        text(writer)
    }
}

impl ScoringReport {
    fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(SCORES)?;
        for method in &self.scores.methods {
            let role = format!("{:?}", method.role).to_lowercase();
            for layer in &method.layers {
                writer.write_record([
                    &method.id,
                    &role,
                    &method.source,
                    &layer.layer.to_string(),
                    &number(layer.value),
                    &number(layer.low),
                    &number(layer.high),
                    &layer.rank.map_or(String::new(), |rank| rank.to_string()),
                    &number(layer.probability_lowest),
                ])?;
            }
        }
        text(writer)
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn text(writer: csv::Writer<Vec<u8>>) -> Result<String, csv::Error> {
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
