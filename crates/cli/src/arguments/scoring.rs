//! How layers are scored.

use clap::{Args, ValueEnum};
use layerlab_lab::{
    Epsilon, Estimator, LabError, MethodId, OpenModel, ScoreOptions, ScoreRequest, Tap, Text,
    TextOptions,
};

use super::{ConfidenceArguments, on::OnArguments};
use crate::{Failure, input::NamedText};

/// How layers are scored
#[derive(Args)]
#[command(next_help_heading = "Scores")]
pub struct ScoringArguments {
    /// What AVSS is made of where nothing else is said: our defaults, or what its authors' code does
    /// (pooled variance, ε 1e-5, output tap)
    #[arg(long, value_enum, default_value_t = Recipe::Layerlab)]
    recipe: Recipe,
    /// Estimator of the activation variance: pooled, element or channel
    #[arg(long)]
    estimator: Option<Estimator>,
    /// Sparsity threshold of AVSS: absolute, such as 1e-5, or a share of the layer's RMS, such as rel:0.05
    #[arg(long, value_name = "ε")]
    epsilon: Option<Epsilon>,
    /// Where AVSS reads the block: input, output, update, attention, mlp or neurons
    #[arg(long)]
    tap: Option<Tap>,
    #[command(flatten)]
    pub on: OnArguments,
    #[command(flatten)]
    pub confidence: ConfidenceArguments,
}

/// How the calibration text is cut
#[derive(Args)]
#[command(next_help_heading = "Text")]
pub struct CutArguments {
    /// Tokens per sequence, BOS included; the model's context but at most 256 if not given
    #[arg(long, value_name = "N")]
    sequence_length: Option<usize>,
    /// Sequences at most
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_sequences: usize,
    /// Sequences in memory at a time: those of a forward pass, or on the CPU of the passes of all threads together. There a
    /// small model is fastest where they are as many as threads, or several times as many
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub batch: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recipe {
    Layerlab,
    Authors,
}

impl CutArguments {
    /// As the text is cut.
    pub fn options(&self) -> TextOptions {
        TextOptions {
            sequence_length: self.sequence_length,
            max_sequences: self.max_sequences,
        }
    }

    /// The text as the model reads it.
    ///
    /// # Errors
    /// When it cannot be cut so.
    pub fn text<F>(&self, text: &NamedText, model: &OpenModel<F>) -> Result<Text, Failure> {
        let context = model.decoder.spec().context;
        let (name, contents) = (text.name.clone(), &text.contents);
        let text = Text::new(name, contents, &model.tokenizer, context, self.options());
        Ok(text.map_err(LabError::from)?)
    }
}

impl ScoringArguments {
    /// What to score by, `batch` sequences at a time. Of random removal there are the seeds that `methods` name beside the
    /// usual ones.
    pub fn request(&self, batch: usize, methods: &[MethodId]) -> ScoreRequest {
        let recipe = match self.recipe {
            Recipe::Layerlab => ScoreOptions::default(),
            Recipe::Authors => ScoreOptions::authors(),
        };
        let confidence = self.confidence.confidence();
        let usual = recipe.random_seeds.iter().copied();
        let named = methods.iter().filter_map(|method| match method {
            MethodId::Random(seed) if !recipe.random_seeds.contains(seed) => Some(*seed),
            _ => None,
        });
        ScoreRequest {
            score: ScoreOptions {
                estimator: self.estimator.unwrap_or(recipe.estimator),
                epsilon: self.epsilon.unwrap_or(recipe.epsilon),
                tap: self.tap.unwrap_or(recipe.tap),
                resamples: confidence.resamples,
                confidence: confidence.level,
                seed: confidence.seed,
                random_seeds: usual.chain(named).collect(),
                ..recipe.clone()
            },
            batch,
            ..ScoreRequest::default()
        }
    }
}
