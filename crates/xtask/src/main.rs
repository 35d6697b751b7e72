//! `cargo xtask <command>`: sets up what is missing, builds, runs and tests the whole.

mod atlas;
mod bench;
mod check;
mod command;
mod fuzz;
mod gpu_kit;
mod lab;
mod mutants;
mod package;
mod setup;
mod test;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  lab [options of `layerlab run`]   build all, do the whole job on a model in the terminal (the bundled one, or
                                    --model), then serve the page on this machine
  web                               build the page into web/dist, a folder for any static host
  check                             layout, lints, and tests that need no device: under a minute once all is built
  test [--all]                      install what the tests need and run them; with --all also those that need PyTorch
                                    and transformers (installed apart) or ../shared, the Python package, licences, and
                                    2 minutes of each fuzz target
  fuzz [--minutes N] [TARGET]       give broken files to what reads files, guided by coverage; 5 minutes for each target
  mutants [PACKAGE...]              change the code in small ways and see that tests notice: stats, score, data,
                                    checkpoint, eval
  atlas write|train --output DIR    write the invented world's texts and tasks, or train the model of it
  bench [--real]                    speed beside PyTorch, candle and onnxruntime-web, into docs/benchmarks.md (needs
                                    tests/bench/requirements.txt; name another interpreter by $PYTHON); with --real
                                    on real models, beside llama.cpp too, into docs/benchmarks-real.md
  python                            the tests of the Python package, against a wheel of it
  package                           a wheel for Python, the page as an archive, and the command as one
  gpu-kit                           one folder that measures a machine with a GPU, where it needs nothing but a driver
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if std::env::var_os(fuzz::INSTRUMENTING).is_some() {
        let compiler: Vec<String> = arguments.collect();
        return match fuzz::instrument(&compiler) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let command = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_deref() {
        Some("lab") => lab::run(&rest),
        Some("web") if rest.is_empty() => web::build(),
        Some("check") if rest.is_empty() => check::run(),
        Some("test") if rest.is_empty() => test::run(),
        Some("test") if rest == ["--all"] => test::all(),
        Some("fuzz") => fuzz::run(&rest),
        Some("mutants") => mutants::run(&rest),
        Some("bench") if rest.is_empty() => bench::run(),
        Some("bench") if rest == ["--real"] => bench::real(),
        Some("package") if rest.is_empty() => package::run(),
        Some("python") if rest.is_empty() => {
            setup::python().and_then(|python| package::test(&python))
        }
        Some("gpu-kit") if rest.is_empty() => gpu_kit::run(),
        Some("atlas") => atlas::run(&rest),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
