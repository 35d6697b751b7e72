//! Which tensors a decoder asks for, by name and shape: the one place that knows. The accounting of a file, loading and
//! export all ask here.

use super::{AttentionNames, LinearLayout, MlpNames, TensorNames};
use crate::spec::{DecoderSpec, HeadNormSpec, NormKind, PositionSpec, Residual};

/// A tensor that a decoder asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedTensor {
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
}

/// The tensors of a linear map or of a norm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    /// The matrix of a map, the scale of a norm.
    pub weight: ExpectedTensor,
    /// What is added, where anything is.
    pub bias: Option<ExpectedTensor>,
}

impl Affine {
    /// One after the other.
    pub fn tensors(self) -> impl Iterator<Item = ExpectedTensor> {
        std::iter::once(self.weight).chain(self.bias)
    }
}

/// Query, key and value projections as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryKeyValue {
    /// Three maps.
    Split(Box<[Affine; 3]>),
    /// One map with the outputs of all three.
    Fused(Affine),
}

/// The maps into the MLP's inner channels as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateUp {
    /// Each by itself.
    Split {
        /// What decides how much passes, where the MLP is gated.
        gate: Option<Affine>,
        /// What passes.
        up: Affine,
    },
    /// One map with the outputs of both.
    Fused(Affine),
}

/// The tensors of one block, in the order in which a pass meets them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTensors {
    /// The norm before attention, where there is one.
    pub attention_norm: Option<Affine>,
    /// Query, key and value projections.
    pub attention: QueryKeyValue,
    /// The scales of the norms of queries and of keys, one tensor or one for each head; empty where there are none.
    pub head_norms: [Vec<ExpectedTensor>; 2],
    /// The projection from the heads back to the residual stream.
    pub attention_output: Affine,
    /// The norm before the MLP, where it has its own.
    pub mlp_norm: Option<Affine>,
    /// Into the MLP's inner channels.
    pub gate_up: GateUp,
    /// Back to the residual stream.
    pub down: Affine,
    /// The norms after attention and after the MLP, where there are any.
    pub after_norms: Option<Box<[Affine; 2]>>,
}

impl BlockTensors {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = ExpectedTensor> {
        let attention = match self.attention {
            QueryKeyValue::Split(maps) => Vec::from(*maps),
            QueryKeyValue::Fused(map) => vec![map],
        };
        let into_mlp = match self.gate_up {
            GateUp::Split { gate, up } => gate.into_iter().chain([up]).collect(),
            GateUp::Fused(map) => vec![map],
        };
        let after = self
            .after_norms
            .map_or_else(Vec::new, |norms| Vec::from(*norms));
        let [queries, keys] = self.head_norms;
        self.attention_norm
            .into_iter()
            .chain(attention)
            .chain([self.attention_output])
            .chain(self.mlp_norm)
            .chain(into_mlp)
            .chain([self.down])
            .chain(after)
            .flat_map(Affine::tensors)
            .chain(queries)
            .chain(keys)
    }
}

/// Where the tensors of a decoder lie: its description, the names of its family, and what these begin with in this file.
#[derive(Debug, Clone, Copy)]
pub struct TensorLayout<'a> {
    /// The decoder.
    pub spec: &'a DecoderSpec,
    /// The family's names.
    pub names: &'static TensorNames,
    /// What all names but that of the head begin with here; nothing in checkpoints of the bare model.
    pub prefix: &'static str,
    /// Whether the embedding matrix is stored under the head's name alone.
    pub only_head: bool,
}

