//! Speed of the scoring pass on the CPU or GPU, with and without statistics. Run by `cargo xtask bench`
//! beside PyTorch; prints one `name<TAB>value` a line.

use std::{error::Error, fs, hint::black_box, time::Instant};

use layerlab_lab::{
    Cancel, DeviceChoice, MeasureOptions, OpenModel, Run, ScoreOptions, Tap, Text, TextOptions,
    files::Folder, measure, open_device,
};
use layerlab_model::{NoObserver, PaddingSide, TokenBatch};

/// As the command has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Options {
    model: String,
    text: String,
    device: DeviceChoice,
    sequence_length: usize,
    max_sequences: usize,
    batch: usize,
    repeats: usize,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        model: String::new(),
        text: String::new(),
        device: DeviceChoice::Cpu,
        sequence_length: 256,
        max_sequences: 16,
        batch: 4,
        repeats: 5,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        match name.as_str() {
            "--model" => options.model = value,
            "--text" => options.text = value,
            "--device" => options.device = value.parse()?,
            "--sequence-length" => options.sequence_length = value.parse()?,
            "--max-sequences" => options.max_sequences = value.parse()?,
            "--batch" => options.batch = value.parse()?,
            "--repeats" => options.repeats = value.parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    pollster::block_on(run(&options))
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let cancel = Cancel::default();
    let mut silent = |_| ();
    let mut run = Run::new(&mut silent, &cancel);
    let device = open_device(options.device).await?;
    let model = OpenModel::load(Folder::new(&options.model), device, &mut run).await?;
    let text = Text::new(
        &options.text,
        &fs::read_to_string(&options.text)?,
        &model.tokenizer,
        model.decoder.spec().context,
        TextOptions {
            sequence_length: Some(options.sequence_length),
            max_sequences: options.max_sequences,
        },
    )?;
    let with = |taps: &[Tap], spans: &[usize]| MeasureOptions {
        taps: taps.iter().copied().collect(),
        epsilon: ScoreOptions::default().epsilon,
        spans: spans.iter().copied().collect(),
        batch: options.batch,
    };
    let one_tap = with(&[Tap::Output], &[1]);
    let score_taps = with(&[Tap::Input, Tap::Output, Tap::Update], &[1]);
    let all_taps = with(&Tap::ALL, &[1]);

    // Variants take turns, so that a slow minute of the machine hits all of them alike. The first
    // turn warms up and does not count.
    let mut seconds = [const { Vec::new() }; 4];
    for turn in 0..=options.repeats {
        for (variant, seconds) in seconds.iter_mut().enumerate() {
            let start = Instant::now();
            match [None, Some(&one_tap), Some(&score_taps), Some(&all_taps)][variant] {
                None => forward(&model, &text, options.batch).await?,
                Some(with) => {
                    black_box(measure(&model.decoder, &text.sequences, with, &mut run).await?);
                }
            }
            if turn > 0 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let names = [
        "layerlab forward pass",
        "layerlab with statistics of one tap",
        "layerlab with statistics of the score's taps",
        "layerlab with statistics of all taps",
    ];
    for (name, seconds) in names.iter().zip(&mut seconds) {
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        println!("{name}\t{:.1}", text.tokens() as f64 / median);
    }
    if let Some(peak) = peak_memory()? {
        let weights = model.checkpoint.weight_bytes() as f64;
        println!("layerlab peak memory over weights\t{:.3}", peak / weights);
    }
    Ok(())
}

/// The forward pass that nobody watches, waited for by reading one number of its end.
async fn forward(
    model: &OpenModel<Folder>,
    text: &Text,
    batch: usize,
) -> Result<(), Box<dyn Error>> {
    for sequences in text.sequences.chunks(batch) {
        let batch = TokenBatch::new(sequences, PaddingSide::Right)?;
        let hidden = model.decoder.hidden_states(&batch, None, &mut NoObserver)?;
        let last = hidden.slice([0..1, 0..1, 0..1]);
        black_box(last.into_data_async().await?);
    }
    Ok(())
}

/// Largest resident size of this process in bytes, where the system tells.
fn peak_memory() -> Result<Option<f64>, Box<dyn Error>> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        return Ok(None);
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kilobytes
        .map(str::trim)
        .map(str::parse::<f64>)
        .transpose()?
        .map(|kb| kb * 1024.0))
}
