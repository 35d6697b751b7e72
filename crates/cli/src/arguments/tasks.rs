//! What a model is asked, and how.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use layerlab_atlas::{TaskFile, bundled};
use layerlab_lab::{
    Dataset, EvalOptions, LabError, Report,
    dataset::{Fields, ReadOptions},
    general,
    metric::Confidence,
    report::visible_lines,
};

use super::{
    ChatArguments, ConfidenceArguments, DeviceArguments, Format, FormatArguments, OutputArguments,
    PageArguments, ShardArguments, WantedShard,
};
use crate::{
    Failure,
    input::{NamedText, read_dataset, read_text},
    output,
};

/// What a model is asked
#[derive(Args, Clone)]
#[command(next_help_heading = "Tasks")]
pub struct TaskArguments {
    /// A dataset: .jsonl, .json, .csv, .tsv or .parquet of questions, choices or labels, or a text; or one of the Hub, such as
    /// allenai/sciq, truthfulqa/truthful_qa:generation or microsoft/wiki_qa@test (validation, else test, else train where no
    /// split is named); may be repeated
    #[arg(long = "task", value_name = "FILE|OWNER/NAME[:CONFIG][@SPLIT]")]
    tasks: Vec<PathBuf>,
    /// Which fields of the datasets are what, where their form is not recognised or another is wanted: question, answer, wrong,
    /// best, choices, key, candidate, id, text, label, group, such as question=q,answer=gold,wrong=bad1+bad2. A key to choices
    /// is found by label, letter, text or index from 0; key_number says that it counts from 1, key_index from 0, and
    /// key_letter and key_text what they say
    #[arg(
        long,
        value_name = "ROLE=FIELD[+FIELD…],…",
        default_value = "",
        hide_default_value = true
    )]
    fields: Fields,
    /// Items of each dataset at most, drawn at random; `all` for all [default: 200; 400 to repair]
    #[arg(long, value_name = "N|all", value_parser = parse_items)]
    items: Option<Items>,
    /// Go on without records that cannot be read
    #[arg(long)]
    skip_bad: bool,
    /// What a question looks like; a space and the answer follow [default: "Q: {question}\nA:"]
    #[arg(long, value_name = "TEXT", value_parser = parse_template)]
    question_template: Option<String>,
    /// What a text to classify looks like; a space and the label follow [default: "{text}\nLabel:"]
    #[arg(long, value_name = "TEXT", value_parser = parse_template)]
    text_template: Option<String>,
    #[command(flatten)]
    chat: ChatArguments,
    /// Tokens of a generated answer at most
    #[arg(long, value_name = "N", default_value_t = 32)]
    max_new_tokens: usize,
    /// Tokens of a window of perplexity; the model's context but at most 256 if not given
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// Tokens from one window of perplexity to the next; the window if not given
    #[arg(long, value_name = "N")]
    stride: Option<usize>,
    /// Windows of perplexity at most; all if not given
    #[arg(long, value_name = "N")]
    max_windows: Option<usize>,
    /// Tokens in memory at a time when answers are judged, padding included: those of a forward pass, or on the CPU of the
    /// passes of all threads together
    #[arg(long, value_name = "N", default_value_t = 1024)]
    batch_tokens: usize,
}

/// A model's examination: where, on what, and how it is told
#[derive(Args, Clone)]
pub struct ExamArguments {
    /// A text to take the perplexity of; may be repeated
    #[arg(long = "text", value_name = "FILE")]
    texts: Vec<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArguments,
    #[command(flatten)]
    tasks: TaskArguments,
    #[command(flatten)]
    confidence: ConfidenceArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    page: PageArguments,
}

/// What an examination asks, and how.
pub struct Exam {
    /// Texts and datasets; at least one.
    pub datasets: Vec<Dataset>,
    /// How a model is asked.
    pub options: EvalOptions,
}

impl ExamArguments {
    /// Reads everything that `model` will be asked, after making sure that the answer can be written. The
    /// bundled model has its `own` tasks where the user names none.
    ///
    /// # Errors
    /// When a file cannot be read, there is none, or the output cannot be written.
    pub fn exam(&self, model: &str, own: fn() -> Vec<TaskFile>) -> Result<Exam, Failure> {
        self.check()?;
        self.read(model, own)
    }

