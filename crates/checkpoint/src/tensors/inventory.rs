//! Every tensor of a file accounted for: what the decoder asks for, what is missing, what is left over.

use std::collections::BTreeMap;

use super::{Checkpoint, CheckpointError, TensorEntry, grouped, quantised};
use crate::{
    DecoderSpec, ModelFiles,
    families::{self, ExpectedTensor, TensorLayout, TensorNames},
};

/// Missing tensors that are named; the rest are counted.
const NAMED: usize = 5;
/// Values compared at once.
const CHUNK: usize = 1 << 20;
/// Frequencies that older programs saved beside the weights, outside of any block.
const SHARED_BUFFER: &str = "rotary_emb.inv_freq";

/// What of a checkpoint the decoder reads, and what it does not.
#[derive(Debug)]
pub struct Inventory {
    spec: DecoderSpec,
    prefix: &'static str,
    only_head: bool,
    names: &'static TensorNames,
    unused: Vec<String>,
    warnings: Vec<String>,
}

impl Inventory {
    /// The decoder as the configuration and the weights together describe it: embeddings that should be tied, but have a
    /// head beside them that differs, are not.
    pub fn spec(&self) -> &DecoderSpec {
        &self.spec
    }

    /// Where its tensors lie; each of them is there, in its shape and in a data type that is read.
    pub fn layout(&self) -> TensorLayout<'_> {
        TensorLayout {
            spec: &self.spec,
            names: self.names,
            prefix: self.prefix,
            only_head: self.only_head,
        }
    }

    /// Names of the tensors that nothing asked for, in alphabetical order, without what is known to be of no consequence:
    /// a head that equals the embeddings, masks and frequencies that the decoder makes itself.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// What a reader must know of how the files were read, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// What configuration and headers say of a decoder, before any weight is read.
pub(super) struct Described {
    pub spec: DecoderSpec,
    pub names: &'static TensorNames,
    pub prefix: &'static str,
    pub only_head: bool,
    /// Whether a head lies beside embeddings that are said to be tied. Only their values tell whether it is used.
    pub head_beside: bool,
}

impl<F: ModelFiles> Checkpoint<F> {
    /// Accounts for every tensor. Only headers are read, but for a head beside tied embeddings, which is compared with them.
    ///
    /// # Errors
    /// When the configuration describes no decoder that can be run, the weights are quantised, a tensor is missing, has
    /// another shape than it should or another data type than can be read, or reading fails.
    pub async fn inventory(&self) -> Result<&Inventory, CheckpointError> {
        if let Some(known) = self.inventory.get() {
            return Ok(known);
        }
        let inventory = self.account().await?;
        Ok(self.inventory.get_or_init(|| inventory))
    }

    async fn account(&self) -> Result<Inventory, CheckpointError> {
        let Described {
            mut spec,
            names,
            prefix,
            only_head,
            head_beside,
        } = self.described()?;
        let mut warnings = self.notes.clone();
        let head = format!("{}.weight", names.head);
        if head_beside {
            let embedding = format!("{prefix}{}.weight", names.embedding);
            if !self.same_values(&head, &embedding).await? {
                spec.tied_embeddings = false;
                warnings.push(format!(
                    "`tie_word_embeddings` is true, but `{head}` differs from `{embedding}`: both are used as they are, as \
                     transformers 5 does"
                ));
            }
        }
        let mut unused = self.check(TensorLayout {
            spec: &spec,
            names,
            prefix,
            only_head,
        })?;
        unused.retain(|name| {
            let equal_head = spec.tied_embeddings && *name == head;
            !equal_head && !is_buffer(name, names)
        });
        if !unused.is_empty() {
            let which = grouped::grouped(unused.iter().map(String::as_str));
            warnings.push(format!(
                "{} of {} tensors are not used, since config.json asks for no such: {which}",
                unused.len(),
                self.tensors().len()
            ));
        }
        warnings.extend(self.other_architecture());
        Ok(Inventory {
            spec,
            prefix,
            only_head,
            names,
            unused,
            warnings,
        })
    }

    /// The decoder and the names of its tensors, as configuration and headers tell them: no weight is read.
    pub(super) fn described(&self) -> Result<Described, CheckpointError> {
        let names = families::of(self.config())?.names;
        let spec = DecoderSpec::from_config(self.config())?;
        let has = |name: &str| self.entry(&format!("{name}.weight")).is_some();
        let prefix = match has(names.embedding) || has(names.final_norm) {
            true => "",
            false => names.prefix,
        };
        let has_embedding = has(&format!("{prefix}{}", names.embedding));
        let tied_with_head = spec.tied_embeddings && has(names.head);
        Ok(Described {
            spec,
            names,
            prefix,
            only_head: tied_with_head && !has_embedding,
            head_beside: tied_with_head && has_embedding,
        })
    }

