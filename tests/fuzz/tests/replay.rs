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

/// To make the seed again where its form has changed: `LAYERLAB_WRITE_SEEDS=1 cargo test --workspace --test replay`.
#[cfg(feature = "device")]
#[test]
fn the_seed_of_a_training_is_accepted_and_its_changes_are_met() {
    let path = Path::new("seeds/training/one_step");
    if std::env::var_os("LAYERLAB_WRITE_SEEDS").is_some() {
        fs::create_dir_all("seeds/training").unwrap();
        fs::write(path, layerlab_fuzz::training_seed()).unwrap();
    }
    let seed = fs::read(path).unwrap();
    assert!(layerlab_fuzz::resumes(&seed));
    let header = 8 + u64::from_le_bytes(seed[..8].try_into().unwrap()) as usize;
    for place in (0..header).chain((header..seed.len()).step_by(61)) {
        for byte in [b'0', b'9', b'-', b' ', 0xff] {
            let mut changed = seed.clone();
            changed[place] = byte;
            run("training", &changed);
        }
    }
    for end in (0..seed.len()).step_by(97) {
        run("training", &seed[..end]);
    }
}
