// What the words mean, and who says so. Shown where a word with a dotted line is pointed at.

export interface Definition {
  text: string;
  source: string;
}

const PAPERS: Record<string, string> = {
  "2411.02117": "AVSS, arXiv 2411.02117",
  "2411.10069": "EAVSS, arXiv 2411.10069",
  "2403.03853": "ShortGPT, arXiv 2403.03853",
  "2403.17887": "Gromov et al., arXiv 2403.17887",
  "2402.09025": "SLEB, arXiv 2402.09025",
  ours: "LayerLab's own definition",
  baseline: "a baseline that needs no data",
};

/** A source by the name that reports give it. */
export function sourceName(source: string): string {
  return PAPERS[source] ?? source;
}

const DEFINITIONS: Record<string, Definition> = {
  avss: {
    text: "Activation variance over activation sparsity at a tap of the block: AV / AS. A high value is read as: this layer matters.",
    source: "AVSS, arXiv 2411.02117",
  },
  relative_avss: {
    text: "AVSS of what a block writes over AVSS of what it reads. Plain AVSS follows the growth of the residual stream with depth; this does not.",
    source: "LayerLab's own definition",
  },
  block_influence: {
    text: "1 − the mean cosine between what enters a block and what leaves it.",
    source: "ShortGPT, arXiv 2403.03853",
  },
  relative_magnitude: {
    text: "Mean of ‖f(x)‖ / ‖x + f(x)‖: how large the block's update is beside its output.",
    source: "ShortGPT's baseline, arXiv 2403.03853",
  },
  angular_distance_1_mean: {
    text: "arccos(cosine) / π between hidden states before and after the block, mean over tokens.",
    source: "Gromov et al., arXiv 2403.17887",
  },
  angular_distance_1_last: {
    text: "arccos(cosine) / π between hidden states before and after the block, at the last token.",
    source: "Gromov et al., arXiv 2403.17887",
  },
  loss_change: {
    text: "Cross-entropy per token without the layer, less that with it, in nats. Measured by running the model without it.",
    source: "SLEB, arXiv 2402.09025",
  },
  last_k: { text: "The last layers go first.", source: "a baseline that needs no data" },
  first_k: { text: "The first layers go first.", source: "a baseline that needs no data" },
  tap: {
    text: "Where in a block activations are read: the residual stream before (input) or after it (output), their difference (update), the attention's or the MLP's output, or the MLP's inner neurons.",
    source: "LayerLab",
  },
  estimator: {
    text: "How variance is taken: pooled (over channels of each sequence's mean, as the authors' code), element (over all elements, as the paper's formula), channel (over tokens of each channel).",
    source: "AVSS, arXiv 2411.02117, read three ways",
  },
  threshold: {
    text: "ε: an activation counts as zero when its magnitude is below it. A share is of the layer's root mean square.",
    source: "AVSS, arXiv 2411.02117; the share is ours",
  },
  sparsity: {
    text: "The share of activations with a magnitude below ε.",
    source: "AVSS, arXiv 2411.02117",
  },
  interval: {
    text: "The range in which 95 % of bootstrap resamples of the sequences (or items) fall.",
    source: "percentile bootstrap; Wilson for shares",
  },
  spearman: {
    text: "Rank correlation: 1 if two methods order the layers alike, −1 if they order them oppositely.",
    source: "Spearman's ρ",
  },
  kept: {
    text: "The pruned model's value over the whole model's; for perplexity the other way round, so that 1 means nothing was lost.",
    source: "LayerLab",
  },
  perplexity: {
    text: "exp of the mean cross-entropy per token. Lower is better.",
    source: "as in transformers' documentation",
  },
  ece: {
    text: "Expected calibration error: how far the model's confidence is from how often it is right, in 15 bins. Lower is better.",
    source: "Guo et al., arXiv 1706.04599",
  },
  accuracy_norm: {
    text: "How often the right choice has the highest log-likelihood per character, so that long answers are not at a disadvantage.",
    source: "as lm-evaluation-harness computes it",
  },
  one_shot: {
    text: "Layers are chosen once, by one measurement of the whole model.",
    source: "LayerLab",
  },
  iterative: {
    text: "One layer goes, the smaller model is measured again, and so on.",
    source: "SLEB, arXiv 2402.09025",
  },
};

/** What a word means, where the glossary has it. */
export function definition(word: string): Definition | undefined {
  return DEFINITIONS[word];
}
