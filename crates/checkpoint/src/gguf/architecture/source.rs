//! What a configuration is made of: the metadata under the architecture's own keys, and which tensors there are.

use std::{cell::RefCell, collections::BTreeMap, collections::BTreeSet};

use serde_json::{Value, json};

use super::{Fields, rope};
use crate::{
    gguf::{
        GgufError,
        metadata::{Metadata, Scalar},
    },
    tensors::TensorEntry,
};

/// Keys that change nothing of what is computed, or say again what others do.
const OF_NO_CONSEQUENCE: [&str; 7] = [
    "vocab_size",
    "tensor_data_layout",
    "rope.scaling.finetuned",
    "pooling_type",
    // Of the other kind of norm, where both are said; and turns of what has learned positions.
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "rope.dimension_count",
];

/// One file's (or split model's) own account of itself.
pub(in crate::gguf) struct Source<'a> {
    /// `general.architecture`, which the keys begin with.
    pub architecture: &'static str,
    pub metadata: &'a Metadata,
    /// Tensors by their names in the file.
    pub tensors: &'a BTreeMap<String, TensorEntry>,
    /// Values of the tensors that change rotary positions, by name.
    pub factors: &'a BTreeMap<String, Vec<f32>>,
    /// Keys that have been asked for.
    asked: RefCell<BTreeSet<String>>,
}

/// Sizes that most configurations name alike.
pub(in crate::gguf) struct Sizes {
    pub hidden: u64,
    pub layers: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub head_dim: u64,
    pub context: u64,
    pub inner: u64,
    pub vocabulary: u64,
}

impl<'a> Source<'a> {
    pub fn new(
        architecture: &'static str,
        metadata: &'a Metadata,
        tensors: &'a BTreeMap<String, TensorEntry>,
        factors: &'a BTreeMap<String, Vec<f32>>,
    ) -> Self {
        Self {
            architecture,
            metadata,
            tensors,
            factors,
            asked: RefCell::default(),
        }
    }

    /// The whole key.
    pub fn key(&self, name: &str) -> String {
        let key = format!("{}.{name}", self.architecture);
        self.asked.borrow_mut().insert(key.clone());
        key
    }

    /// Whether there is such a tensor, by its name in the file.
    pub fn has(&self, tensor: &str) -> bool {
        self.tensors.contains_key(tensor)
    }

    pub fn natural(&self, name: &str) -> Result<Option<u64>, GgufError> {
        self.metadata.same_natural(&self.key(name))
    }

    pub fn required_natural(&self, name: &str) -> Result<u64, GgufError> {
        self.natural(name)?.ok_or_else(|| self.missing(name))
    }

    pub fn number(&self, name: &str) -> Result<Option<f64>, GgufError> {
        self.metadata.number(&self.key(name))
    }

