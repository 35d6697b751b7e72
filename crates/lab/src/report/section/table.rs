//! A table before it is drawn.

/// Rows of cells under a header.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct Table {
    /// Columns; the first ones name a row.
    pub header: Vec<Cell>,
    /// How many columns name a row, and stand again where a table is parted for want of room.
    pub keys: usize,
    /// How many columns, from the first on, a terminal shows when not asked for everything.
    pub brief: usize,
    /// Rows, as long as the header.
    pub rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::report) struct Cell {
    /// What it says.
    pub text: String,
    /// Whether it is significant, which a star shows.
    pub significant: bool,
    /// Intervals and the like, on lines of their own where there is room.
    pub details: Vec<String>,
    /// How dark it is drawn where there are colours, from 0 to 1.
    pub shade: Option<f64>,
}

impl Cell {
    /// The text with its star.
    pub fn starred(&self) -> String {
        let star = if self.significant { "*" } else { "" };
        format!("{}{star}", self.text)
    }

    /// Everything that it says, line by line.
    pub fn lines(&self) -> Vec<String> {
        let details = self.details.iter().cloned();
        [self.starred()].into_iter().chain(details).collect()
    }

    /// The same with details beside the text.
    pub fn with_details(self, details: impl IntoIterator<Item = String>) -> Self {
        Self {
            details: details.into_iter().collect(),
            ..self
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}
