//! Speed of what the lab does, on the CPU or GPU. Run by `cargo xtask bench` beside its peers; prints one
//! `name<TAB>value` a line.

mod generating;
mod goldens;
mod healing;
mod kernel;
mod pruning;
mod random_model;
mod repair;
mod scoring;

use std::{error::Error, fs, path::Path};

use layerlab_lab::{
    Cancel, DeviceChoice, OpenModel, Run, Text, TextOptions, files::Folder, open_device,
};
use random_model::Shape;

/// As the command has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failed = Box<dyn Error + Send + Sync>;

struct Options {
    model: String,
    text: String,
    device: DeviceChoice,
    sequence_length: usize,
    max_sequences: usize,
    batch: usize,
    repeats: usize,
    /// Whether scoring passes are measured.
    passes: bool,
    /// What is measured beside the scoring pass.
    leave_one_out: bool,
    repair: bool,
    heal: bool,
    generate: bool,
    /// How many cuts are judged, if any.
    cuts: usize,
    /// The statistics kernel alone, without a model.
    kernel: bool,
    /// A folder of goldens, compared on the device, without a model.
    goldens: Option<String>,
    /// Writes a model of this shape to `model`, and no more.
    random: Option<Shape>,
}

fn options() -> Result<Options, Failed> {
    let mut options = Options {
        model: String::new(),
        text: String::new(),
        device: DeviceChoice::Cpu,
        sequence_length: 256,
        max_sequences: 16,
        batch: 4,
        repeats: 5,
        passes: true,
        leave_one_out: false,
        repair: false,
        heal: false,
        generate: false,
        cuts: 0,
        kernel: false,
        goldens: None,
        random: None,
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
            "--passes" => options.passes = value.parse()?,
            "--leave-one-out" => options.leave_one_out = value.parse()?,
            "--repair" => options.repair = value.parse()?,
            "--heal" => options.heal = value.parse()?,
            "--generate" => options.generate = value.parse()?,
            "--cuts" => options.cuts = value.parse()?,
            "--kernel" => options.kernel = value.parse()?,
            "--goldens" => options.goldens = Some(value),
            "--random" => options.random = Some(shape(&value)?),
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok(options)
}

/// Of layers and channels, and whether weights are float16, such as `12x768` or `24x2048-f16`.
fn shape(value: &str) -> Result<Shape, Failed> {
    let (size, half) = match value.strip_suffix("-f16") {
        Some(size) => (size, true),
        None => (value, false),
    };
    let (layers, width) = size.split_once('x').ok_or("a shape is LAYERSxWIDTH")?;
    Ok(Shape {
        layers: layers.parse()?,
        width: width.parse()?,
        half,
    })
}

fn main() -> Result<(), Failed> {
    let options = options()?;
    // As the command does.
    rayon::scope(|_| pollster::block_on(run(&options)))
}

async fn run(options: &Options) -> Result<(), Failed> {
    if let Some(shape) = options.random {
        return random_model::write(Path::new(&options.model), shape);
    }
    let cancel = Cancel::default();
    let mut silent = |_| ();
    let mut run = Run::new(&mut silent, &cancel);
    let device = open_device(options.device).await?;
    eprintln!("device: {}", device.name);
    if options.kernel {
        return kernel::measure_kernel(&device.device, options.repeats).await;
    }
    if let Some(folder) = &options.goldens {
        return goldens::compare(folder, &device).await;
    }
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
    if options.passes {
        scoring::measure_passes(&model, &text, options, &mut run).await?;
        if let Some(peak) = peak_memory()? {
            let weights = model.checkpoint.weight_bytes() as f64;
            println!("layerlab peak memory over weights\t{:.3}", peak / weights);
        }
    }
    if options.leave_one_out {
        pruning::measure_leave_one_out(&model, &text, options, &mut run).await?;
    }
    if options.cuts > 0 {
        pruning::measure_cuts(&model, options).await?;
    }
    if options.generate {
        generating::measure_generation(&model, &text, options).await?;
    }
    if options.repair {
        repair::measure_steps(&model, options).await?;
    }
    if options.heal {
        healing::measure_refit(&model, &text, options, &mut run).await?;
        healing::measure_distil(&model, &text, options).await?;
    }
    Ok(())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Largest resident size of this process in bytes, where the system tells.
fn peak_memory() -> Result<Option<f64>, Failed> {
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
