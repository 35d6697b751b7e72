//! Pure arithmetic from statistics to scores, ranks and confidence. No tensors, no Burn.

mod agreement;
mod bootstrap;
mod columns;
mod error;
mod hallucination;
mod losses;
mod method;
mod options;
mod plan;
mod rank;
mod table;

pub use agreement::{Agreement, Correlation};
pub use error::ScoreError;
pub use hallucination::{
    AnswerControls, AnswerLosses, Contrast, ContrastAgreement, ContrastOptions, Estimate,
    LayerContrast, LayerMargin, LayerSigns, Margins, ShuffledLabels, TrainingAgreement,
    contrast_layers, shuffled_labels,
};
pub use losses::LayerLosses;
pub use method::{MethodId, UnknownMethod};
pub use options::ScoreOptions;
pub use plan::{Budget, Constraints, Plan, PlanError, Schedule};
pub use table::{Direction, LayerScore, MethodScores, Role, ScoreTable};

use bootstrap::{Bootstrap, Bootstraps};
use columns::Column;
use layerlab_stats::ModelStatistics;

/// Scores every layer by every method, with bootstrap intervals over sequences and the probability of
/// being among the lowest. With `losses`, measured by leaving layers out, loss change is among the
/// methods. They may be of the sequences that the statistics are of, of some of them, or of something else.
///
/// # Errors
/// When nothing was measured, a tap that a score needs was not, or an option is out of range.
pub fn score(
    statistics: &ModelStatistics,
    losses: Option<&LayerLosses>,
    options: &ScoreOptions,
) -> Result<ScoreTable, ScoreError> {
    let layers = statistics.layers.len();
    let sequences = statistics.sequences();
    if layers == 0 || sequences == 0 {
        return Err(ScoreError::NothingMeasured);
    }
    options.validate(layers)?;
    let lowest = options.lowest_of(layers);
    let bootstraps = Bootstraps::new(sequences, losses, options);
    let columns = columns::all(statistics, losses, options);
    let methods: Vec<MethodScores> = columns
        .iter()
        .map(|column| column.scores(bootstraps.of(column.units), lowest))
        .collect::<Result<_, _>>()?;
    let correlations = agreement::with_loss_change(&columns, &bootstraps)?;
    Ok(ScoreTable {
        lowest,
        sequences,
        agreement: Agreement::of(&methods, correlations),
        warnings: warnings(statistics, options, &methods),
        methods,
    })
}

impl Column<'_> {
    /// Values of the data as they are, and how they vary over resamples.
    fn scores(&self, bootstrap: &Bootstrap, lowest: usize) -> Result<MethodScores, ScoreError> {
        let values = (self.values)(bootstrap.data())?;
        let ranks = rank::ranks(&values, self.direction);
        let spread = match self.varies {
            true => bootstrap.spread(&*self.values, self.direction, lowest, values.len())?,
            false => None,
        };
        let layers = values
            .iter()
            .zip(ranks)
            .enumerate()
            .map(|(layer, (value, rank))| {
                let spread = spread.as_ref().map(|spread| &spread[layer]);
                LayerScore {
                    layer,
                    value: *value,
                    low: spread.and_then(|spread| spread.low),
                    high: spread.and_then(|spread| spread.high),
                    rank,
                    probability_lowest: spread.map(|spread| spread.probability_lowest),
                }
            });
        Ok(MethodScores {
            id: self.id,
            label: self.label.clone(),
            source: self.source.into(),
            role: self.role,
            direction: self.direction,
            layers: layers.collect(),
        })
    }
}

/// What a reader must know before believing the table.
fn warnings(
    statistics: &ModelStatistics,
    options: &ScoreOptions,
    methods: &[MethodScores],
) -> Vec<String> {
    let ones = vec![1; statistics.sequences()];
    let mut warnings = Vec::new();
    let mut warn = |layers: Vec<usize>, says: &str| {
        if !layers.is_empty() {
            let list: Vec<String> = layers.iter().map(ToString::to_string).collect();
            warnings.push(format!("layer {}: {says}", list.join(", ")));
        }
    };
    let which = |is: &dyn Fn(&layerlab_stats::LayerStatistics) -> bool| -> Vec<usize> {
        let layers = statistics.layers.iter().enumerate();
        layers
            .filter(|(_, layer)| is(layer))
            .map(|(index, _)| index)
            .collect()
    };
    let saturated = which(&|layer| {
        let tap = layer.taps.get(&options.tap);
        tap.is_some_and(|tap| tap.sparsity(options.epsilon, &ones).saturated)
    });
    warn(
        saturated,
        "no activation is below the sparsity threshold (saturated): AVSS is variance alone there",
    );
    let broken = which(&|layer| layer.taps.values().any(|tap| !tap.is_finite()));
    warn(
        broken,
        "some activations are NaN or infinite; they are left out, and scores that need them are undefined",
    );
    let degenerate = which(&|layer| layer.spans.values().any(|pair| pair.degenerate() > 0));
    warn(
        degenerate,
        "some tokens have hidden states without a direction; they are left out of cosines and angles",
    );
    if statistics.sequences() == 1 {
        warnings.push(
            "there is one sequence only: no intervals, since a bootstrap over one says nothing"
                .into(),
        );
    }
    if let Some(lowest) = methods.iter().find(|method| method.id == MethodId::Avss) {
        let is_split = |other: &MethodScores| {
            other.role == Role::Ranking
                && other.lowest_layer().is_some()
                && other.lowest_layer() != lowest.lowest_layer()
        };
        let others: Vec<&str> = methods
            .iter()
            .filter(|other| is_split(other))
            .map(|other| other.label.as_str())
            .collect();
        // Of many, the names would say no more than the number.
        let others = match others.as_slice() {
            [] => None,
            [..] if others.len() > 2 => Some(format!("{} other methods", others.len())),
            few => Some(few.join(", ")),
        };
        if let Some(others) = others {
            let warning = format!("AVSS would remove another layer first than {others}");
            warnings.push(warning);
        }
    }
    warnings
}
