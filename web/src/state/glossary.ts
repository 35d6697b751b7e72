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
  "chat template": {
    text: "How a model was trained to read conversations: it comes with the tokenizer and writes the prompt as what the user says. Base models have none. Texts are read as they are.",
    source: "transformers, “Chat templates”",
  },
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
    text: "The range in which 95 % of bootstrap resamples of the sequences (or items) fall. Marked ~ where these are fewer than 10: it is then too narrow.",
    source: "percentile bootstrap; Wilson for shares",
  },
  spearman: {
    text: "Rank correlation: 1 if two methods order the layers alike, −1 if they order them oppositely.",
    source: "Spearman's ρ",
  },
  heal: {
    text: "Removing layers leaves a gap: the layer behind it reads a residual stream that it was not trained on. Scale makes the stream as large as it was (Prune&Comp, 2507.18212). Refit finds in closed form what the layer before the gap should have written instead (after ReplaceMe, 2505.02819). Distil trains small adapters until the pruned model predicts what the whole one predicts. What does not lower the loss on text that was held back is left undone.",
    source: "arXiv 2507.18212, 2505.02819, 1503.02531",
  },
  kept: {
    text: "The pruned model's value over the whole model's; for perplexity the other way round, so that 1 means nothing was lost.",
    source: "LayerLab",
  },
  perplexity: {
    text: "exp of the mean cross-entropy per token. Lower is better.",
    source: "as in transformers' documentation",
  },
  bits_per_byte: {
    text: "Cross-entropy of the text's predicted tokens in bits, over the bytes that they stand for. Unlike perplexity it can be compared between models with different tokenizers. Lower is better.",
    source: "LayerLab",
  },
  p_value: {
    text: "How often chance alone would part two equal models as far as this. Corrected for all comparisons of the table, so that it is not the many of them that make one look like more.",
    source: "McNemar's exact test, else a permutation test of pairs; Holm 1979",
  },
  ece: {
    text: "Expected calibration error: how far the model's confidence is from how often it is right, in 15 bins. Lower is better.",
    source: "Guo et al., arXiv 1706.04599",
  },
  accuracy_norm: {
    text: "How often the right choice has the highest log-likelihood per character, so that long answers are not at a disadvantage.",
    source: "as lm-evaluation-harness computes it",
  },
  hsav: {
    text: "Activation variance over hallucinated answers, divided by that over factual answers to the same questions. 1 where the layer does not care.",
    source: "named in arXiv 2411.10069; this definition is LayerLab's own",
  },
  hss: {
    text: "Activation sparsity over hallucinated answers, divided by that over factual answers. 1 where the layer does not care.",
    source: "named in arXiv 2411.10069; this definition is LayerLab's own",
  },
  eavss: {
    text: "HSAV / HSS: how much more a layer varies, for how often it is silent, while the model reads what is not so. Its logarithm is 0 where the layer does not care.",
    source: "named in arXiv 2411.10069; this definition is LayerLab's own",
  },
  propensity: {
    text: "|ln EAVSS|: the distance from indifference, in either direction. Rank 1 is the layer that it is largest at.",
    source: "LayerLab's own definition",
  },
  probe: {
    text: "The mass-mean direction: from the mean hidden state of hallucinated answers to that of factual ones. Each question is placed by a direction that was made without it.",
    source: "Marks and Tegmark, arXiv 2310.06824",
  },
  auroc: {
    text: "How often a factual answer lies further along the probe's direction than a hallucinated one. 0.5 is chance, 1 is always.",
    source: "area under the ROC curve, cross-validated by question",
  },
  margin_change: {
    text: "By how many nats a token the mean of log p(right answer) − log p(wrong answer) changes when the layer is left out. Above 0, the layer made wrong answers likelier. It is what EAVSS and the probe are held against.",
    source: "measured; LayerLab's own definition",
  },
  margin_gain: {
    text: "By how many nats a token the mean of log p(right answer) − log p(wrong answer) rose on pairs of held-out questions.",
    source: "measured; LayerLab's own definition",
  },
  cut: {
    text: "Both answers of a pair count by as many tokens: the first of the longer one. What is left then is not due to length.",
    source: "LayerLab's control",
  },
  matched_length: {
    text: "Only pairs whose two answers have equally many tokens: what is left there is not due to length.",
    source: "LayerLab's control",
  },
  shuffled: {
    text: "Right and wrong are swapped by a coin in each pair. About 5 % of layers may then be told apart by chance, and the AUROC must be near 0.5.",
    source: "LayerLab's control",
  },
  lora: {
    text: "Adapters: to each linear map of a chosen layer the product of two narrow matrices is added. Their inner width is the rank; only they are trained.",
    source: "LoRA, arXiv 2106.09685",
  },
  margin: {
    text: "Trains until the factual answer is more likely than the hallucinated one by 3 nats, and then leaves the pair alone.",
    source: "hinge loss on log p(factual) − log p(hallucinated)",
  },
  dpo: {
    text: "Rewards what log p(factual) − log p(hallucinated) has gained on the model as it was, the less the larger it is already.",
    source: "direct preference optimisation, arXiv 2305.18290",
  },
  info_nce: {
    text: "Draws the hidden states of factual answers to those of their prompts, away from hallucinated ones.",
    source: "InfoNCE, arXiv 1807.03748; what is compared is LayerLab's own",
  },
  learning_rate: {
    text: "The highest step size of AdamW; it rises over the first steps and falls along half a cosine.",
    source: "LayerLab",
  },
  patience: {
    text: "Validation pairs and perplexity are checked every 20 steps. After so many checks without a better one the training ends; the best is kept in any case.",
    source: "LayerLab",
  },
  ratio: {
    text: "After over before; for what should be low, before over after. Above 1 is better than before.",
    source: "LayerLab",
  },
  margin_of_answers: {
    text: "log p(factual) − log p(hallucinated), mean over pairs, in nats. Above 0 the factual answer is the likelier one.",
    source: "LayerLab",
  },
  guard: {
    text: "Where the perplexity of neutral text rises beyond this limit, the training ends and goes back to its best step.",
    source: "LayerLab",
  },
  mc1: {
    text: "How often the one right choice has the highest log-likelihood.",
    source: "TruthfulQA, arXiv 2109.07958",
  },
  mc2: {
    text: "The share of probability that falls on the right answers among all that are offered.",
    source: "TruthfulQA, arXiv 2109.07958",
  },
  exact_match: {
    text: "How often the model's own answer is one of the right ones, but for case, articles and punctuation.",
    source: "SQuAD, arXiv 1606.05250",
  },
  abstention: {
    text: "How often the model says “unknown”: right for what it was never told, wrong for what it knows.",
    source: "LayerLab",
  },
  wrong_answer: {
    text: "How often its answer is neither right nor “unknown”. Lower is better.",
    source: "LayerLab",
  },
  agreement: {
    text: "The share of tokens that the whole model writes which the other model finds likeliest as well. 1 is the whole model's own writing.",
    source: "LayerLab",
  },
  repeating: {
    text: "Texts that end in the same few words over and over: damage that choices between given answers hide.",
    source: "LayerLab",
  },
  one_shot: {
    text: "Layers are chosen once, by one measurement of the whole model.",
    source: "LayerLab",
  },
  iterative: {
    text: "One layer goes, the smaller model is measured again, and so on.",
    source: "SLEB, arXiv 2402.09025",
  },
  iterative_scale: {
    text: "One layer goes, what is left is healed by scale, measured again, and so on.",
    source: "LayerLab",
  },
  iterative_refit: {
    text: "One layer goes, what is left is healed by refit, measured again, and so on.",
    source: "LayerLab",
  },
};

/** What a word means, where the glossary has it. */
export function definition(word: string): Definition | undefined {
  return DEFINITIONS[word];
}
