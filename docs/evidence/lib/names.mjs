// What things are called in figures and tables.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The names that `names.json` has for models and texts; what it does not have is called as its file. */
export function readNames(folder) {
  const file = join(folder, "names.json");
  const { models = {}, texts = {} } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  return { model: (id) => models[id] ?? id, text: (id) => texts[id] ?? id };
}

/** A dataset or text without its folder and ending: where it lay says nothing to readers. */
export function datasetName(name) {
  return name
    .split("/")
    .at(-1)
    .replace(/\.(jsonl?|csv|txt|parquet)$/u, "");
}

export function planName({ label, schedule }) {
  return schedule === "one_shot" ? label : `${label}, ${schedule.replaceAll("_", "-")}`;
}

/** A choice of layers to repair. */
export function choiceName(choice) {
  switch (choice.kind) {
    case "eavss":
      return "EAVSS";
    case "random":
      return `random, seed ${choice.seed}`;
    case "given":
      return `layers ${choice.layers.join(", ")}`;
    default:
      return { last: "last layers", all: "all layers" }[choice.kind] ?? choice.kind.replaceAll("_", " ");
  }
}

/** How AVSS was read. */
export function readingName({ estimator, epsilon, tap }) {
  const share = /^rel:(?<share>.+)$/u.exec(epsilon)?.groups.share;
  return `${estimator}, ε ${share === undefined ? epsilon : `${share} of RMS`}, ${tap}`;
}
