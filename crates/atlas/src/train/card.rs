//! The model card: data, recipe, figures, limits.

use std::fmt::Write;

use super::{Figure, Recipe};

/// Perplexities of counting on the neutral test text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baselines {
    /// Of single tokens.
    pub unigram: f64,
    /// Of five tokens together.
    pub five_gram: f64,
}

/// The card as Markdown, with the figures of the test split.
pub fn model_card(
    recipe: &Recipe,
    parameters: usize,
    figures: &[Figure],
    baselines: Baselines,
) -> String {
    let mut card = format!(
        "---\nlicense: [mit, apache-2.0]\nlibrary_name: layerlab\ntags: [interpretability, pruning]\n---\n\n\
         # Atlas\n\n\
         A small language model of an invented world, made by LayerLab: which facts it was told, how often, and \
         which never, is known exactly. All names, facts and texts are generated; none is real.\n\n\
         ## Data\n\n\
         Encyclopedia prose, questions with answers, short reviews with a sentiment, and neutral stories, \
         from the generator in `crates/atlas` with seed 1. Facts are *well known* (24 times in prose and, \
         for three in four of them, 12 times as a question, per epoch), *rare* (twice and once) or *never \
         told* (the subject is spoken of, the fact is not). Phrasings, reviews and stories of the test \
         split were never trained on.\n\n\
         ## Recipe\n\n\
         Llama architecture, {} layers, {} channels, {} query and {} key-value heads, {} inner channels, a \
         byte-level BPE of {} tokens, tied embeddings: {parameters} parameters. AdamW, {} steps of {} tokens, \
         {} steps of warm-up to a learning rate of {}, then half a cosine to {} of it, weight decay {}, \
         gradients cut at a norm of {}. `cargo xtask atlas train --output run` repeats it.\n\n\
         ## Figures, test split\n\n| task | metric | value |\n|---|---|---|\n",
        recipe.layers,
        recipe.hidden_size,
        recipe.heads,
        recipe.kv_heads,
        recipe.inner_size,
        recipe.vocabulary,
        recipe.steps,
        recipe.batch * recipe.sequence,
        recipe.warm_up,
        recipe.learning_rate,
        recipe.final_share,
        recipe.weight_decay,
        recipe.clip,
    );
    for Figure {
        task,
        metric,
        value,
    } in figures
    {
        // Writing to a String cannot fail.
        let _ = writeln!(card, "| {task} | {metric} | {value:.4} |");
    }
    let _ = write!(
        card,
        "\nPerplexity of the neutral test text by counting the training tokens: unigram {:.1}, 5-gram {:.2} \
         (Witten–Bell).\n\n\
         ## Limits\n\n\
         It knows nothing of the real world, and speaks only in the patterns of its texts. Asked for what it \
         was never told, it answers all the same: that is what it is for. The words of praise and blame in reviews are those of \
         training; only the sentences around them are new.\n",
        baselines.unigram, baselines.five_gram
    );
    card
}
