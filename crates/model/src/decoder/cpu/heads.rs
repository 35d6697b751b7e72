//! From projected channels to heads, rotated on the way.

use burn::tensor::Tensor;

use super::{Values, by_parts, tensor, vectorised};
use crate::decoder::rotary::Rotation;

/// `[batch, tokens, heads * dim]` to `[batch, heads, tokens, dim]`, rotated where positions are rotary.
pub(in super::super) fn split(
    projected: &Tensor<3>,
    heads: usize,
    rotation: Option<&Rotation>,
) -> Option<Tensor<4>> {
    let values = Values::of(projected)?;
    let values = values.get();
    let [batch, tokens, channels] = projected.dims();
    let dim = channels / heads;
    let (cosines, sines) = rotation.map_or((&[][..], &[][..]), Rotation::tables);
    let half = rotation.map_or(0, Rotation::half);
    let mut output = vec![0.0; values.len()];
    by_parts(&mut output, tokens * dim, |part, output| {
        let (sequence, head) = (part / heads, part % heads);
        vectorised(|| {
            for (token, output) in output.chunks_exact_mut(dim).enumerate() {
                let row = sequence * tokens + token;
                let input = &values[row * channels + head * dim..][..dim];
                let angle = row * half..(row + 1) * half;
                let (cosine, sine) = (&cosines[angle.clone()], &sines[angle]);
                let (first, rest) = input.split_at(half);
                let (second, straight) = rest.split_at(half);
                let (to_first, to_rest) = output.split_at_mut(half);
                let (to_second, to_straight) = to_rest.split_at_mut(half);
                for place in 0..half {
                    to_first[place] = first[place] * cosine[place] - second[place] * sine[place];
                    to_second[place] = second[place] * cosine[place] + first[place] * sine[place];
                }
                to_straight.copy_from_slice(straight);
            }
        });
    });
    Some(tensor(output, [batch, heads, tokens, dim]))
}