    /// Names of the tensors that are not asked for, once every tensor that is has been found sound.
    pub(super) fn check(&self, layout: TensorLayout<'_>) -> Result<Vec<String>, CheckpointError> {
        let tensors = self.tensors();
        let mut left: BTreeMap<&String, &TensorEntry> = tensors.iter().collect();
        let (mut missing, mut missing_count) = (Vec::new(), 0);
        let mut unread = None;
        let (mut misshapen, mut misshapen_count): (Option<(ExpectedTensor, &TensorEntry)>, usize) =
            (None, 0);
        for wanted in layout.all() {
            let Some(entry) = left.remove(&wanted.name) else {
                missing_count += 1;
                if missing.len() < NAMED {
                    missing.push(wanted.name);
                }
                // A decoder that has little to do with the file is not counted to its end.
                if missing_count > tensors.len() + NAMED {
                    break;
                }
                continue;
            };
            if unread.is_none() && !entry.dtype.is_read() {
                unread = Some((wanted.name.clone(), entry.dtype));
            }
            if entry.shape != wanted.shape {
                misshapen_count += 1;
                misshapen = misshapen.or(Some((wanted, entry)));
            }
        }
        quantised::check(left.keys().map(|name| name.as_str()))?;
        if let Some((name, dtype)) = unread {
            return Err(CheckpointError::Dtype { name, dtype });
        }
        if missing_count > 0 {
            let only_head_is = *missing == [format!("{}.weight", layout.names.head)];
            return Err(CheckpointError::MissingTensors {
                hint: self.why_missing(&layout, only_head_is),
                more: missing_count - missing.len(),
                names: missing,
            });
        }
        if let Some((wanted, entry)) = misshapen {
            return Err(CheckpointError::TensorShape {
                name: wanted.name,
                expected: wanted.shape,
                found: entry.shape.clone(),
                more: misshapen_count - 1,
            });
        }
        Ok(left.into_keys().cloned().collect())
    }

    /// Why tensors may be missing, where names of others tell.
    fn why_missing(&self, layout: &TensorLayout<'_>, only_head: bool) -> String {
        let names = layout.names;
        if only_head {
            let architecture = self.config().architecture().map_or_else(
                || "a model without one".to_owned(),
                |name| format!("a model ({name}) without one"),
            );
            return format!(
                "this is the head, and the weights seem to be of {architecture}; transformers would make one up at random. If \
                 the embeddings are to serve as the head, `tie_word_embeddings` must be true"
            );
        }
        if let Some(name) = self.tensors().keys().find(|name| is_under_adapter(name)) {
            return format!(
                "an adapter is still on the model, such as on `{name}`; merge it before the model is saved"
            );
        }
        let end = format!("{}.weight", names.embedding);
        let before = |name: &String| name.strip_suffix(&end).map(str::to_owned);
        let before = self.tensors().keys().find_map(before);
        match before.filter(|before| before != layout.prefix) {
            Some(before) => format!(
                "names begin with `{before}` where `{}` is looked for; save the model itself, not what wraps it",
                layout.prefix
            ),
            None => String::new(),
        }
    }

    /// What to say where the configuration names something else than a model that continues texts.
    fn other_architecture(&self) -> Option<String> {
        let name = self.config().architecture()?;
        // `Model` ends the names of models without a head, and of GPT-2 with one.
        let usual = name.ends_with("ForCausalLM") || name.ends_with("Model");
        (!usual).then(|| {
            format!(
                "config.json names the architecture {name}; it is read as a causal language model"
            )
        })
    }

    /// Whether two tensors hold the same numbers.
    pub(super) async fn same_values(&self, a: &str, b: &str) -> Result<bool, CheckpointError> {
        let (Some(first), Some(second)) = (self.entry(a), self.entry(b)) else {
            return Ok(false);
        };
        if first.shape != second.shape {
            return Ok(false);
        }
        let values: usize = first.shape.iter().product();
        for start in (0..values).step_by(CHUNK) {
            let part = start..start.saturating_add(CHUNK);
            let first = self.read_f32_part(a, part.clone()).await?;
            if first != self.read_f32_part(b, part).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether a tensor is of an adapter of PEFT, or under one.
fn is_under_adapter(name: &str) -> bool {
    let of_peft = |part| matches!(part, "base_layer" | "lora_A" | "lora_B");
    name.split('.').any(of_peft)
}

/// Whether a tensor is one that the decoder makes itself.
fn is_buffer(name: &str, names: &TensorNames) -> bool {
    let name = name.strip_prefix(names.prefix).unwrap_or(name);
    if name == SHARED_BUFFER {
        return true;
    }
    let Some((before, _, after)) = grouped::parted(name) else {
        return false;
    };
    let (start, end) = names.block.split_once("{}").unwrap_or((names.block, ""));
    let within = after.strip_prefix(end).filter(|_| before == start);
    within.is_some_and(|within| names.buffers.contains(&within))
}
