//! The inputs in `fuzz/seeds`, run through the functions that `tools/fuzz` runs: what was found once stays found.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

mod make;
#[path = "../../fuzz/src/targets/mod.rs"]
mod targets;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

#[test]
fn every_seed_of_every_fuzz_target_is_borne() {
    for (name, target) in targets::TARGETS {
        let seeds = fs::read_dir(folder().join(name)).unwrap_or_else(|_| panic!("no seeds for {name}"));
        let mut seeds: Vec<PathBuf> = seeds.map(|entry| entry.unwrap().path()).collect();
        seeds.sort();
        assert!(!seeds.is_empty(), "{name} has no seed");
        for seed in seeds {
            // Its name is what is read when it fails.
            println!("{}", seed.display());
            target(&fs::read(&seed).unwrap());
        }
    }
}

#[test]
fn every_folder_of_seeds_is_a_target_s_and_together_they_are_small() {
    let known: BTreeSet<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    let mut octets = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(known.contains(name), "{name} is no target");
        let sizes = fs::read_dir(&path).unwrap().map(|seed| seed.unwrap().metadata().unwrap().len());
        octets += sizes.sum::<u64>();
    }
    assert!(octets < 500_000, "{octets} octets of seeds");
}
