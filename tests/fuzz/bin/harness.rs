#![no_main]
#![allow(missing_docs)]

libfuzzer_sys::fuzz_target!(init: layerlab_fuzz::expect_contained_panics(), |data: &[u8]| layerlab_fuzz::run("harness", data));
