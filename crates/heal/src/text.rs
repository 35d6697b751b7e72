//! The sequences that healing reads.

use crate::HealError;

/// One in so many sequences chooses.
const CHOOSING: usize = 8;
/// Sequences that choose at most: more would only cost time.
const MOST_CHOOSING: usize = 16;

/// Sequences to learn from, and others to choose by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealText {
    /// To learn from.
    pub learn: Vec<Vec<u32>>,
    /// To choose by; nothing is learned from them.
    pub choose: Vec<Vec<u32>>,
}

impl HealText {
    /// The last eighth of the sequences, but 16 at most and one at least, chooses: spread over the text, the sequences would be of the same
    /// articles as those that are learned from.
    ///
    /// # Errors
    /// When there are fewer than two of at least two tokens each.
    pub fn of(sequences: &[Vec<u32>]) -> Result<Self, HealError> {
        let mut learn: Vec<Vec<u32>> = sequences.to_vec();
        learn.retain(|sequence| sequence.len() > 1);
        let count = learn.len();
        if count < 2 {
            return Err(HealError::FewSequences { sequences: count });
        }
        let choosing = (count / CHOOSING).clamp(1, MOST_CHOOSING);
        let choose = learn.split_off(count - choosing);
        Ok(Self { learn, choose })
    }

    /// Tokens to learn from.
    pub fn tokens(&self) -> usize {
        self.learn.iter().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(count: usize) -> Result<HealText, HealError> {
        let sequences: Vec<Vec<u32>> = (0..count as u32).map(|id| vec![id, id]).collect();
        HealText::of(&sequences)
    }

    #[test]
    fn an_eighth_chooses_and_is_not_learned_from() {
        for (count, choosing) in [(2, 1), (7, 1), (8, 1), (64, 8), (128, 16), (1000, 16)] {
            let text = of(count).unwrap();
            assert_eq!(text.choose.len(), choosing, "{count}");
            assert_eq!(text.learn.len() + text.choose.len(), count);
            assert!(text.choose.iter().all(|one| !text.learn.contains(one)));
        }
        assert!(matches!(
            of(1),
            Err(HealError::FewSequences { sequences: 1 })
        ));
        assert!(matches!(
            HealText::of(&[vec![1], vec![2, 3]]),
            Err(HealError::FewSequences { sequences: 1 })
        ));
    }
}
