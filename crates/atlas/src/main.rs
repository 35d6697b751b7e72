//! `layerlab-atlas`: writes the invented world's texts and tasks, and trains the model of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::{Parser, Subcommand};
use layerlab_atlas::{
    TaskFile, World,
    bundled::SEED,
    corpus, task_files,
    train::{
        Baselines, Batches, Figure, NGram, Precision, Recipe, Trainer, judge, loss_csv, loss_svg,
        model_card, train_tokenizer,
    },
};
use layerlab_lab::{DeviceChoice, open_device};

/// Items of each task that are asked while the model is trained.
const ITEMS_ON_THE_WAY: usize = 60;

#[derive(Parser)]
#[command(
    name = "layerlab-atlas",
    version,
    about = "The invented world, its texts and its model"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write all texts and tasks
    Write {
        /// The folder to write to
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Train the model, or go on where a training was broken off
    Train {
        /// The folder of checkpoint, curve and model
        #[arg(long, value_name = "DIR")]
        output: PathBuf,
        /// Steps in all
        #[arg(long, value_name = "N", default_value_t = Recipe::default().steps)]
        steps: usize,
        /// The highest learning rate
        #[arg(long, value_name = "RATE", default_value_t = Recipe::default().learning_rate)]
        learning_rate: f64,
        /// Steps from one checkpoint, with its evaluation, to the next
        #[arg(long, value_name = "N", default_value_t = 250)]
        checkpoint_every: usize,
        /// auto, gpu or cpu
        #[arg(long, default_value_t)]
        device: DeviceChoice,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Write { output } => write_texts(&output),
        Command::Train {
            output,
            steps,
            learning_rate,
            checkpoint_every,
            device,
        } => pollster::block_on(train(
            Recipe {
                steps,
                learning_rate,
                ..Recipe::default()
            },
            &output,
            checkpoint_every,
            device,
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, contents).with_context(|| format!("cannot write {}", path.display()))
}

fn write_texts(output: &Path) -> Result<()> {
    let world = World::generate(SEED);
    let texts = corpus::training(&world, SEED).join("\n");
    write(&output.join("training.txt"), texts)?;
    for TaskFile { name, contents } in task_files(&world, SEED) {
        write(&output.join(name), contents)?;
    }
    Ok(())
}

async fn train(
    recipe: Recipe,
    output: &Path,
    checkpoint_every: usize,
    device: DeviceChoice,
) -> Result<()> {
    let device = open_device(device).await?;
    let world = World::generate(SEED);
    let texts = corpus::training(&world, SEED);
    let tasks = task_files(&world, SEED);
    let tokenizer = train_tokenizer(&texts, recipe.vocabulary)?;
    let mut batches = Batches::new(&texts, &tokenizer.open()?, &recipe)?;
    let folder = output.join("checkpoint");
    let tokens_per_step = recipe.batch * recipe.sequence;
    let mut trainer = Trainer::open(recipe, tokenizer.clone(), &folder, &device.device).await?;
    println!(
        "{} facts, {} texts, {} steps of {tokens_per_step} tokens an epoch; step {}",
        world.facts().len(),
        texts.len(),
        batches.steps_per_epoch(),
        trainer.state().step
    );
    let begun = Instant::now();
    let mut steps = 0;
    while !trainer.is_done() {
        let step = trainer.step(&mut batches).await?;
        steps += 1;
        if step.step % 20 == 0 {
            let speed = (steps * tokens_per_step) as f64 / begun.elapsed().as_secs_f64();
            println!(
                "step {}: loss {:.4}, rate {:.2e}, {speed:.0} tokens/s",
                step.step, step.loss, step.rate
            );
        }
        if (step.step + 1) % checkpoint_every == 0 || trainer.is_done() {
            trainer.save(&folder).await?;
            let losses = &trainer.state().losses;
            write(&output.join("loss.csv"), loss_csv(losses))?;
            write(&output.join("loss.svg"), loss_svg(losses))?;
            let plain = Device::clone(&device.device);
            let decoder = trainer.snapshot(&plain).await?;
            let tokenizer = tokenizer.open()?;
            let figures = judge(
                &decoder,
                &tokenizer,
                &tasks,
                "_validation",
                ITEMS_ON_THE_WAY,
            )
            .await?;
            append(&output.join("evaluation.csv"), step.step + 1, &figures)?;
            for Figure {
                task,
                metric,
                value,
            } in &figures
            {
                println!("    {task:32} {metric:12} {value:.4}");
            }
        }
    }
    publish(
        &trainer,
        &batches,
        &tasks,
        &device.device,
        &output.join("model"),
    )
    .await
}

/// Writes the model with its card, judged on all of the test split.
async fn publish(
    trainer: &Trainer,
    batches: &Batches,
    tasks: &[TaskFile],
    device: &Device,
    folder: &Path,
) -> Result<()> {
    for (name, contents) in trainer.files(Precision::Half).await? {
        write(&folder.join(name), contents)?;
    }
    let recipe = &trainer.state().recipe;
    let (decoder, tokenizer) = (trainer.snapshot(device).await?, trainer.tokenizer()?);
    let figures = judge(&decoder, &tokenizer, tasks, "_test", usize::MAX).await?;
    let neutral = tasks
        .iter()
        .find(|task| task.name.starts_with("neutral_test"));
    let neutral = neutral.map_or("", |task| &task.contents);
    let neutral = tokenizer.encode_text(neutral)?;
    let counted =
        |order| NGram::count(batches.texts(), order, recipe.vocabulary).perplexity(&neutral);
    let baselines = Baselines {
        unigram: counted(1),
        five_gram: counted(5),
    };
    let card = model_card(recipe, decoder.parameters(), &figures, baselines);
    write(&folder.join("README.md"), card)
}

/// Adds the figures of a step to the table, after those of earlier steps.
fn append(path: &Path, step: usize, figures: &[Figure]) -> Result<()> {
    let mut table = fs::read_to_string(path).unwrap_or_else(|_| "step,task,metric,value\n".into());
    for Figure {
        task,
        metric,
        value,
    } in figures
    {
        table.push_str(&format!("{step},{task},{metric},{value:.5}\n"));
    }
    write(path, table)
}
