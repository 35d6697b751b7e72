//! A chart as data: what it shows, not how it is drawn.

/// A chart of one kind.
#[derive(Debug, Clone)]
pub(in crate::report) enum Chart {
    /// A bar from nothing for each layer, with its interval.
    Bars {
        /// What is shown.
        title: String,
        /// Where its definition comes from.
        source: String,
        /// One for each layer.
        bars: Vec<Bar>,
    },
    /// A dot for each model on a logarithmic scale, with its interval; 1 is the model that all are compared with.
    Dots {
        /// What is shown.
        title: String,
        /// One for each model.
        dots: Vec<Bar>,
    },
    /// Values on a logarithmic scale against counts.
    Lines {
        /// What is shown.
        title: String,
        /// All of them.
        lines: Vec<Line>,
        /// The line that stands out.
        best: Vec<(usize, f64)>,
    },
    /// Shares by powers of two.
    Histogram {
        /// What is shown.
        title: String,
        /// Said beside the title.
        aside: String,
        /// The power at which the first share begins.
        from: i32,
        /// Shares, one for each power of two.
        shares: Vec<f64>,
    },
}

/// A value with its interval.
#[derive(Debug, Clone)]
pub(in crate::report) struct Bar {
    /// What it is of.
    pub label: String,
    /// The value; none where it is undefined.
    pub value: Option<f64>,
    /// The ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// Whether it stands out: the layer that goes first.
    pub stands_out: bool,
}

/// A value for each of some counts.
#[derive(Debug, Clone)]
pub(in crate::report) struct Line {
    /// What it is of.
    pub label: String,
    /// Count and value, by count.
    pub points: Vec<(usize, f64)>,
}
