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
