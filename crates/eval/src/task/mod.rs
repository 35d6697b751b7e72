//! What is asked of a model, and what came of it.

mod answers;
mod choices;
mod join;
mod labels;
mod likelihood;
mod perplexity;

pub use answers::{ABSTENTION, Generated, generate_answers};

use std::ops::ControlFlow;

use layerlab_model::{Cuts, Decoder, Tokenizer, yield_now};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Dataset, EvalError, Items, MetricResult, Shard,
    dataset::Mapping,
    metric::{Confidence, Metric},
    prompt::{ChatOptions, Prompting},
};

/// How a model is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvalOptions {
    /// Tokens in memory at a time, padding included: those of a forward pass, or on the CPU of the passes of all threads
    /// together. A longer sequence is passed alone.
    pub batch_tokens: usize,
    /// How intervals are found.
    pub confidence: Confidence,
    /// Tokens of a window of perplexity; the model's context but at most 256 if none.
    pub window: Option<usize>,
    /// Tokens from one window to the next; the window if none.
    pub stride: Option<usize>,
    /// Windows of a text at most; all if none.
    pub max_windows: Option<usize>,
    /// What a question looks like; `{question}` stands for it. A space and the answer follow.
    pub question_template: String,
    /// What a text to classify looks like; `{text}` stands for it. A space and the label follow.
    pub text_template: String,
    /// Tokens of a generated answer at most; it ends at the first line break.
    pub max_new_tokens: usize,
    /// Asks in conversations; as plain text if none. Perplexity is always of plain text.
    #[serde(default)]
    pub chat: Option<ChatOptions>,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            batch_tokens: 1024,
            confidence: Confidence::default(),
            window: None,
            stride: None,
            max_windows: None,
            question_template: "Q: {question}\nA:".into(),
            text_template: "{text}\nLabel:".into(),
            max_new_tokens: 32,
            chat: None,
        }
    }
}

impl EvalOptions {
    /// Refuses what no evaluation of the tokenizer's model can be run with.
    ///
    /// # Errors
    /// When a template lacks its field, a number is 0 that must not be, or the model has no chat template for the conversations
    /// that are asked for, or one that refuses them.
    pub fn validate(&self, tokenizer: &Tokenizer) -> Result<(), EvalError> {
        if let Some(chat) = &self.chat {
            tokenizer.encode_chat(&chat.messages("?"))?;
        }
        for (template, field) in [
            (&self.question_template, "question"),
            (&self.text_template, "text"),
        ] {
            if !template.contains(&format!("{{{field}}}")) {
                let template = template.clone();
                return Err(EvalError::Template { template, field });
            }
        }
        self.confidence.validate()?;
        for (number, name) in [
            (self.batch_tokens, "token per batch"),
            (self.max_new_tokens, "token per answer"),
            (self.max_windows.unwrap_or(1), "window"),
        ] {
            if number == 0 {
                return Err(EvalError::None(name));
            }
        }
        Ok(())
    }
}

/// Under which conditions a task was run: what another must know to repeat the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// exp of the mean cross-entropy of tokens in windows over the text, each token predicted once, from
    /// what its window holds before it. Without BOS the first token of the text is not predicted; with windows end
    /// to end, nor is the first of each.
    Perplexity {
        /// Tokens of a window, BOS included.
        window: usize,
        /// Tokens from one window to the next.
        stride: usize,
        /// Whether every window begins with BOS.
        bos: bool,
        /// Tokens predicted.
        tokens: usize,
        /// Bytes of UTF-8 that these stand for.
        #[serde(default)]
        bytes: usize,
        /// SHA-256 over the ids of all tokens of the text as little-endian integers of 32 bits, as hexadecimal: models that
        /// agree in it read the same tokens, so that their perplexities can be compared.
        #[serde(default)]
        token_sha256: String,
    },
    /// The log-likelihood of each choice after the prompt is compared.
    MultipleChoice {
        /// What the prompt looks like.
        template: String,
        /// The conversation that it is part of; none where it is asked as plain text.
        #[serde(default)]
        chat: Option<ChatOptions>,
        /// Whether each prompt begins with BOS.
        bos: bool,
        /// Prompts that had to lose their beginning to fit the context.
        truncated: usize,
    },
    /// An answer is generated greedily and compared after SQuAD's normalisation.
    ExactMatch {
        /// What the prompt looks like.
        template: String,
        /// The conversation that it is part of; none where it is asked as plain text.
        #[serde(default)]
        chat: Option<ChatOptions>,
        /// Whether each prompt begins with BOS.
        bos: bool,
        /// Prompts that had to lose their beginning to fit the context.
        truncated: usize,
        /// Tokens of an answer at most.
        max_new_tokens: usize,
    },
    /// The log-likelihood of each class's name after the text is compared.
    Classification {
        /// What the prompt looks like.
        template: String,
        /// The conversation that it is part of; none where it is asked as plain text.
        #[serde(default)]
        chat: Option<ChatOptions>,
        /// Whether each prompt begins with BOS.
        bos: bool,
        /// Prompts that had to lose their beginning to fit the context.
        truncated: usize,
        /// The classes.
        classes: Vec<String>,
    },
}

