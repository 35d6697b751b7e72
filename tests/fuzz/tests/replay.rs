//! Seeds, and what once broke a reader, given to every target again.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

use layerlab_fuzz::{TARGETS, run};

/// Files of a folder of this package, in the order of their names; none where there is no such folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_target_stands_its_seeds_and_past_crashes() {
    for target in TARGETS {
        let seeds = files(&Path::new("seeds").join(target.name));
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for path in seeds
            .iter()
            .chain(&files(&Path::new("crashes").join(target.name)))
        {
            println!("{}", path.display());
            run(target.name, &fs::read(path).unwrap());
        }
    }
}

#[test]
fn no_seeds_are_left_of_a_target_that_is_gone() {
    for folder in ["seeds", "crashes", "dictionaries"] {
        for path in files(Path::new(folder)) {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(TARGETS.iter().any(|target| target.name == name), "{name}");
        }
    }
}

/// Reads a checkpoint, and makes one.
#[cfg(feature = "device")]
type Checkpoints = (fn(&[u8]) -> bool, fn() -> Vec<u8>);

/// To make the seeds again where their form has changed: `LAYERLAB_WRITE_SEEDS=1 cargo test --workspace --test replay`.
#[cfg(feature = "device")]
#[test]
fn the_seeds_of_trainings_are_accepted_and_their_changes_are_met() {
    use layerlab_fuzz::{distillation_seed, resumes_distillation, resumes_training, training_seed};
    let of_target: [(&str, Checkpoints); 2] = [
        ("training", (resumes_training, training_seed)),
        ("distillation", (resumes_distillation, distillation_seed)),
    ];
    for (target, (resumes, made)) in of_target {
        let folder = Path::new("seeds").join(target);
        let path = folder.join("one_step");
        if std::env::var_os("LAYERLAB_WRITE_SEEDS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, made()).unwrap();
        }
        let seed = fs::read(path).unwrap();
        assert!(resumes(&seed), "{target}");
        let header = 8 + u64::from_le_bytes(seed[..8].try_into().unwrap()) as usize;
        for place in (0..header).chain((header..seed.len()).step_by(61)) {
            for byte in [b'0', b'9', b'-', b' ', 0xff] {
                let mut changed = seed.clone();
                changed[place] = byte;
                run(target, &changed);
            }
        }
        for end in (0..seed.len()).step_by(97) {
            run(target, &seed[..end]);
        }
    }
}
