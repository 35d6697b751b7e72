// What the page shows, as its address: whoever opens the address sees the same screen.
import { HUB } from "../worker/messages";
import type { DeviceChoice, Estimator, LayerChoice, Objective, Schedule, Tap } from "../generated/types";

export const VIEWS = ["overview", "model", "layers", "prune", "hallucination", "repair", "report", "lesson"] as const;
export type View = (typeof VIEWS)[number];

const DEVICES: readonly DeviceChoice[] = ["auto", "gpu", "cpu"];
export const TAPS: readonly Tap[] = ["input", "output", "update", "attention", "mlp", "neurons"];
export const ESTIMATORS: readonly Estimator[] = ["pooled", "element", "channel"];
export const FIGURES = ["ln_eavss", "propensity"] as const;
export const CHOICES: readonly LayerChoice["kind"][] = [
  "eavss",
  "probe",
  "margin_change",
  "random",
  "last",
  "all",
  "each",
  "given",
];
export const OBJECTIVES: readonly Objective["kind"][] = ["margin", "dpo", "info_nce"];
const SCHEDULES: readonly Schedule[] = ["one_shot", "iterative", "iterative_scale", "iterative_refit"];

/** What the address says of one thing: its value where nothing else is said, and how another is read. */
interface Parameter<T> {
  usual: T;
  read: (written: string) => T;
}

function text(usual: string): Parameter<string> {
  return { usual, read: (written) => written };
}

function oneOf<T extends string>(known: readonly T[], usual: T): Parameter<T> {
  return { usual, read: (written) => known.find((one) => one === written) ?? usual };
}

/** A whole number. */
function whole(usual: number, least = 0): Parameter<number> {
  const isMeant = (number: number): boolean => Number.isInteger(number) && number >= -1;
  return { usual, read: (written) => (isMeant(Number(written)) ? Math.max(Number(written), least) : usual) };
}

function positive(usual: number): Parameter<number> {
  const isMeant = (number: number): boolean => Number.isFinite(number) && number > 0;
  return { usual, read: (written) => (isMeant(Number(written)) ? Number(written) : usual) };
}

/** A sparsity threshold as the lab writes it. */
function threshold(usual: string): Parameter<string> {
  return { usual, read: (written) => (/^(rel:)?\d*\.?\d+(e[+-]?\d+)?$/i.test(written) ? written : usual) };
}

/** Yes or no. */
function flag(): Parameter<boolean> {
  return { usual: false, read: (written) => written === "true" };
}

/** Numbers of layers. */
function layers(): Parameter<number[]> {
  const isNumber = (part: string): boolean => /^\d+$/.test(part);
  return { usual: [], read: (written) => written.split(",").filter(isNumber).map(Number) };
}

const PARAMETERS = {
  view: oneOf(VIEWS, "overview"),
  device: oneOf(DEVICES, "auto"),
  /** Workers that compute on the CPU at most; 0 for what suits the processor. */
  workers: whole(0),
  /** Hub id; empty for the bundled model. */
  model: text(""),
  endpoint: text(HUB),
  /** Name of a model that was dropped or picked: whoever opens the address elsewhere has to have it. */
  file: text(""),
  /** Where a report lies that is to be opened; empty for none. */
  report: text(""),
  /** Seconds that the page computes for without being asked. */
  wait: positive(20),
  tap: oneOf(TAPS, "output"),
  estimator: oneOf(ESTIMATORS, "pooled"),
  epsilon: threshold("rel:0.05"),
  /** Id of the method in view; empty for the one that the measured loss change backs. */
  method: text(""),
  /** How scores lie on their axis. */
  axis: oneOf(["suitable", "linear", "logarithmic"] as const, "suitable"),
  /** The layer looked at; -1 for none. */
  layer: whole(-1, -1),
  removed: layers(),
  /** Layers that a method removes; 0 for a quarter. */
  count: whole(0),
  schedule: oneOf(SCHEDULES, "one_shot"),
  /** What loss change is measured on where layers are chosen by it. */
  on: oneOf(["text", "task"] as const, "text"),
  prompt: text(""),
  /** Whether models are asked in conversations, and what the system says there first; empty for nothing. */
  chat: flag(),
  system: text(""),
  /** Sequences to score on at most, and tokens of each; 0 for what suits the device. */
  sequences: whole(0, -1),
  length: whole(0, -1),
  /** Items of each dataset at most; 0 for what suits the device. */
  items: whole(0, -1),
  /** Tap at which factual and hallucinated answers are contrasted. */
  contrast: oneOf(TAPS, "output"),
  figure: oneOf(FIGURES, "ln_eavss"),
  /** Dataset of pairs; empty for the first. */
  pairs: text(""),
  /** The pair looked at, from 0. */
  pair: whole(0),
  /** How the layers to repair are chosen. */
  choice: oneOf(CHOICES, "last"),
  /** Those chosen by hand. */
  given: layers(),
  /** How many are chosen otherwise; 0 for a quarter. */
  layers: whole(0),
  objective: oneOf(OBJECTIVES, "margin"),
  steps: positive(200),
  rate: positive(0.003),
  rank: positive(8),
  /** Pairs of a training step. */
  batch: positive(8),
  /** Checks without a better one after which a training ends. */
  patience: positive(3),
  /** Characters of neutral text that a repair reads at most; 0 for what suits the device. */
  neutral: whole(0),
  /** Step of the lesson, from 0. */
  step: whole(0, -1),
};

type Address = { -readonly [K in keyof typeof PARAMETERS]: (typeof PARAMETERS)[K]["usual"] };

function parsed(search: string): Address {
  const query = new URLSearchParams(search);
  const values = Object.entries(PARAMETERS).map(([key, { usual, read }]) => {
    const written = query.get(key);
    return [key, written === null ? structuredClone(usual) : read(written)];
  });
  // A value for each parameter, each of its type.
  return Object.fromEntries(values) as Address;
}

/** The page's own address, as a store. */
export const address = $state(parsed(location.search));

/** Characters of a text that an address carries at most: servers refuse longer ones. */
const LONGEST = 1000;

/** The query of the address; what is as usual is left out, and texts that are too long for it. */
export function query(): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(address)) {
    const { usual } = PARAMETERS[key as keyof Address];
    const isShort = String(value).length <= LONGEST;
    if (String(value) !== String(usual) && isShort) query.set(key, String(value));
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