/// What one model made of one dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskResult {
    /// The dataset.
    pub dataset: String,
    /// SHA-256 of its bytes, as hexadecimal.
    pub sha256: String,
    /// How the model was asked.
    pub task: Task,
    /// Items asked, or windows read.
    pub items: usize,
    /// Items that the dataset has, or windows of the text: more than `items` where only some were drawn, and 0 where that
    /// was not noted.
    #[serde(default)]
    pub of: usize,
    /// Which field of the dataset was read as what, and which were not used; a text has none.
    #[serde(default)]
    pub mapping: Option<Mapping>,
    /// Records of the dataset that could not be read and were passed over.
    pub skipped: usize,
    /// What was measured.
    pub metrics: Vec<MetricResult>,
}

impl TaskResult {
    /// Whether two models that were asked the same read it as the same tokens, as far as that matters to what is measured:
    /// perplexity is of tokens, everything else of items.
    pub fn reads_same_tokens(&self, other: &Self) -> bool {
        let tokens = |result: &Self| match &result.task {
            Task::Perplexity { token_sha256, .. } => Some(token_sha256.clone()),
            _ => None,
        };
        tokens(self) == tokens(other)
    }

    /// How many items were asked, with how many there are where that is more.
    pub fn asked(&self) -> String {
        match self.of > self.items {
            true => format!("{} of {}", self.items, self.of),
            false => self.items.to_string(),
        }
    }

    /// One of its metrics.
    pub fn metric(&self, metric: Metric) -> Option<&MetricResult> {
        self.metrics.iter().find(|result| result.metric == metric)
    }
}

/// Receives items done and items in all, of all models together; `Break` ends the evaluation.
pub type OnProgress<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;

/// What was measured of one model.
type Metrics = Vec<MetricResult>;

/// What several models made of one dataset.
struct Answered {
    task: Task,
    /// One for each cut.
    metrics: Vec<Metrics>,
    /// Sequences that were passed through each.
    sequences: usize,
}

/// What a model made of one dataset without each of some sets of blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutResults {
    /// In the order in which the sets were asked for.
    pub results: Vec<TaskResult>,
    /// Sequences that were passed through the blocks of each: windows, or prompts with a choice. Answers that are generated count
    /// as none, for each of their tokens is a pass of its own.
    pub sequences: usize,
}

/// Asks the model every item of the dataset.
///
/// # Errors
/// When an option is out of range, an item cannot be read by the model, the device fails, or `progress`
/// breaks off.
pub async fn evaluate(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    dataset: &Dataset,
    options: &EvalOptions,
    progress: &mut OnProgress<'_>,
) -> Result<TaskResult, EvalError> {
    evaluate_shard(decoder, tokenizer, dataset, Shard::WHOLE, options, progress).await
}