    /// Refuses what cannot be written.
    fn check(&self) -> Result<(), Failure> {
        self.output.destination().check()?;
        self.page.destination(&self.output).check()
    }

    /// The same for an experiment of which a part may be all that is wanted.
    ///
    /// # Errors
    /// As [`exam`](Self::exam), and when something else lies where the part is to go.
    pub fn exam_in_shards(
        &self,
        model: &str,
        own: fn() -> Vec<TaskFile>,
        shard: &ShardArguments,
    ) -> Result<(Exam, Option<WantedShard>), Failure> {
        let wanted = shard.wanted(&self.output)?;
        if wanted.is_some() {
            self.page.refuse_for_a_part()?;
        }
        let exam = match wanted {
            Some(_) => self.read(model, own),
            None => self.exam(model, own),
        };
        Ok((exam?, wanted))
    }

    fn read(&self, model: &str, own: fn() -> Vec<TaskFile>) -> Result<Exam, Failure> {
        let confidence = self.confidence.confidence();
        let texts = self.texts.iter().map(|path| read_text(path));
        let texts = texts.collect::<Result<_, _>>()?;
        let mut datasets = self.tasks.datasets(texts, confidence.seed)?;
        if datasets.is_empty() && model == bundled::NAME {
            datasets = self.tasks.bundled(own(), confidence.seed)?;
        }
        if datasets.is_empty() {
            let problem = "there is nothing to ask: give --text or --task";
            return Err(Failure::usage(anyhow!(problem)));
        }
        Ok(Exam {
            datasets,
            options: self.tasks.options(confidence),
        })
    }

    /// How intervals are found, where nothing is asked: what says how to ask is refused.
    ///
    /// # Errors
    /// When a text or a task is named, or the output cannot be written.
    pub fn confidence_alone(&self) -> Result<Confidence, Failure> {
        self.check()?;
        match self.texts.is_empty() && self.tasks.is_empty() {
            true => Ok(self.confidence.confidence()),
            false => Err(Failure::usage(anyhow!(
                "--text and --task say what models are asked, and runs of lm-evaluation-harness are compared as they are"
            ))),
        }
    }

    /// Writes what `written` makes of the form that is wanted, where it is wanted, and `html` where a page is.
    ///
    /// # Errors
    /// When it cannot be put together, or the disk refuses.
    pub fn write_as(
        &self,
        written: impl FnOnce(Format) -> Result<String, Failure>,
        html: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        self.page
            .write(&self.page.destination(&self.output), html)?;
        let destination = self.output.destination();
        destination.write(written(self.format.format(&destination))?)
    }

    /// More items, unless the user says how many.
    pub fn with_items_to_repair(&self) -> Self {
        let mut arguments = self.clone();
        arguments.tasks.items = arguments.tasks.items.or(Some(REPAIR_ITEMS));
        arguments
    }

    /// Whether what is written to is replaced.
    pub fn force(&self) -> bool {
        self.output.destination().force
    }

    /// Writes the report where and as it is wanted.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, report: &Report) -> Result<(), Failure> {
        self.write_as(|format| format.write(report), || report.to_html())
    }
}

/// The texts that a user names for an experiment that calibrates and judges.
#[derive(Clone, Copy)]
pub struct JudgedTexts<'a> {
    /// The model.
    pub model: &'a str,
    /// What is calibrated on.
    pub calibration: Option<&'a Path>,
    /// What is judged on.
    pub held_out: Option<&'a Path>,
}

/// Items of a dataset where the user says nothing.
pub(super) const DEFAULT_ITEMS: usize = 200;
/// The same for a repair, which judges on a third of them.
const REPAIR_ITEMS: Items = Items(Some(400));

/// How many items of a dataset.
#[derive(Debug, Clone, Copy)]
struct Items(Option<usize>);

