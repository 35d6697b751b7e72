//! Heads on the processor, rotated on the way to their place.

use burn::backend::{Flex, flex::FlexTensor};

use super::{
    super::cpu::{FlexValues, by_parts, tensor, vectorised},
    HeadOps, rotated_by_definition, split_by_definition,
};

impl HeadOps for Flex {
    fn split_heads(projected: FlexTensor, heads: usize) -> FlexTensor {
        match FlexValues::of(&projected) {
            Some(values) => split(&projected, values.get(), heads, [&[], &[]]),
            None => split_by_definition::<Self>(projected, heads),
        }
    }

    fn rotated_heads(
        projected: FlexTensor,
        cosines: FlexTensor,
        sines: FlexTensor,
        heads: usize,
    ) -> FlexTensor {
        let values = [&projected, &cosines, &sines].map(FlexValues::of);
        match &values {
            [Some(values), Some(cosines), Some(sines)] => {
                let tables = [cosines.get(), sines.get()];
                split(&projected, values.get(), heads, tables)
            }
            _ => rotated_by_definition::<Self>(projected, cosines, sines, heads),
        }
    }
}

/// With cosines and sines `[batch * tokens, pairs]`, of no pairs where nothing is rotated.
fn split(
    projected: &FlexTensor,
    values: &[f32],
    heads: usize,
    [cosines, sines]: [&[f32]; 2],
) -> FlexTensor {
    let [batch, tokens, channels] = projected.layout().shape().dims();
    let dim = channels / heads;
    let pairs = cosines.len() / (batch * tokens).max(1);
    let mut output = vec![0.0; values.len()];
    by_parts(&mut output, tokens * dim, |part, output| {
        let (sequence, head) = (part / heads, part % heads);
        vectorised(|| {
            for (token, output) in output.chunks_exact_mut(dim).enumerate() {
                let row = sequence * tokens + token;
                let input = &values[row * channels + head * dim..][..dim];
                let angle = row * pairs..(row + 1) * pairs;
                let (cosine, sine) = (&cosines[angle.clone()], &sines[angle]);
                let (first, rest) = input.split_at(pairs);
                let (second, straight) = rest.split_at(pairs);
                let (to_first, to_rest) = output.split_at_mut(pairs);
                let (to_second, to_straight) = to_rest.split_at_mut(pairs);
                for place in 0..pairs {
                    to_first[place] = first[place] * cosine[place] - second[place] * sine[place];
                    to_second[place] = second[place] * cosine[place] + first[place] * sine[place];
                }
                to_straight.copy_from_slice(straight);
            }
        });
    });
    tensor(output, [batch, heads, tokens, dim])
}