impl TensorLayout<'_> {
    /// Every tensor, one after another: nothing is held.
    pub fn all(&self) -> impl Iterator<Item = ExpectedTensor> {
        let shared = [Some(self.embedding()), self.positions()];
        let blocks = (0..self.spec.layers()).flat_map(|layer| self.block(layer).all());
        let Affine { weight, bias } = self.final_norm();
        shared
            .into_iter()
            .flatten()
            .chain(blocks)
            .chain([weight])
            .chain(bias)
            .chain(self.head().into_iter().flat_map(Affine::tensors))
    }

    /// The embedding matrix, `[vocabulary, hidden size]`.
    pub fn embedding(&self) -> ExpectedTensor {
        let shape = vec![self.spec.vocab_size, self.spec.hidden_size];
        let name = match self.only_head {
            true => self.names.head.to_owned(),
            false => self.shared(self.names.embedding),
        };
        weight(&name, shape)
    }

    /// Learned positions, `[offset + positions, hidden size]`, where there are any.
    pub fn positions(&self) -> Option<ExpectedTensor> {
        match (self.names.positions, &self.spec.position) {
            (Some(name), PositionSpec::Learned { positions, offset }) => {
                let shape = vec![positions.saturating_add(*offset), self.spec.hidden_size];
                Some(weight(&self.shared(name), shape))
            }
            _ => None,
        }
    }

    /// The norm after the last block.
    pub fn final_norm(&self) -> Affine {
        self.norm(&self.shared(self.names.final_norm))
    }

    /// The output projection, `[vocabulary, hidden size]`, where it is not the embedding matrix. It is an ordinary map even
    /// where those of the blocks are not.
    pub fn head(&self) -> Option<Affine> {
        let (name, size) = (self.names.head, self.spec.vocab_size);
        let untied = !self.spec.tied_embeddings;
        untied.then(|| Affine {
            weight: weight(name, vec![size, self.spec.hidden_size]),
            bias: self.spec.logits.bias.then(|| self.bias(name, size)),
        })
    }

    /// The tensors of block `layer`.
    pub fn block(&self, layer: usize) -> BlockTensors {
        let names = self.names;
        let of_block = |name: &str| self.of_block(layer, name);
        let spec = &self.spec.attention;
        // Sizes that fit no memory saturate, and then no tensor has them.
        let queries = spec.heads.saturating_mul(spec.head_dim);
        let keys = spec.kv_heads.saturating_mul(spec.head_dim);
        let (hidden, inner) = (self.spec.hidden_size, self.spec.mlp.inner_size);
        let (qkv_bias, mlp_bias) = (spec.qkv_bias, self.spec.mlp.bias);
        let map = |name: &str, shape, bias| self.map(&of_block(name), shape, bias);
        let attention = match &names.attention {
            AttentionNames::Split([query, key, value]) => QueryKeyValue::Split(Box::new([
                map(query, [queries, hidden], qkv_bias),
                map(key, [keys, hidden], qkv_bias),
                map(value, [keys, hidden], qkv_bias),
            ])),
            AttentionNames::FusedInTurn(name) | AttentionNames::FusedPerHead(name) => {
                let outputs = queries.saturating_add(keys.saturating_mul(2));
                QueryKeyValue::Fused(map(name, [outputs, hidden], qkv_bias))
            }
        };
        let inwards = |name: &str, outputs| map(name, [outputs, hidden], mlp_bias);
        let split = |gate: Option<&str>, up| GateUp::Split {
            gate: gate.map(|gate| inwards(gate, inner)),
            up: inwards(up, inner),
        };
        let (gate_up, down) = match names.mlp {
            MlpNames::Gated([gate, up, down]) => (split(Some(gate), up), down),
            MlpNames::Plain([up, down]) => (split(None, up), down),
            MlpNames::FusedGate([both, down]) => {
                (GateUp::Fused(inwards(both, inner.saturating_mul(2))), down)
            }
        };
        let placement = self.spec.norm_placement;
        BlockTensors {
            attention_norm: placement
                .is_before()
                .then(|| self.norm(&of_block(names.attention_norm))),
            attention,
            head_norms: match names.head_norms {
                Some([query, key]) => [
                    self.head_norm(&of_block(query), spec.heads),
                    self.head_norm(&of_block(key), spec.kv_heads),
                ],
                None => [Vec::new(), Vec::new()],
            },
            attention_output: map(names.attention_output, [hidden, queries], spec.output_bias),
            mlp_norm: match self.spec.residual {
                Residual::Sequential | Residual::Parallel if placement.is_before() => {
                    Some(self.norm(&of_block(names.mlp_norm)))
                }
                _ => None,
            },
            gate_up,
            down: map(down, [hidden, inner], mlp_bias),
            after_norms: placement
                .is_after()
                .then(|| Box::new(names.after_norms.map(|name| self.norm(&of_block(name))))),
        }
    }

    /// Name of what belongs to no block.
    fn shared(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Name of what belongs to block `layer`.
    pub fn of_block(&self, layer: usize, name: &str) -> String {
        let block = self.names.block.replace("{}", &layer.to_string());
        format!("{}{block}{name}", self.prefix)
    }

    fn map(&self, name: &str, [outputs, inputs]: [usize; 2], bias: bool) -> Affine {
        let shape = match self.names.layout {
            LinearLayout::OutputsFirst => vec![outputs, inputs],
            LinearLayout::InputsFirst => vec![inputs, outputs],
        };
        Affine {
            weight: weight(name, shape),
            bias: bias.then(|| self.bias(name, outputs)),
        }
    }

    fn norm(&self, name: &str) -> Affine {
        let size = self.spec.hidden_size;
        Affine {
            weight: weight(name, vec![size]),
            bias: match self.spec.norm.kind {
                NormKind::RmsNorm | NormKind::RmsNormPlusOne => None,
                NormKind::LayerNorm => Some(self.bias(name, size)),
            },
        }
    }

    fn head_norm(&self, name: &str, heads: usize) -> Vec<ExpectedTensor> {
        let dim = self.spec.attention.head_dim;
        let shape = || vec![dim];
        match self.spec.attention.head_norm {
            None => Vec::new(),
            Some(HeadNormSpec::SharedRms) => vec![weight(name, shape())],
            Some(HeadNormSpec::RmsOverHeads) => vec![weight(name, vec![heads.saturating_mul(dim)])],
            Some(HeadNormSpec::LayerNormPerHead) => (0..heads)
                .map(|head| weight(&name.replace("{}", &head.to_string()), shape()))
                .collect(),
        }
    }

    fn bias(&self, name: &str, size: usize) -> ExpectedTensor {
        ExpectedTensor {
            name: format!("{name}.bias"),
            shape: vec![size],
        }
    }
}

fn weight(name: &str, shape: Vec<usize>) -> ExpectedTensor {
    ExpectedTensor {
        name: format!("{name}.weight"),
        shape,
    }
}
