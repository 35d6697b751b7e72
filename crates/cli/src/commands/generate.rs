//! `layerlab generate`.

use std::{ops::ControlFlow, time::Instant};

use clap::Args;
use layerlab_lab::{
    Cancel, GenerateOptions, LabError, OpenModel, Sampling, Speech, generate, report::DeviceReport,
};
use serde::Serialize;

use crate::{
    Failure,
    arguments::{ChatArguments, DeviceArguments, ModelArguments, OutputArguments},
    model,
    output::{print, warn},
    progress::{Bars, on_interrupt},
};

/// Let the model continue a prompt
#[derive(Args)]
#[command(after_help = "\
Examples:
  layerlab generate --model path/to/model --prompt 'Once upon a time'
  layerlab generate --model owner/name --prompt 'Dear' --temperature 0.8 --top-p 0.95 --seed 7
  layerlab generate --model owner/name --prompt 'What is a layer?' --chat --system 'Answer in one sentence.'")]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    device: DeviceArguments,
    /// The text to continue; with --chat, what the user says
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    #[command(flatten)]
    chat: ChatArguments,
    /// Tokens at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    max_new_tokens: usize,
    /// Draw at random from logits divided by this; without it the most likely token is taken
    #[arg(long, value_name = "T")]
    temperature: Option<f64>,
    /// Draw from the K most likely tokens only
    #[arg(long, value_name = "K", requires = "temperature")]
    top_k: Option<usize>,
    /// Draw from the most likely tokens that hold this probability together
    #[arg(long, value_name = "P", requires = "temperature")]
    top_p: Option<f64>,
    /// Seed of the draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Write prompt, text and speed as JSON once all is said
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    output: OutputArguments,
}

/// What is told with `--json`.
#[derive(Serialize)]
struct Generated<'a> {
    prompt: &'a str,
    /// The conversation that the prompt is part of, where it is, and how the model reads that.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<Conversation>,
    text: String,
    tokens: usize,
    seconds: f64,
    tokens_per_second: f64,
    device: DeviceReport,
}

#[derive(Serialize)]
struct Conversation {
    system: Option<String>,
    read_as: String,
}

/// Runs it.
///
/// # Errors
/// When the model cannot be loaded or run, the output not be written, or the user interrupts.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let destination = arguments.output.destination();
    destination.check()?;
    let cancel = on_interrupt()?;
    let streams = !arguments.json && destination.path.is_none();
    let (model, device) = (&arguments.model.model, arguments.device);
    let generated = pollster::block_on(async {
        let model = model::load(model, device, &mut Bars::new(), &cancel).await?;
        arguments.generate(&model, streams, &cancel).await
    })?;
    // The standard output belongs to the text.
    anstream::eprintln!("{}", generated.summary());
    match (arguments.json, streams) {
        (true, _) => {
            let json = serde_json::to_string_pretty(&generated).map_err(Failure::machine)?;
            destination.write(&(json + "\n"))
        }
        (false, true) => Ok(()),
        (false, false) => destination.write(format!("{}{}\n", generated.before(), generated.text)),
    }
}

impl Arguments {
    async fn generate(
        &self,
        model: &OpenModel<model::Source>,
        streams: bool,
        cancel: &Cancel,
    ) -> Result<Generated<'_>, Failure> {
        let lab = |error| Failure::from(LabError::from(error));
        let chat = self.chat.options();
        let prompt = match &chat {
            Some(chat) => model.tokenizer.encode_chat(&chat.messages(&self.prompt)),
            None => model.tokenizer.encode(&self.prompt, true),
        };
        let prompt = prompt.map_err(lab)?;
        let context = model.decoder.spec().context;
        if prompt.len() > context {
            warn(&format!(
                "the prompt has {} tokens, and the model was trained on {context} at most: all of them are read, but what follows may be nonsense",
                prompt.len()
            ));
        }
        let conversation = chat.map(|chat| {
            let read_as = model.tokenizer.decode(&prompt, false)?;
            let system = chat.system;
            Ok(Conversation { system, read_as })
        });
        let conversation = conversation.transpose().map_err(lab)?;
        let options = GenerateOptions {
            max_new_tokens: self.max_new_tokens,
            sampling: self.sampling(),
            stop: model.tokenizer.stops().to_vec(),
        };
        let mut speech = Speech::after(&model.tokenizer, &prompt).map_err(lab)?;
        let say = |text: &str| match streams {
            true => print(text),
            false => Ok(()),
        };
        // What a model says next in a conversation goes without what was said to it.
        say(conversation.as_ref().map_or(&*self.prompt, |_| ""))?;
        let start = Instant::now();
        let mut text = String::new();
        // What goes wrong inside the callback waits here until generation has ended.
        let mut failed = None;
        let tokens = generate(&model.decoder, &prompt, &options, &mut |id| {
            let said = speech.push(id).map_err(lab).and_then(|new| {
                text.push_str(&new);
                say(&new)
            });
            match said {
                Ok(()) if !cancel.is_cancelled() => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(failure) => {
                    failed = Some(failure);
                    ControlFlow::Break(())
                }
            }
        })
        .await
        .map_err(LabError::from)?;
        say("\n")?;
        if let Some(failure) = failed {
            return Err(failure);
        }
        if cancel.is_cancelled() {
            return Err(LabError::Cancelled.into());
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(Generated {
            prompt: &self.prompt,
            conversation,
            text,
            tokens: tokens.len(),
            seconds,
            tokens_per_second: tokens.len() as f64 / seconds,
            device: DeviceReport::of(&model.device),
        })
    }

    fn sampling(&self) -> Sampling {
        match self.temperature {
            None => Sampling::Greedy,
            Some(temperature) => Sampling::Sample {
                temperature,
                top_k: self.top_k,
                top_p: self.top_p,
                seed: self.seed,
            },
        }
    }
}

impl Generated<'_> {
    /// What stands before the text: what it continues, but nothing in a conversation.
    fn before(&self) -> &str {
        match self.conversation {
            Some(_) => "",
            None => self.prompt,
        }
    }

    fn summary(&self) -> String {
        let fallback = self.device.fallback.as_ref();
        format!(
            "{} tokens, {:.1} tokens/s on {}{}",
            self.tokens,
            self.tokens_per_second,
            self.device.line(),
            fallback.map_or(String::new(), |reason| format!(", since {reason}"))
        )
    }
}
