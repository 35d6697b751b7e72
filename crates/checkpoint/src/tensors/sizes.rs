//! What a model's files and weights take, as headers tell it: no weight is read for it.

use layerlab_stored::StoredType;

use super::{Arrangement, Block, Checkpoint, CheckpointError, TensorEntry, index};
use crate::{ModelFiles, families::TensorLayout, tokenizer};

/// Bytes of a value as float32.
const SINGLE: u64 = 4;
/// What is read of a model in safetensors besides weights and tokenizer.
const CONFIGURATIONS: [&str; 2] = ["config.json", "generation_config.json"];

/// What a model's files have, and what its weights take in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightSizes {
    /// Bytes of all files that are read of it: what a download would bring.
    pub files: u64,
    /// On a processor: matrices as the file has them, where it has their rows.
    pub stored: HeldSize,
    /// On a GPU: matrices of two bytes a value so, all else as float32.
    pub gpu: HeldSize,
    /// All as float32.
    pub f32: HeldSize,
    /// Name of a head beside embeddings that are said to be tied. It is not counted above, and comes on top only where its
    /// values differ from the embeddings', which headers do not tell.
    pub head_beside: Option<String>,
}

/// Weights in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldSize {
    /// Bytes of all tensors that the decoder asks for.
    pub bytes: u64,
    /// Name of the largest of them.
    pub largest_name: String,
    /// Its bytes.
    pub largest_bytes: u64,
}

impl HeldSize {
    const EMPTY: Self = Self {
        bytes: 0,
        largest_name: String::new(),
        largest_bytes: 0,
    };

    fn add(&mut self, name: &str, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        if bytes > self.largest_bytes {
            name.clone_into(&mut self.largest_name);
            self.largest_bytes = bytes;
        }
    }
}

impl TensorEntry {
    /// Bytes that it takes as float32.
    pub fn f32_bytes(&self) -> u64 {
        self.values().saturating_mul(SINGLE)
    }

    /// Bytes that it takes on a GPU, where matrices of two bytes a value stay so: two values of a row in four bytes.
    pub fn gpu_bytes(&self) -> u64 {
        match (&*self.shape, self.dtype) {
            (&[rows, columns], StoredType::F16 | StoredType::BF16) => {
                let row = (columns as u64).div_ceil(2).saturating_mul(SINGLE);
                row.saturating_mul(rows as u64)
            }
            _ => self.f32_bytes(),
        }
    }

    /// Bytes that it takes where a processor holds it. Matrices keep the file's bytes where the file has their rows, moved
    /// or not; all else becomes float32.
    pub fn stored_bytes(&self) -> u64 {
        let [_, columns] = *self.shape.as_slice() else {
            return self.f32_bytes();
        };
        let has_rows = !matches!(
            self.arrangement,
            Arrangement::Transposed | Arrangement::PlusOne
        );
        match self.dtype.block() {
            Some(Block { values, .. }) if has_rows && columns.is_multiple_of(values) => self.bytes,
            _ => self.f32_bytes(),
        }
    }
}

impl<F: ModelFiles> Checkpoint<F> {
    /// What files and weights take. Sizes of files are asked for, and nothing is read.
    ///
    /// # Errors
    /// When the configuration describes no decoder that can be run, a tensor is missing or cannot be read, as
    /// [`inventory`](Self::inventory) finds it, or a file's size cannot be told.
    pub async fn sizes(&self) -> Result<WeightSizes, CheckpointError> {
        let described = self.described()?;
        let mut spec = described.spec;
        let mut head_beside = described
            .head_beside
            .then(|| format!("{}.weight", described.names.head));
        if let (Some(_), Some(inventory)) = (&head_beside, self.inventory.get()) {
            // The values were compared already.
            spec.tied_embeddings = inventory.spec().tied_embeddings;
            head_beside = None;
        }
        let layout = TensorLayout {
            spec: &spec,
            names: described.names,
            prefix: described.prefix,
            only_head: described.only_head,
        };
        self.check(layout)?;
        let [mut stored, mut gpu, mut f32] = [const { HeldSize::EMPTY }; 3];
        for tensor in layout.all() {
            if let Some(entry) = self.entry(&tensor.name) {
                stored.add(&tensor.name, entry.stored_bytes());
                gpu.add(&tensor.name, entry.gpu_bytes());
                f32.add(&tensor.name, entry.f32_bytes());
            }
        }
        Ok(WeightSizes {
            files: self.file_bytes().await?,
            stored,
            gpu,
            f32,
            head_beside,
        })
    }

    /// Bytes of the files that are read of the model. A GGUF file holds all of it.
    async fn file_bytes(&self) -> Result<u64, CheckpointError> {
        let mut names: Vec<&str> = self.weight_files().iter().map(String::as_str).collect();
        let has_tokenizer = self.size_of(tokenizer::TOKENIZER).await? > 0;
        let in_safetensors = names.iter().any(|name| name.ends_with(".safetensors"));
        names.extend(has_tokenizer.then_some(tokenizer::TOKENIZER));
        if in_safetensors {
            let vocabulary = tokenizer::VOCABULARY_FILES.iter();
            names.extend(vocabulary.filter(|_| !has_tokenizer));
            names.extend(CONFIGURATIONS);
            names.extend(tokenizer::BESIDE);
            names.extend(index::WEIGHT_FILES);
            names.sort_unstable();
            names.dedup();
        }
        let mut bytes = 0u64;
        for name in names {
            bytes = bytes.saturating_add(self.size_of(name).await?);
        }
        Ok(bytes)
    }

    /// Bytes of a file; 0 where there is none.
    async fn size_of(&self, name: &str) -> Result<u64, CheckpointError> {
        Ok(self.files().size(name).await?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensors::StoredType;

    fn entry(dtype: StoredType, shape: &[usize], arrangement: Arrangement) -> TensorEntry {
        let values: usize = shape.iter().product();
        let block = dtype.block().unwrap_or(Block {
            values: 1,
            bytes: 0,
        });
        TensorEntry {
            file: "model.gguf".into(),
            dtype,
            shape: shape.to_vec(),
            offset: 0,
            bytes: (values / block.values * block.bytes) as u64,
            arrangement,
        }
    }

    #[test]
    fn matrices_keep_the_bytes_of_the_file_where_their_rows_are_there() {
        use Arrangement::{AsIs, HalvesByTurns, PlusOne, Transposed};
        let turns = HalvesByTurns { heads: 2 };
        let q4 = |arrangement| entry(StoredType::Q4K, &[8, 512], arrangement).stored_bytes();
        // 8 rows of two blocks of 144 bytes.
        assert_eq!(q4(AsIs), 8 * 2 * 144);
        assert_eq!(q4(turns), 8 * 2 * 144);
        assert_eq!(q4(Transposed), 8 * 512 * 4);
        assert_eq!(q4(PlusOne), 8 * 512 * 4);
        let f16 = |arrangement| entry(StoredType::F16, &[8, 6], arrangement).stored_bytes();
        assert_eq!(f16(AsIs), 96);
        assert_eq!(f16(turns), 96);
        assert_eq!(f16(Transposed), 192);
        let single = entry(StoredType::F32, &[8, 6], turns);
        assert_eq!(single.stored_bytes(), 192);
    }

    #[test]
    fn vectors_become_single_precision() {
        for dtype in [StoredType::F16, StoredType::BF16, StoredType::Q8_0] {
            let vector = entry(dtype, &[64], Arrangement::AsIs);
            assert_eq!(vector.stored_bytes(), 256, "{dtype}");
        }
    }
}
