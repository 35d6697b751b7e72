//! One transformer block.

use burn::{module::Module, tensor::Tensor};
use layerlab_checkpoint::{families::Map, spec::Residual};
use layerlab_stats::Tap;

use super::{attention::Attention, mlp::Mlp, norm::Norm, pass::Pass, projection::Projection};

/// Attention and MLP around the residual stream.
#[derive(Module, Debug)]
pub(super) struct Block {
    /// Absent where attention reads the residual stream as it is.
    pub attention_norm: Option<Norm>,
    pub attention: Attention,
    /// Absent where one norm serves both sublayers, or none.
    pub mlp_norm: Option<Norm>,
    pub mlp: Mlp,
    /// Of what attention and the MLP give; absent where that is added as it is.
    pub after_norms: Option<[Norm; 2]>,
    #[module(skip)]
    pub residual: Residual,
    #[module(skip)]
    pub residual_multiplier: f64,
    /// What the residual stream behind the block is multiplied by; 1 unless a gap behind it was healed so.
    #[module(skip)]
    pub output_multiplier: f64,
    /// Whether the norm after the MLP is no longer what the file has.
    #[module(skip)]
    pub is_norm_altered: bool,
}

impl Block {
    /// One of the block's linear maps; none where the family has no such map.
    pub fn projection_mut(&mut self, map: Map) -> Option<&mut Projection> {
        match map {
            Map::Query => Some(&mut self.attention.query),
            Map::Key => Some(&mut self.attention.key),
            Map::Value => Some(&mut self.attention.value),
            Map::AttentionOutput => Some(&mut self.attention.output),
            Map::Gate => self.mlp.gate.as_mut(),
            Map::Up => Some(&mut self.mlp.up),
            Map::Down => Some(&mut self.mlp.down),
        }
    }

    /// The same to be read.
    pub fn projection(&self, map: Map) -> Option<&Projection> {
        match map {
            Map::Query => Some(&self.attention.query),
            Map::Key => Some(&self.attention.key),
            Map::Value => Some(&self.attention.value),
            Map::AttentionOutput => Some(&self.attention.output),
            Map::Gate => self.mlp.gate.as_ref(),
            Map::Up => Some(&self.mlp.up),
            Map::Down => Some(&self.mlp.down),
        }
    }

    /// All of the block's linear maps.
    pub fn projections(&self) -> impl Iterator<Item = &Projection> {
        Map::ALL.into_iter().filter_map(|map| self.projection(map))
    }

    /// Reads and writes the residual stream `[batch, tokens, channels]`.
    pub fn forward(&self, input: Tensor<3>, layer: usize, pass: &mut Pass<'_>) -> Tensor<3> {
        pass.tap(layer, Tap::Input, || input.clone());
        let normed = match &self.attention_norm {
            Some(norm) => norm.forward(input.clone()),
            None => input.clone(),
        };
        let attention = self.attention.forward(normed.clone(), layer, pass);
        let attention = self.added(attention, 0);
        pass.tap(layer, Tap::Attention, || attention.clone());

        let stream = input.clone() + attention;
        let mlp_input = match (self.residual, &self.mlp_norm) {
            (Residual::Sequential, Some(norm)) => norm.forward(stream.clone()),
            (Residual::Sequential, None) => stream.clone(),
            (Residual::Parallel, Some(norm)) => norm.forward(input.clone()),
            (Residual::Parallel, None) | (Residual::ParallelSharedNorm, _) => normed,
        };
        let neurons = self.mlp.neurons(mlp_input);
        pass.tap(layer, Tap::Neurons, || neurons.clone());
        let mlp = self.added(self.mlp.project(neurons), 1);
        pass.tap(layer, Tap::Mlp, || mlp.clone());

        let output = match self.output_multiplier {
            1.0 => stream + mlp,
            multiplier => (stream + mlp) * multiplier,
        };
        pass.tap(layer, Tap::Output, || output.clone());
        pass.tap(layer, Tap::Update, || output.clone() - input);
        output
    }

    /// What a sublayer (0: attention, 1: the MLP) adds to the residual stream, of what it gives.
    fn added(&self, given: Tensor<3>, sublayer: usize) -> Tensor<3> {
        let normed = match &self.after_norms {
            Some(norms) => norms[sublayer].forward(given),
            None => given,
        };
        match self.residual_multiplier {
            1.0 => normed,
            multiplier => normed * multiplier,
        }
    }
}
