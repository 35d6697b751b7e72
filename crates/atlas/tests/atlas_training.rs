//! A tiny Atlas learns, and a training taken up again ends where an unbroken one does.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use burn::tensor::Device;
use layerlab_atlas::{
    World, corpus,
    train::{Batches, NGram, Precision, Recipe, TrainError, Trainer, train_tokenizer},
};
use layerlab_model::{Checkpoint, Decoder, Folder, MemoryFiles, Tokenizer, WeightFormat};
use pollster::block_on;
use tempfile::TempDir;

fn recipe() -> Recipe {
    Recipe {
        vocabulary: 400,
        layers: 2,
        hidden_size: 32,
        heads: 4,
        kv_heads: 2,
        inner_size: 64,
        context: 64,
        sequence: 32,
        batch: 8,
        steps: 300,
        warm_up: 20,
        learning_rate: 1e-2,
        ..Recipe::default()
    }
}

fn texts() -> Vec<String> {
    let mut texts = corpus::training(&World::generate(1), 1);
    texts.truncate(2000);
    texts
}

struct Training {
    trainer: Trainer,
    batches: Batches,
}

impl Training {
    fn open(recipe: &Recipe, folder: &Path) -> Result<Self, TrainError> {
        let texts = texts();
        let tokenizer = train_tokenizer(&texts, recipe.vocabulary)?;
        let batches = Batches::new(&texts, &tokenizer.open()?, recipe)?;
        let device = Device::flex();
        let trainer = Trainer::open(recipe.clone(), tokenizer, folder, &device);
        Ok(Self {
            trainer: block_on(trainer)?,
            batches,
        })
    }

    fn run(&mut self, steps: usize) -> Vec<f64> {
        let step = |_| block_on(self.trainer.step(&mut self.batches)).unwrap().loss;
        (0..steps).map(step).collect()
    }

    fn weights(&self) -> Vec<(String, Vec<u8>)> {
        block_on(self.trainer.files(Precision::Full)).unwrap()
    }
}

#[test]
fn loss_falls_from_chance_to_well_below_what_frequencies_tell() {
    let work = TempDir::new().unwrap();
    let mut training = Training::open(&recipe(), &work.path().join("none")).unwrap();
    let losses = training.run(300);
    assert!(training.trainer.is_done());
    // Before the first step every token is about as likely as any other.
    assert!((losses[0] - 400f64.ln()).abs() < 0.2, "{}", losses[0]);
    let last = losses[280..].iter().sum::<f64>() / 20.0;
    // Counting tokens gives their frequencies; what comes before must have told more than that.
    let counted = NGram::count(training.batches.texts(), 1, recipe().vocabulary);
    let all: Vec<u32> = training.batches.texts().concat();
    let unigram = counted.perplexity(&all).ln();
    assert!(
        last < unigram - 1.0,
        "from {} to {last}; unigram {unigram}",
        losses[0]
    );
}

#[test]
fn a_training_taken_up_again_is_the_unbroken_one() {
    let work = TempDir::new().unwrap();
    let folder = work.path().join("checkpoint");
    let mut unbroken = Training::open(&recipe(), &folder).unwrap();
    unbroken.run(12);
    block_on(unbroken.trainer.save(&folder)).unwrap();
    let expected = unbroken.run(12);
    let mut taken_up = Training::open(&recipe(), &folder).unwrap();
    assert_eq!(taken_up.trainer.state().step, 12);
    assert_eq!(taken_up.run(12), expected);
    assert_eq!(
        taken_up.trainer.state().losses,
        unbroken.trainer.state().losses
    );
    assert!(taken_up.weights() == unbroken.weights(), "weights differ");
    // Another recipe does not go on from it.
    let other = Recipe {
        learning_rate: 1e-3,
        ..recipe()
    };
    let error = Training::open(&other, &folder).err().unwrap();
    assert!(matches!(error, TrainError::Resume { .. }), "{error}");
}

#[test]
fn a_checkpoint_is_a_model_folder() {
    let work = TempDir::new().unwrap();
    let folder = work.path().join("checkpoint");
    let mut training = Training::open(&recipe(), &folder).unwrap();
    training.run(2);
    block_on(training.trainer.save(&folder)).unwrap();
    block_on(training.trainer.save(&folder)).unwrap();
    let names = std::fs::read_dir(work.path()).unwrap().count();
    assert_eq!(names, 1, "one checkpoint is left");
    block_on(async {
        let checkpoint = Checkpoint::open(Folder::new(&folder)).await.unwrap();
        let tokenizer = Tokenizer::open(checkpoint.files()).await.unwrap();
        let ids = tokenizer.encode_text("Where does it live?").unwrap();
        assert_eq!(ids.first(), tokenizer.bos().as_ref());
        assert_eq!(tokenizer.decode(&ids, true).unwrap(), "Where does it live?");
        let mut progress = |_| std::ops::ControlFlow::Continue(());
        let device = Device::flex();
        let decoder = Decoder::load(&checkpoint, &device, WeightFormat::F32, &mut progress);
        let decoder = decoder.await.unwrap();
        // What is read back is what was trained.
        let stored = decoder.stored_weights().await.unwrap();
        let files = training.weights();
        let checkpoint = Checkpoint::open(MemoryFiles::new("memory", files))
            .await
            .unwrap();
        for tensor in stored {
            let values = checkpoint.read_f32(&tensor.name).await.unwrap();
            assert!(values == tensor.values, "{}", tensor.name);
        }
    });
}

#[test]
fn every_epoch_reads_everything_in_an_order_of_its_own() {
    let recipe = recipe();
    let texts = texts();
    let tokenizer = train_tokenizer(&texts, recipe.vocabulary)
        .unwrap()
        .open()
        .unwrap();
    let batches = || Batches::new(&texts, &tokenizer, &recipe).unwrap();
    let (mut one, mut other) = (batches(), batches());
    let steps = one.steps_per_epoch();
    assert!(steps > 10);
    let first = one.of_step(0);
    assert_eq!(first.len(), recipe.batch);
    assert!(
        first
            .iter()
            .all(|sequence| sequence.len() == recipe.sequence + 1)
    );
    assert_ne!(first, one.of_step(steps), "two epochs in the same order");
    // What a step reads does not depend on what was read before.
    assert_eq!(other.of_step(steps + 3), one.of_step(steps + 3));
    // Sequences follow each other without a gap.
    assert_eq!(first[0].last(), first[1].first());
}
