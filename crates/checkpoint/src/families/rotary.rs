//! Rotary positions as configurations describe them.

use crate::{
    Config, SpecError,
    spec::{RotaryScaling, RotarySpec},
};

/// The context of the pre-training.
const ORIGINAL_CONTEXT: &str = "original_max_position_embeddings";

/// Where a family's configuration has its rotary positions, as version 4 of transformers wrote them.
pub(super) struct RotaryFields {
    /// The base of the frequencies, and what it is if it is not said.
    pub theta: (&'static str, f64),
    /// The share of a head that is rotated, and what it is if it is not said; all of it where the family has no such field.
    pub share: Option<(&'static str, f64)>,
    /// What the frequencies may be changed by.
    pub scalings: Scalings,
}

/// The scalings that a family may have.
pub(super) enum Scalings {
    /// Any that is known.
    Any,
    /// LongRoPE alone, which earlier files of the family call `su` or `yarn`. What a section says of the context of the
    /// pre-training does not count.
    LongRope {
        /// That context, where the configuration does not say it.
        original_context: usize,
    },
}

impl RotaryFields {
    /// Those of Llama and of most later families.
    pub const LLAMA: Self = Self {
        theta: ("rope_theta", 10_000.0),
        share: None,
        scalings: Scalings::Any,
    };

    /// With `partial_rotary_factor`, of this default.
    pub const fn partly(share: f64) -> Self {
        Self {
            share: Some(("partial_rotary_factor", share)),
            ..Self::LLAMA
        }
    }
}

/// Rotary positions, as transformers 5 writes them (`rope_parameters`) or as version 4 did (`fields` and `rope_scaling`).
/// Where there are both, `rope_scaling` counts, as in transformers.
pub(super) fn rotary(
    config: &Config,
    head_dim: usize,
    fields: RotaryFields,
) -> Result<RotarySpec, SpecError> {
    let scaling = match filled(config, "rope_scaling")? {
        Some(section) => Some(section),
        None => config.section("rope_parameters")?,
    };
    described(config, scaling.as_ref(), head_dim, &fields)
}

/// A section that says something.
pub(super) fn filled(config: &Config, name: &str) -> Result<Option<Config>, SpecError> {
    let section = config.section(name)?;
    Ok(section.filter(|section| !section.fields().is_empty()))
}

/// The rotation that `section` describes; what it does not say, the configuration may say in `fields`.
pub(super) fn described(
    config: &Config,
    section: Option<&Config>,
    head_dim: usize,
    fields: &RotaryFields,
) -> Result<RotarySpec, SpecError> {
    let from_section = |field: &'static str| match section {
        Some(section) => section.optional_f64(&[field]),
        None => Ok(None),
    };
    let (theta_field, theta_default) = fields.theta;
    let theta = match from_section("rope_theta")? {
        Some(theta) => theta,
        None => config.f64_or(&[theta_field], theta_default)?,
    };
    let share = match fields.share {
        Some((field, default)) => match from_section("partial_rotary_factor")? {
            Some(share) => share,
            None => config.f64_or(&[field], default)?,
        },
        None => 1.0,
    };
    let dimensions = (head_dim as f64 * share) as usize;
    if dimensions == 0 || dimensions > head_dim || !dimensions.is_multiple_of(2) {
        return Err(SpecError::Inconsistent(format!(
            "{share} of a head of {head_dim} channels is {dimensions}: \
             rotary positions need an even number of channels within the head"
        )));
    }
    Ok(RotarySpec {
        dimensions,
        theta,
        scaling: match section {
            Some(section) => scaling(config, section, dimensions / 2, &fields.scalings)?,
            None => RotaryScaling::None,
        },
    })
}

fn scaling(
    config: &Config,
    section: &Config,
    pairs: usize,
    scalings: &Scalings,
) -> Result<RotaryScaling, SpecError> {
    let context = config.usize(&["max_position_embeddings"])?;
    let kind = section.str_or(&["rope_type", "type"], "default")?;
    if let Scalings::LongRope { original_context } = *scalings {
        return match kind {
            "default" => Ok(RotaryScaling::None),
            "longrope" | "su" | "yarn" => {
                let original = config.usize_or(&[ORIGINAL_CONTEXT], original_context)?;
                long_rope(section, pairs, context, original)
            }
            found => Err(SpecError::Unsupported {
                field: "rope_type",
                found: found.to_owned(),
                supported: "default, longrope",
            }),
        };
    }
    match kind {
        "default" => Ok(RotaryScaling::None),
        "linear" => Ok(RotaryScaling::Linear {
            factor: section.f64(&["factor"])?,
        }),
        "dynamic" => Ok(RotaryScaling::Dynamic {
            factor: section.f64(&["factor"])?,
            original_context: context,
        }),
        "llama3" => Ok(RotaryScaling::Llama3 {
            factor: section.f64(&["factor"])?,
            low_frequency: section.f64(&["low_freq_factor"])?,
            high_frequency: section.f64(&["high_freq_factor"])?,
            original_context: original_context(config, section)?.unwrap_or(context),
        }),
        "longrope" => {
            let original = original_context(config, section)?.unwrap_or(context);
            long_rope(section, pairs, context, original)
        }
        found => Err(SpecError::Unsupported {
            field: "rope_type",
            found: found.to_owned(),
            supported: "default, linear, dynamic, llama3, longrope",
        }),
    }
}

/// LongRoPE with a divisor for each of `pairs` pairs of channels.
fn long_rope(
    section: &Config,
    pairs: usize,
    context: usize,
    original_context: usize,
) -> Result<RotaryScaling, SpecError> {
    let factors = |field: &'static str| {
        let factors = section.numbers(field)?.unwrap_or_default();
        match factors.len() == pairs && factors.iter().all(|factor| *factor > 0.0) {
            true => Ok(factors),
            false => Err(SpecError::Inconsistent(format!(
                "`{field}` should have {pairs} numbers above 0, one for each pair of rotated channels; it has {}",
                factors.len()
            ))),
        }
    };
    let growth = match section.optional_f64(&["factor"])? {
        Some(factor) => factor,
        None => context as f64 / original_context as f64,
    };
    let attention_factor = match section.optional_f64(&["attention_factor"])? {
        Some(factor) => factor,
        None if growth <= 1.0 => 1.0,
        None if original_context == 1 => {
            let problem = "`original_max_position_embeddings` is 1, and from one token on nothing grows by a factor";
            return Err(SpecError::Inconsistent(problem.into()));
        }
        None => (1.0 + growth.ln() / (original_context as f64).ln()).sqrt(),
    };
    Ok(RotaryScaling::LongRope {
        short_factors: factors("short_factor")?,
        long_factors: factors("long_factor")?,
        attention_factor,
        original_context,
    })
}

/// Context of the pre-training, where it is told; the configuration itself counts before its section.
fn original_context(config: &Config, section: &Config) -> Result<Option<usize>, SpecError> {
    Ok(match config.optional_usize(&[ORIGINAL_CONTEXT])? {
        Some(context) => Some(context),
        None => section.optional_usize(&[ORIGINAL_CONTEXT])?,
    })
}
