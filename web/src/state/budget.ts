// What things take on this device, estimated from what it was seen to do: what fits is begun by itself, all else says how long
// it would take before it is begun.
import type { Calibration, Examination, ModelReport, Report } from "../generated/types";

/** Bytes of text that make a token, about. */
const BYTES_PER_TOKEN = 4;
/** What a step of training takes beside a pass: gradients are about twice as much again. */
const TRAINING = 3;

/** Seconds that a token takes through all blocks, by the pass that a report is of. */
function secondsOfToken({ timings }: Report): number {
  return 1 / Math.max(timings.tokens_per_second ?? 0, 1e-6);
}

/** What logits cost beside all blocks: about as much as their weights are more. */
function logits({ vocab_size, hidden_size, layers, block_parameters }: ModelReport): number {
  return (vocab_size * hidden_size) / Math.max(layers * block_parameters, 1);
}

/** Tokens of a sequence that was scored on, in the mean. */
function sequenceTokens({ scoring }: Report): number {
  return scoring ? scoring.data.tokens / Math.max(scoring.data.sequences, 1) : 0;
}

/** Seconds that the statistics of a sequence take. */
export function secondsOfSequence(report: Report): number {
  return sequenceTokens(report) * secondsOfToken(report);
}

/** Seconds that the losses of a sequence take without each layer: with shared beginnings, half of all blocks in the mean. */
export function leaveOutSeconds(report: Report): number {
  return secondsOfSequence(report) * (report.model.layers + 1) * (0.5 + logits(report.model));
}

/** Tokens that an examination shows to a model, by its size: a text's, or of as many questions as are asked. */
function examined({ datasets, items }: Examination): number {
  const tokens = datasets.map(({ name, contents }) => {
    const all = contents.length / BYTES_PER_TOKEN;
    if (/\.(txt|md)$/i.test(name)) return all;
    const records = contents.split("\n").filter((line) => line.trim() !== "").length;
    return (all * Math.min(items ?? records, records)) / Math.max(records, 1);
  });
  return tokens.reduce((sum, some) => sum + some, 0);
}

/** Seconds that asking so many models takes. */
export function judgeSeconds(report: Report, examination: Examination, models: number): number {
  return models * examined(examination) * secondsOfToken(report) * (1 + logits(report.model));
}

/** Seconds that pairs of answers take, at one tap or at many: each question is read with both. */
export function locateSeconds(report: Report, examination: Examination): number {
  return 2 * examined(examination) * secondsOfToken(report);
}

/** Seconds that the margin without each layer takes: about half of a pass of all answers, and their logits, for each layer. */
export function marginSeconds(report: Report, examination: Examination): number {
  return (report.model.layers + 1) * locateSeconds(report, examination) * (0.5 + logits(report.model));
}

/** What a repair trains. */
interface Trainings {
  /** One after the other, each judged. */
  count: number;
  steps: number;
  /** Pairs of a step. */
  pairs: number;
  /** Whether the margin is measured without each layer first. */
  withMargins: boolean;
}

/** Seconds that trainings on pairs take, with judging the model before them and after each. */
export function repairSeconds(report: Report, examination: Examination, trainings: Trainings): number {
  const { count, steps, pairs, withMargins } = trainings;
  const items = Math.max((examination.items ?? 0) * examination.datasets.length, 1);
  const pair = (2 * examined(examination)) / items;
  const training = TRAINING * steps * pairs * pair * secondsOfToken(report) * (1 + logits(report.model));
  const margins = withMargins ? marginSeconds(report, examination) : 0;
  return margins + count * training + judgeSeconds(report, examination, 1 + count);
}

/** Tokens that healing reads. */
function learnt(report: Report, text: Calibration): number {
  const all = text.text.contents.length / BYTES_PER_TOKEN;
  return Math.min(all, text.max_sequences * Math.max(sequenceTokens(report), 1));
}

/** Seconds that a closed form takes: a few passes of the whole model over the text. */
export function refitSeconds(report: Report, text: Calibration): number {
  return 3 * learnt(report, text) * secondsOfToken(report);
}

/** Seconds that a distillation takes: passes of the whole model over the text, then its steps. */
export function distilSeconds(report: Report, text: Calibration, steps: number, sequences: number): number {
  const tokens = steps * sequences * sequenceTokens(report);
  const all = 2 * learnt(report, text) + TRAINING * tokens;
  return all * secondsOfToken(report) * (1 + logits(report.model));
}

/** Seconds for people, as an estimate. */
export function about(seconds: number): string {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 2) return "about a second";
  if (seconds < 55) return `about ${seconds < 10 ? Math.round(seconds) : 5 * Math.round(seconds / 5)} s`;
  const minutes = seconds / 60;
  if (minutes < 55) return `about ${minutes < 10 ? Math.max(1, Math.round(minutes)) : 5 * Math.round(minutes / 5)} min`;
  return `about ${Number((minutes / 60).toPrecision(2))} h`;
}
