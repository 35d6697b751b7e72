// What the page shows, as its address: whoever opens the address sees the same screen.
import type { DeviceChoice, Estimator, Schedule, Tap } from "../generated/types";

export const VIEWS = [
  "model",
  "layers",
  "prune",
  "hallucination",
  "repair",
  "report",
  "lesson",
] as const;
export type View = (typeof VIEWS)[number];

const DEVICES: readonly DeviceChoice[] = ["auto", "gpu", "cpu"];
const TAPS: readonly Tap[] = ["input", "output", "update", "attention", "mlp", "neurons"];
const ESTIMATORS: readonly Estimator[] = ["pooled", "element", "channel"];
const SCHEDULES: readonly Schedule[] = ["one_shot", "iterative"];

const DEFAULTS = {
  view: "layers" as View,
  device: "auto" as DeviceChoice,
  /** Hub id; empty for the bundled model. */
  model: "",
  endpoint: "https://huggingface.co",
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

function parsed(search: string): typeof DEFAULTS {
  const query = new URLSearchParams(search);
  const removed = (query.get("removed") ?? "").split(",").filter((part) => /^\d+$/.test(part));
  return {
    view: oneOf(VIEWS, query.get("view"), DEFAULTS.view),
    device: oneOf(DEVICES, query.get("device"), DEFAULTS.device),
    model: query.get("model") ?? DEFAULTS.model,
    endpoint: query.get("endpoint") ?? DEFAULTS.endpoint,
    tap: oneOf(TAPS, query.get("tap"), DEFAULTS.tap),
    estimator: oneOf(ESTIMATORS, query.get("estimator"), DEFAULTS.estimator),
    epsilon: query.get("epsilon") ?? DEFAULTS.epsilon,
    method: query.get("method") ?? DEFAULTS.method,
    layer: whole(query.get("layer"), DEFAULTS.layer),
    removed: removed.map(Number),
    count: whole(query.get("count"), DEFAULTS.count),
    schedule: oneOf(SCHEDULES, query.get("schedule"), DEFAULTS.schedule),
    prompt: query.get("prompt") ?? DEFAULTS.prompt,
    sequences: whole(query.get("sequences"), DEFAULTS.sequences),
    length: whole(query.get("length"), DEFAULTS.length),
    items: whole(query.get("items"), DEFAULTS.items),
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