fn parse_items(text: &str) -> Result<Items, String> {
    match text {
        "all" => Ok(Items(None)),
        number => match number.parse() {
            Ok(0) | Err(_) => Err("expected a number above 0, or `all`".into()),
            Ok(count) => Ok(Items(Some(count))),
        },
    }
}

/// Shells pass `\n` on as two characters.
fn parse_template(text: &str) -> Result<String, String> {
    Ok(text.replace("\\n", "\n"))
}

impl TaskArguments {
    /// The datasets, after `texts` to take the perplexity of. How each was read is told on stderr.
    ///
    /// # Errors
    /// When a file cannot be read, or holds nothing that can be asked.
    pub fn datasets(&self, texts: Vec<NamedText>, seed: u64) -> Result<Vec<Dataset>, Failure> {
        let texts = texts
            .into_iter()
            .map(|text| Ok(self.some_items(Dataset::of_text(text.name, text.contents), seed)));
        let options = ReadOptions {
            skip_bad: self.skip_bad,
            fields: self.fields.clone(),
        };
        let tasks = self.tasks.iter().map(|task| {
            let dataset = read_dataset(task, &options)?;
            let dataset = self.some_items(dataset, seed);
            if !output::is_quiet() {
                anstream::eprintln!("{}", visible_lines(&dataset.describe().to_string()));
            }
            Ok(dataset)
        });
        self.checked(texts.chain(tasks).collect::<Result<_, Failure>>()?)
    }

    /// What models are judged on that were made by a calibration text: a text that is held out, if not the same, and the datasets.
    ///
    /// # Errors
    /// As [`datasets`](Self::datasets).
    pub fn judged_on(
        &self,
        texts: JudgedTexts<'_>,
        calibration: &NamedText,
        seed: u64,
    ) -> Result<Vec<Dataset>, Failure> {
        let is_bundled = texts.model == bundled::NAME;
        let text = match texts.held_out {
            Some(path) => read_text(path)?,
            None if is_bundled && self.is_empty() => {
                return self.bundled(bundled::judged_on(), seed);
            }
            // The general text has other pieces to be judged on.
            None if texts.calibration.is_none() && !is_bundled => general::HELD_OUT.into(),
            None => calibration.clone(),
        };
        self.datasets(vec![text], seed)
    }

    /// Datasets, of which one at least must have questions where these are to be asked in conversations.
    fn checked(&self, datasets: Vec<Dataset>) -> Result<Vec<Dataset>, Failure> {
        let only_texts = !datasets.is_empty() && datasets.iter().all(Dataset::is_text);
        match only_texts && self.chat.options().is_some() {
            true => Err(Failure::usage(anyhow!(
                "--chat says how questions are asked, and there are none: texts are read as they are; give --task"
            ))),
            false => Ok(datasets),
        }
    }

    /// Datasets of the bundled model.
    ///
    /// # Errors
    /// When one cannot be read, which would be a defect.
    pub fn bundled(&self, files: Vec<TaskFile>, seed: u64) -> Result<Vec<Dataset>, Failure> {
        let files = files.into_iter().map(NamedText::from);
        let datasets = files.map(|file| {
            let dataset = Dataset::read(file.name, &file.contents, self.skip_bad);
            Ok(self.some_items(dataset.map_err(LabError::from)?, seed))
        });
        self.checked(datasets.collect::<Result<_, Failure>>()?)
    }

    /// Whether the user names none.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn some_items(&self, dataset: Dataset, seed: u64) -> Dataset {
        match self.items.unwrap_or(Items(Some(DEFAULT_ITEMS))).0 {
            Some(limit) => dataset.sample(limit, seed),
            None => dataset,
        }
    }

    /// How a model is asked.
    pub fn options(&self, confidence: Confidence) -> EvalOptions {
        let default = EvalOptions::default();
        EvalOptions {
            batch_tokens: self.batch_tokens,
            confidence,
            window: self.window,
            stride: self.stride,
            max_windows: self.max_windows,
            question_template: self
                .question_template
                .clone()
                .unwrap_or(default.question_template),
            text_template: self.text_template.clone().unwrap_or(default.text_template),
            max_new_tokens: self.max_new_tokens,
            chat: self.chat.options(),
        }
    }
}
