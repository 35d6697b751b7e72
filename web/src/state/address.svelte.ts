// What the page shows, as its address: whoever opens the address sees the same screen.
import { HUB } from "../worker/messages";
import type { DeviceChoice, Estimator, LayerChoice, Objective, Schedule, Tap } from "../generated/types";

export const VIEWS = ["model", "layers", "prune", "hallucination", "repair", "report", "lesson"] as const;
export type View = (typeof VIEWS)[number];

const DEVICES: readonly DeviceChoice[] = ["auto", "gpu", "cpu"];
export const TAPS: readonly Tap[] = ["input", "output", "update", "attention", "mlp", "neurons"];
const ESTIMATORS: readonly Estimator[] = ["pooled", "element", "channel"];
export const FIGURES = ["ln_eavss", "propensity"] as const;
export const CHOICES: readonly LayerChoice["kind"][] = ["eavss", "probe", "random", "last", "all", "given"];
export const OBJECTIVES: readonly Objective["kind"][] = ["margin", "dpo", "info_nce"];
const SCHEDULES: readonly Schedule[] = ["one_shot", "iterative"];

const DEFAULTS = {
  view: "layers" as View,
  device: "auto" as DeviceChoice,
  /** Workers that compute on the CPU at most; 0 for what suits the processor. */
  workers: 0,
  /** Hub id; empty for the bundled model. */
  model: "",
  endpoint: HUB,
  tap: "output" as Tap,
  estimator: "pooled" as Estimator,
  epsilon: "rel:0.05",
  method: "avss",
  /** The layer looked at; -1 for none. */
  layer: -1,
  removed: [] as number[],
  count: 3,
  schedule: "one_shot" as Schedule,
  prompt: "",
  /** Sequences to score on at most, and tokens of each; 0 for what suits the device. */
  sequences: 0,
  length: 0,
  /** Items of each dataset at most; 0 for what suits the device. */
  items: 0,
  /** Tap at which factual and hallucinated answers are contrasted. */
  contrast: "output" as Tap,
  figure: "ln_eavss" as (typeof FIGURES)[number],
  /** Dataset of pairs; empty for the first. */
  pairs: "",
  /** The pair looked at, from 0. */
  pair: 0,
  /** How the layers to repair are chosen. */
  choice: "last" as LayerChoice["kind"],
  /** Those chosen by hand. */
  given: [] as number[],
  /** How many are chosen otherwise; 0 for a quarter. */
  layers: 0,
  objective: "margin" as Objective["kind"],
  steps: 200,
  rate: 0.003,
  rank: 8,
  /** Pairs of a training step. */
  batch: 8,
  /** Checks without a better one after which a training ends. */
  patience: 3,
  /** Characters of neutral text that a repair reads at most; 0 for what suits the device. */
  neutral: 0,
  /** Step of the lesson, from 0. */
  step: 0,
};

function oneOf<T extends string>(known: readonly T[], value: string | null, otherwise: T): T {
  return known.find((one) => one === value) ?? otherwise;
}

function whole(value: string | null, otherwise: number): number {
  const number = Number(value);
  return value !== null && Number.isInteger(number) && number >= -1 ? number : otherwise;
}

function positive(value: string | null, otherwise: number): number {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : otherwise;
}

function numbers(value: string | null): number[] {
  return (value ?? "")
    .split(",")
    .filter((part) => /^\d+$/.test(part))
    .map(Number);
}

function parsed(search: string): typeof DEFAULTS {
  const query = new URLSearchParams(search);
  return {
    view: oneOf(VIEWS, query.get("view"), DEFAULTS.view),
    device: oneOf(DEVICES, query.get("device"), DEFAULTS.device),
    workers: Math.max(whole(query.get("workers"), DEFAULTS.workers), 0),
    model: query.get("model") ?? DEFAULTS.model,
    endpoint: query.get("endpoint") ?? DEFAULTS.endpoint,
    tap: oneOf(TAPS, query.get("tap"), DEFAULTS.tap),
    estimator: oneOf(ESTIMATORS, query.get("estimator"), DEFAULTS.estimator),
    epsilon: query.get("epsilon") ?? DEFAULTS.epsilon,
    method: query.get("method") ?? DEFAULTS.method,
    layer: whole(query.get("layer"), DEFAULTS.layer),
    removed: numbers(query.get("removed")),
    count: whole(query.get("count"), DEFAULTS.count),
    schedule: oneOf(SCHEDULES, query.get("schedule"), DEFAULTS.schedule),
    prompt: query.get("prompt") ?? DEFAULTS.prompt,
    sequences: whole(query.get("sequences"), DEFAULTS.sequences),
    length: whole(query.get("length"), DEFAULTS.length),
    items: whole(query.get("items"), DEFAULTS.items),
    contrast: oneOf(TAPS, query.get("contrast"), DEFAULTS.contrast),
    figure: oneOf(FIGURES, query.get("figure"), DEFAULTS.figure),
    pairs: query.get("pairs") ?? DEFAULTS.pairs,
    pair: Math.max(whole(query.get("pair"), DEFAULTS.pair), 0),
    choice: oneOf(CHOICES, query.get("choice"), DEFAULTS.choice),
    given: numbers(query.get("given")),
    layers: Math.max(whole(query.get("layers"), DEFAULTS.layers), 0),
    objective: oneOf(OBJECTIVES, query.get("objective"), DEFAULTS.objective),
    steps: positive(query.get("steps"), DEFAULTS.steps),
    rate: positive(query.get("rate"), DEFAULTS.rate),
    rank: positive(query.get("rank"), DEFAULTS.rank),
    batch: positive(query.get("batch"), DEFAULTS.batch),
    patience: positive(query.get("patience"), DEFAULTS.patience),
    neutral: Math.max(whole(query.get("neutral"), DEFAULTS.neutral), 0),
    step: whole(query.get("step"), DEFAULTS.step),
  };
}

/** The page's own address, as a store. */
export const address = $state(parsed(location.search));

/** The query of the address; what is as usual is left out. */
export function query(): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(address)) {
    const usual = DEFAULTS[key as keyof typeof DEFAULTS];
    if (String(value) !== String(usual)) query.set(key, String(value));
  }
  const written = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return written === "" ? "" : `?${written}`;
}

/** Goes to another view, as a step that the browser's back button undoes. */
export function go(view: View): void {
  if (address.view === view) return;
  history.pushState(null, "", location.pathname + query());
  address.view = view;
}

addEventListener("popstate", () => Object.assign(address, parsed(location.search)));
