//! GGUF files put together by hand, to be spoilt.

/// A value of the metadata.
#[derive(Clone)]
pub enum Pair {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<i32>),
    Scores(Vec<f32>),
    /// A type and bytes as they are.
    Raw(u32, Vec<u8>),
}

/// A tensor: dimensions as GGUF has them, fastest first.
#[derive(Clone)]
pub struct Tensor {
    pub name: String,
    pub dimensions: Vec<u64>,
    pub kind: u32,
    /// Where it begins; after the one before if none.
    pub offset: Option<u64>,
    pub data: Vec<u8>,
}

/// A file.
#[derive(Clone)]
pub struct File {
    pub magic: [u8; 4],
    pub version: [u8; 4],
    pub pairs: Vec<(String, Pair)>,
    pub tensors: Vec<Tensor>,
    /// What is claimed, where that is another number.
    pub tensor_count: Option<u64>,
    pub pair_count: Option<u64>,
    pub alignment: u64,
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn list(bytes: &mut Vec<u8>, kind: u32, count: usize) {
    bytes.extend(9u32.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend((count as u64).to_le_bytes());
}

impl Pair {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::U32(number) => {
                bytes.extend(4u32.to_le_bytes());
                bytes.extend(number.to_le_bytes());
            }
            Self::F32(number) => {
                bytes.extend(6u32.to_le_bytes());
                bytes.extend(number.to_le_bytes());
            }
            Self::Bool(flag) => {
                bytes.extend(7u32.to_le_bytes());
                bytes.push(u8::from(*flag));
            }
            Self::Text(said) => {
                bytes.extend(8u32.to_le_bytes());
                text(bytes, said);
            }
            Self::Texts(texts) => {
                list(bytes, 8, texts.len());
                texts.iter().for_each(|said| text(bytes, said));
            }
            Self::Numbers(numbers) => {
                list(bytes, 5, numbers.len());
                bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            }
            Self::Scores(numbers) => {
                list(bytes, 6, numbers.len());
                bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            }
            Self::Raw(kind, raw) => {
                bytes.extend(kind.to_le_bytes());
                bytes.extend(raw);
            }
        }
    }
}

impl File {
    /// A llama of one layer, four channels and two heads, with a tokenizer of four tokens.
    pub fn llama() -> Self {
        let mut file = Self {
            magic: *b"GGUF",
            version: 3u32.to_le_bytes(),
            pairs: Vec::new(),
            tensors: Vec::new(),
            tensor_count: None,
            pair_count: None,
            alignment: 32,
        };
        file.set("general.architecture", Pair::Text("llama".into()));
        for (key, number) in [
            ("context_length", 8),
            ("embedding_length", 4),
            ("block_count", 1),
            ("feed_forward_length", 4),
            ("attention.head_count", 2),
        ] {
            file.set(&format!("llama.{key}"), Pair::U32(number));
        }
        file.set("llama.attention.layer_norm_rms_epsilon", Pair::F32(1e-5));
        let tokens = ["<e>", "a", "b", "ab"].map(String::from);
        file.set("tokenizer.ggml.model", Pair::Text("gpt2".into()));
        file.set("tokenizer.ggml.pre", Pair::Text("gpt-2".into()));
        file.set("tokenizer.ggml.tokens", Pair::Texts(tokens.to_vec()));
        file.set("tokenizer.ggml.token_type", Pair::Numbers(vec![3, 1, 1, 1]));
        file.set("tokenizer.ggml.merges", Pair::Texts(vec!["a b".into()]));
        for name in [
            "token_embd",
            "blk.0.attn_q",
            "blk.0.attn_k",
            "blk.0.attn_v",
            "blk.0.attn_output",
            "blk.0.ffn_gate",
            "blk.0.ffn_up",
            "blk.0.ffn_down",
        ] {
            file.add(&format!("{name}.weight"), &[4, 4]);
        }
        for name in ["output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"] {
            file.add(&format!("{name}.weight"), &[4]);
        }
        file
    }

    /// Sets a pair, in its place if it is there.
    pub fn set(&mut self, key: &str, value: Pair) {
        match self.pairs.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.pairs.push((key.to_owned(), value)),
        }
    }

    pub fn unset(&mut self, key: &str) {
        self.pairs.retain(|(name, _)| name != key);
    }

    /// Adds a tensor of numbers in single precision.
    pub fn add(&mut self, name: &str, dimensions: &[u64]) {
        let values = 0..dimensions.iter().product::<u64>();
        self.tensors.push(Tensor {
            name: name.to_owned(),
            dimensions: dimensions.to_vec(),
            kind: 0,
            offset: None,
            data: values
                .flat_map(|value| (value as f32).to_le_bytes())
                .collect(),
        });
    }

    pub fn tensor(&mut self, name: &str) -> &mut Tensor {
        let mut tensors = self.tensors.iter_mut();
        tensors
            .find(|tensor| tensor.name == name)
            .expect("the tensor")
    }

    /// The file as it would lie on disk.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version);
        let tensors = self.tensor_count.unwrap_or(self.tensors.len() as u64);
        bytes.extend(tensors.to_le_bytes());
        let pairs = self.pair_count.unwrap_or(self.pairs.len() as u64);
        bytes.extend(pairs.to_le_bytes());
        for (key, value) in &self.pairs {
            text(&mut bytes, key);
            value.write(&mut bytes);
        }
        let mut data: Vec<u8> = Vec::new();
        for tensor in &self.tensors {
            data.resize(data.len().next_multiple_of(self.alignment as usize), 0);
            text(&mut bytes, &tensor.name);
            bytes.extend((tensor.dimensions.len() as u32).to_le_bytes());
            for size in &tensor.dimensions {
                bytes.extend(size.to_le_bytes());
            }
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend(tensor.offset.unwrap_or(data.len() as u64).to_le_bytes());
            data.extend(&tensor.data);
        }
        bytes.resize(bytes.len().next_multiple_of(self.alignment as usize), 0);
        bytes.extend(data);
        bytes
    }
}
