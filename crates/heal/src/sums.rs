//! Sums over tokens from which the last map of a block is fitted, whichever form that has in its family.

use burn::tensor::{DType, Tensor, TensorData};
use layerlab_model::{Decoder, ModelError, spec::DecoderSpec};
use layerlab_stats::Tap;

use crate::{HealError, NormalEquations, side_by_side::Seen};

/// What the end of a block can be fitted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The map from the MLP's inner activation back, with its bias where it has one.
    Map { bias: bool },
    /// The scales of the norm behind that map: through a norm no map can be fitted.
    Norm,
}

impl End {
    pub fn of(spec: &DecoderSpec) -> Self {
        match spec.norm_placement.is_after() {
            true => Self::Norm,
            false => Self::Map {
                bias: spec.mlp.bias,
            },
        }
    }

    /// Where its inputs are seen.
    pub fn tap(self) -> Tap {
        match self {
            Self::Map { .. } => Tap::Neurons,
            Self::Norm => Tap::Mlp,
        }
    }
}

/// Sums of the tokens of some sequences, as the device gives them.
pub(crate) struct Found {
    gram: Vec<f32>,
    right: Vec<f32>,
    missing: f64,
    tokens: usize,
}

impl Found {
    /// Of what a block gives. What is missing is divided by what the family multiplies its sublayers by. Every token counts by one over the
    /// root mean square of the stream that is wanted of it.
    pub async fn of(seen: Seen, end: End, multiplier: f64) -> Result<Self, HealError> {
        let size = seen.wanted.clone().square().mean_dim(1).sqrt(); // [tokens, 1]
        let weight = (size + f32::MIN_POSITIVE).sqrt().recip();
        let missing = (seen.wanted - seen.stream) / multiplier * weight.clone();
        let tokens = missing.dims()[0];
        // What takes part in other products is computed in float32 as well.
        let tapped = seen.tapped.cast(DType::F32) * weight.clone();
        let squares = numbers(missing.clone().square().sum_dim(1)).await?;
        let (gram, right) = match end {
            End::Map { bias } => {
                let inputs = match bias {
                    true => Tensor::cat(vec![tapped, weight], 1),
                    false => tapped,
                };
                let turned = inputs.clone().transpose();
                (turned.clone().matmul(inputs), turned.matmul(missing))
            }
            // Every channel by itself.
            End::Norm => {
                let scaled = tapped / multiplier;
                (
                    scaled.clone().square().sum_dim(0),
                    (scaled * missing).sum_dim(0),
                )
            }
        };
        Ok(Self {
            gram: numbers(gram).await?,
            right: numbers(right).await?,
            missing: squares.iter().map(|square| f64::from(*square)).sum(),
            tokens,
        })
    }
}

/// All sums for the end of one block.
pub(crate) struct Sums {
    end: End,
    /// One of all inputs, or one a channel.
    equations: Vec<NormalEquations>,
    missing: f64,
    pub tokens: usize,
}

impl Sums {
    pub fn new(end: End, spec: &DecoderSpec) -> Self {
        let channels = spec.hidden_size;
        let equations = match end {
            End::Map { bias } => {
                vec![NormalEquations::new(spec.mlp.inner_size, bias, channels)]
            }
            End::Norm => vec![NormalEquations::new(1, false, 1); channels],
        };
        Self {
            end,
            equations,
            missing: 0.0,
            tokens: 0,
        }
    }

    pub fn add(&mut self, found: &Found) {
        match &mut self.equations[..] {
            [one] => one.add(&found.gram, &found.right),
            each => {
                let sums = found.gram.iter().zip(&found.right);
                for (equations, (square, product)) in each.iter_mut().zip(sums) {
                    equations.add(&[*square], &[*product]);
                }
            }
        }
        self.missing += found.missing;
        self.tokens += found.tokens;
    }

    /// Numbers that each output is fitted by.
    pub fn inputs(&self) -> usize {
        self.equations.first().map_or(0, NormalEquations::inputs)
    }

    pub fn is_finite(&self) -> bool {
        self.missing.is_finite() && self.equations.iter().all(NormalEquations::is_finite)
    }

    /// The decoder with the end of block `layer` fitted by the ridge of this weight, and the share of the squared error that is left.
    pub fn fitted(
        &self,
        decoder: &Decoder,
        layer: usize,
        lambda: f64,
    ) -> Result<(Decoder, f64), HealError> {
        let device = decoder.device();
        let diagonals = self.equations.iter().map(NormalEquations::diagonal);
        let ridge = lambda * diagonals.sum::<f64>() / self.equations.len().max(1) as f64;
        let mut explained = 0.0;
        let mut changes = Vec::with_capacity(self.equations.len());
        for equations in &self.equations {
            let change = equations.solve(ridge)?;
            explained += equations.explained(&change);
            changes.push(change);
        }
        let left = 1.0 - explained / self.missing;
        let tensor = |values: Vec<f32>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, shape), &device)
        };
        let changed = match (self.end, &mut changes[..]) {
            (End::Map { bias }, [change]) => {
                let channels = decoder.spec().hidden_size;
                let inputs = self.inputs();
                let of_bias = bias.then(|| change.split_off(inputs * channels));
                let of_bias = of_bias.map(|values| tensor(values, [1, channels]).squeeze_dim(0));
                let weight = tensor(std::mem::take(change), [inputs, channels]);
                decoder.with_mlp_output(layer, weight, of_bias)?
            }
            _ => {
                let factors: Vec<f32> = changes.iter().flatten().map(|one| 1.0 + one).collect();
                let channels = factors.len();
                let factors = tensor(factors, [1, channels]).squeeze_dim(0);
                decoder.with_mlp_norm(layer, factors)?
            }
        };
        Ok((changed, left))
    }
}

async fn numbers(tensor: Tensor<2>) -> Result<Vec<f32>, HealError> {
    let data = tensor.into_data_async().await.map_err(ModelError::from)?;
    Ok(data.iter::<f32>().collect())
}