    pub fn required_number(&self, name: &str) -> Result<f64, GgufError> {
        self.number(name)?.ok_or_else(|| self.missing(name))
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, GgufError> {
        self.metadata.flag(&self.key(name))
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, GgufError> {
        self.metadata.text(&self.key(name))
    }

    fn missing(&self, name: &str) -> GgufError {
        GgufError::Missing {
            key: self.key(name),
            more: "",
        }
    }

    /// Heads of queries, and of keys and values.
    pub fn head_counts(&self) -> Result<(u64, u64), GgufError> {
        let heads = self.required_natural("attention.head_count")?;
        let kv_heads = self.natural("attention.head_count_kv")?.unwrap_or(heads);
        match heads > 0 && kv_heads > 0 {
            true => Ok((heads, kv_heads)),
            false => Err(GgufError::Metadata {
                key: self.key("attention.head_count"),
                problem: format!("and `_kv` are {heads} and {kv_heads}, and neither can be 0"),
            }),
        }
    }

    /// The sizes, with llama.cpp's defaults: as many key heads as query heads, and heads that share the channels among them.
    pub fn sizes(&self) -> Result<Sizes, GgufError> {
        const EMBEDDING: &str = "token_embd.weight";
        let hidden = self.required_natural("embedding_length")?;
        let layers = self.required_natural("block_count")?;
        // Lists of the layers are made of this: there are not more of them than tensors.
        if layers > self.tensors.len() as u64 {
            return Err(GgufError::Metadata {
                key: self.key("block_count"),
                problem: format!("is {layers}, but there are {} tensors", self.tensors.len()),
            });
        }
        let (heads, kv_heads) = self.head_counts()?;
        let head_dim = match self.natural("attention.key_length")? {
            Some(length) => length,
            None if hidden.is_multiple_of(heads) => hidden / heads,
            None => {
                return Err(GgufError::Metadata {
                    key: self.key("embedding_length"),
                    problem: format!("is {hidden}, which {heads} heads cannot share evenly"),
                });
            }
        };
        let values = self.natural("attention.value_length")?.unwrap_or(head_dim);
        if values != head_dim {
            return Err(GgufError::Unsupported {
                key: self.key("attention.value_length"),
                found: values.to_string(),
                supported: format!("heads of values must be as long as those of keys ({head_dim})"),
            });
        }
        let embedding = self.tensors.get(EMBEDDING);
        let vocabulary = embedding.and_then(|entry| entry.shape.first().copied());
        let vocabulary = vocabulary.ok_or_else(|| GgufError::Tensor {
            name: EMBEDDING.to_owned(),
            problem: "is missing".to_owned(),
        })?;
        Ok(Sizes {
            hidden,
            layers,
            heads,
            kv_heads,
            head_dim,
            context: self.required_natural("context_length")?,
            inner: self.required_natural("feed_forward_length")?,
            vocabulary: vocabulary as u64,
        })
    }

    /// What most families of Llama's kind say.
    pub fn common(&self, model_type: &str, class: &str) -> Result<(Fields, Sizes), GgufError> {
        let sizes = self.sizes()?;
        let mut fields = self.named(model_type, class)?;
        let Sizes {
            hidden,
            layers,
            heads,
            kv_heads,
            head_dim,
            context,
            inner,
            vocabulary,
        } = sizes;
        for (name, size) in [
            ("vocab_size", vocabulary),
            ("hidden_size", hidden),
            ("intermediate_size", inner),
            ("num_hidden_layers", layers),
            ("num_attention_heads", heads),
            ("num_key_value_heads", kv_heads),
            ("head_dim", head_dim),
            ("max_position_embeddings", context),
        ] {
            fields.insert(name.to_owned(), size.into());
        }
        Ok((fields, sizes))
    }

    /// Names, ids of special tokens, and whether the embeddings are the head.
    pub fn named(&self, model_type: &str, class: &str) -> Result<Fields, GgufError> {
        let mut fields = Fields::new();
        fields.insert("architectures".to_owned(), json!([class]));
        fields.insert("model_type".to_owned(), model_type.into());
        let tied = !self.has("output.weight");
        fields.insert("tie_word_embeddings".to_owned(), tied.into());
        let id = |name: &str| {
            let key = format!("tokenizer.ggml.{name}_token_id");
            self.metadata.natural(&key)
        };
        for (role, field) in [("bos", "bos_token_id"), ("padding", "pad_token_id")] {
            if let Some(id) = id(role)? {
                fields.insert(field.to_owned(), id.into());
            }
        }
        // A chat's turn may end with another token than a text does.
        let mut ends: Vec<Value> = Vec::new();
        for role in ["eos", "eot"] {
            let end = id(role)?.map(Value::from);
            ends.extend(end.filter(|end| !ends.contains(end)));
        }
        let ends = match ends.len() {
            0 => return Ok(fields),
            1 => ends.remove(0),
            _ => Value::Array(ends),
        };
        fields.insert("eos_token_id".to_owned(), ends);
        Ok(fields)
    }

    /// Rotary positions over whole heads: the base (llama.cpp's default is 10,000) and its scaling.
    pub fn rotary(&self, fields: &mut Fields, sizes: &Sizes) -> Result<(), GgufError> {
        let turned = self.turned(sizes)?;
        if turned != sizes.head_dim {
            return Err(GgufError::Unsupported {
                key: self.key("rope.dimension_count"),
                found: turned.to_string(),
                supported: format!(
                    "of this architecture all {} channels of a head are turned",
                    sizes.head_dim
                ),
            });
        }
        self.base_and_scaling(fields, "rope_theta", sizes)
    }

    /// Rotary positions over a part of each head.
    pub fn partly_rotary(
        &self,
        fields: &mut Fields,
        share: &str,
        base: &str,
        sizes: &Sizes,
    ) -> Result<(), GgufError> {
        let turned = self.turned(sizes)?;
        let whole = sizes.head_dim as f64;
        let mut part = turned as f64 / whole;
        // The share is multiplied and cut off again.
        if ((part * whole) as u64) < turned {
            part = part.next_up();
        }
        fields.insert(share.to_owned(), part.into());
        self.base_and_scaling(fields, base, sizes)
    }

    /// Channels of a head that are turned; llama.cpp's default is all of them.
    fn turned(&self, sizes: &Sizes) -> Result<u64, GgufError> {
        let turned = self.natural("rope.dimension_count")?;
        Ok(turned.unwrap_or(sizes.head_dim))
    }

    fn base_and_scaling(
        &self,
        fields: &mut Fields,
        base: &str,
        sizes: &Sizes,
    ) -> Result<(), GgufError> {
        let theta = self.number("rope.freq_base")?.unwrap_or(10_000.0);
        fields.insert(base.to_owned(), theta.into());
        if let Some(scaling) = rope::scaling(self, theta, sizes)? {
            fields.insert("rope_scaling".to_owned(), scaling);
        }
        Ok(())
    }

    /// Refuses what the file says of the architecture and nobody asked for: it would be computed otherwise than here.
    pub fn check_all_asked(&self) -> Result<(), GgufError> {
        const CAUSAL: &str = "attention.causal";
        if self.flag(CAUSAL)? == Some(false) {
            return Err(GgufError::Unsupported {
                key: self.key(CAUSAL),
                found: "false".to_owned(),
                supported: "read are models in which no token sees what follows it".to_owned(),
            });
        }
        for name in OF_NO_CONSEQUENCE {
            self.key(name);
        }
        let asked = self.asked.borrow();
        let start = format!("{}.", self.architecture);
        let own = self.metadata.keys().filter(|key| key.starts_with(&start));
        for key in own {
            // Nothing, none of it and no: as if it were not said.
            let says = match self.metadata.scalar(key) {
                Some(Scalar::Natural(0) | Scalar::Bool(false)) => continue,
                Some(Scalar::F32(number)) if *number == 0.0 => continue,
                Some(Scalar::Natural(number)) => number.to_string(),
                Some(Scalar::Negative(number)) => number.to_string(),
                Some(Scalar::F32(number)) => number.to_string(),
                Some(Scalar::F64(number)) => number.to_string(),
                Some(Scalar::Bool(flag)) => flag.to_string(),
                Some(Scalar::Text(text)) => format!("`{text}`"),
                None => "a list".to_owned(),
            };
            if !asked.contains(key) {
                return Err(GgufError::Unsupported {
                    key: key.to_owned(),
                    found: says,
                    supported: format!(
                        "models of the architecture `{}` are read without it",
                        self.architecture
                    ),
                });
            }
        }
        Ok(())
    }
}
