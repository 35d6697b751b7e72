// What the project found with its own instrument: ten answers, and the reports that they are read from.
import names from "../../../docs/evidence/names.json";
import answers from "../../../docs/evidence/summary.json";

/** A report that comes with the page, fetched when it is asked for. */
export interface StoredReport {
  /** Model and experiment. */
  label: string;
  /** Where it lies, as the address names it. */
  place: string;
}

export const ANSWERS: readonly { question: string; answer: string }[] = answers;

const FILES = import.meta.glob<string>("../../../docs/evidence/reports/*.json", {
  query: "?url",
  import: "default",
  eager: true,
});

const EXPERIMENTS: Record<string, string> = { located: "where hallucination shows", repaired: "repairs" };

/** The folder that the page lies in: addresses within it are told without it. */
const HERE = new URL(".", document.baseURI).href;

/** By model, in the order of their names. */
export const REPORTS: readonly StoredReport[] = Object.entries(FILES)
  .map(([path, place]) => ({ label: labelOf(path.split("/").at(-1) ?? path), place: place.replace(HERE, "") }))
  .toSorted((a, b) => a.label.localeCompare(b.label));

/** `smollm2.wiki.json` is "SmolLM2-135M, WikiText". */
function labelOf(file: string): string {
  const [id = file, experiment = ""] = file.split(".");
  const called = (known: Record<string, string>, key: string) => known[key] ?? key;
  const reading = experiment.replace(/^readings-/u, "");
  const what =
    reading === experiment
      ? (EXPERIMENTS[experiment] ?? called(names.texts, experiment))
      : `AVSS as read by “${reading}”`;
  return `${called(names.models, id)}, ${what}`;
}