/// Asks the model a part of the dataset's items, or has it read a part of the text's windows; what comes of all parts makes up what
/// [`evaluate`] finds, by [`TaskResult::joined`].
///
/// # Errors
/// As [`evaluate`].
pub async fn evaluate_shard(
    decoder: &Decoder,
    tokenizer: &Tokenizer,
    dataset: &Dataset,
    shard: Shard,
    options: &EvalOptions,
    progress: &mut OnProgress<'_>,
) -> Result<TaskResult, EvalError> {
    let asked = Asked {
        decoder,
        cuts: &Cuts::whole(decoder.spec().layers()),
        tokenizer,
        dataset: &dataset.name,
        shard,
        options,
    };
    let (result, answered) = asked.every_item(dataset, progress).await?;
    Ok(TaskResult {
        metrics: answered.metrics.into_iter().flatten().collect(),
        ..result
    })
}

/// Asks the model every item of the dataset without each of some sets of blocks. Of each is found what [`evaluate`] would find of
/// it, but passes that begin alike share their beginning.
///
/// # Errors
/// As [`evaluate`], and when the cuts are of a model with more or fewer blocks.
pub async fn evaluate_cuts(
    decoder: &Decoder,
    cuts: &Cuts,
    tokenizer: &Tokenizer,
    dataset: &Dataset,
    options: &EvalOptions,
    progress: &mut OnProgress<'_>,
) -> Result<CutResults, EvalError> {
    let asked = Asked {
        decoder,
        cuts,
        tokenizer,
        dataset: &dataset.name,
        shard: Shard::WHOLE,
        options,
    };
    let (result, answered) = asked.every_item(dataset, progress).await?;
    let results = answered.metrics.into_iter().map(|metrics| TaskResult {
        metrics,
        ..result.clone()
    });
    Ok(CutResults {
        results: results.collect(),
        sequences: answered.sequences,
    })
}

/// A model, without which blocks, and how it is asked about which dataset.
struct Asked<'a> {
    decoder: &'a Decoder,
    cuts: &'a Cuts,
    tokenizer: &'a Tokenizer,
    dataset: &'a str,
    /// Which of the items or windows.
    shard: Shard,
    options: &'a EvalOptions,
}

impl Asked<'_> {
    /// What was asked, and what each cut made of it.
    async fn every_item(
        &self,
        dataset: &Dataset,
        progress: &mut OnProgress<'_>,
    ) -> Result<(TaskResult, Answered), EvalError> {
        self.options.validate(self.tokenizer)?;
        let mut of = dataset.of;
        let answered = match &dataset.items {
            Items::Text(text) => {
                let (answered, windows) = self.perplexity(text, progress).await?;
                of = windows;
                answered
            }
            Items::Choices(items) => self.choices(items, progress).await?,
            Items::Answers(items) => self.answers(items, progress).await?,
            Items::Labels(items) => self.labels(items, progress).await?,
        };
        let mut samples = answered.metrics.iter().flatten();
        let result = TaskResult {
            dataset: dataset.name.clone(),
            sha256: dataset.sha256.clone(),
            task: answered.task.clone(),
            items: samples.next().map_or(0, |result| result.sample.len()),
            of,
            mapping: dataset.mapping.clone(),
            skipped: dataset.skipped.len(),
            metrics: Metrics::new(),
        };
        Ok((result, answered))
    }

    /// The items that are asked, of all.
    fn own<'i, T>(&self, items: &'i [T]) -> &'i [T] {
        &items[self.shard.range(items.len())]
    }

    fn context(&self) -> usize {
        self.decoder.spec().context
    }

    /// How the dataset's prompts become tokens.
    fn prompting(&self) -> Prompting<'_> {
        Prompting {
            tokenizer: self.tokenizer,
            chat: self.options.chat.as_ref(),
            context: self.context(),
            dataset: self.dataset,
            reads_last: false,
        }
    }

    fn result(&self, metric: Metric, sample: crate::Sample) -> MetricResult {
        MetricResult::of(metric, sample, &self.options.confidence)
    }
}

/// Reports progress, and lets the host do something else.
async fn step(progress: &mut OnProgress<'_>, done: usize, total: usize) -> Result<(), EvalError> {
    yield_now().await;
    match progress(done, total) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(EvalError::Interrupted),
    }
}
