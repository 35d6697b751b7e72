//! A module as the page fetches it: gzip, so that it is small on hosts that do not pack.

use std::{fs, path::Path};

use libdeflater::{CompressionLvl, Compressor};

/// In place of the file `name` of the folder, `packed_name` with the same contents; gives both sizes.
pub fn pack(folder: &Path, name: &str, packed_name: &str) -> Result<[usize; 2], String> {
    let (from, to) = (folder.join(name), folder.join(packed_name));
    let module = fs::read(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    let packed = compressed(&module)?;
    fs::write(&to, &packed).map_err(|error| format!("{}: {error}", to.display()))?;
    // The page must not find the other.
    fs::remove_file(&from).map_err(|error| format!("{}: {error}", from.display()))?;
    Ok([module.len(), packed.len()])
}

fn compressed(module: &[u8]) -> Result<Vec<u8>, String> {
    // Some 3 % smaller than the most that zlib can.
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut packed = vec![0; compressor.gzip_compress_bound(module.len())];
    let length = compressor
        .gzip_compress(module, &mut packed)
        .map_err(|error| format!("packing: {error}"))?;
    packed.truncate(length);
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_packed_unpacks_to_the_same_and_stands_alone() {
        let folder = std::env::temp_dir().join(format!("layerlab-pack-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let contents: Vec<u8> = (0..100_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        fs::write(folder.join("a.wasm"), &contents).unwrap();
        let [length, packed] = pack(&folder, "a.wasm", "a.wasm.packed").unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*fs::read(folder.join("a.wasm.packed")).unwrap())
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, contents);
        assert_eq!(length, contents.len());
        assert!(packed < length / 2, "{packed} of {length}");
        assert!(!folder.join("a.wasm").exists());
        assert!(pack(&folder, "a.wasm", "b").is_err_and(|error| error.contains("a.wasm")));
        fs::remove_dir_all(folder).unwrap();
    }
}
