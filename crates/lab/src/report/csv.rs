//! The report as a table of one value a row, for spreadsheets and data frames.

use super::Report;

const HEADER: [&str; 9] = [
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

impl Report {
    /// One row for each method and layer; undefined values are empty.
    ///
    /// # Errors
    /// When the rows cannot be put together, which would be a defect.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER)?;
        for method in &self.scores.methods {
            let role = format!("{:?}", method.role).to_lowercase();
            for layer in &method.layers {
                let number = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
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
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
