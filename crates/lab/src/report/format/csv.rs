//! The report as a table of one value a row, for spreadsheets and data frames.

use crate::report::{
    Report,
    section::{COLUMNS, Record, Section},
};

impl Report {
    /// One row for each figure of each section; what does not apply, or is undefined, is empty. The column `section` tells
    /// what a row belongs to.
    ///
    /// # Errors
    /// When the rows cannot be put together, which would be a defect.
    pub fn to_csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        for section in self.sections() {
            for record in section.records {
                writer.write_record(record.fields())?;
            }
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Section {
    /// Puts the section's name into its rows, and makes a row of each sentence where there are no figures.
    pub(in crate::report) fn record_texts(&mut self) {
        let facts = self.facts.iter().map(|(name, text)| Record {
            metric: (*name).to_owned(),
            text: text.clone(),
            ..Record::default()
        });
        let sentences = self.sentences.iter().map(|sentence| Record {
            text: sentence.clone(),
            ..Record::default()
        });
        let texts: Vec<Record> = facts.chain(sentences).collect();
        self.records.extend(texts);
        for record in &mut self.records {
            record.section = self.id;
        }
    }
}
