// Which layers carry hallucination, and what repairing them changed.
import type {
  AnswerChange,
  BundledPairs,
  CheckRecord,
  LayerChoice,
  LocateRequest,
  MarginChange,
  PairTokens,
  RepairReport,
  RepairRequest,
  RepairTexts,
  Report,
  StepRecord,
  Tap,
} from "../generated/types";
import type { Answer } from "../client/caller";
import { failureOf } from "../client/failure";
import type { Step } from "../worker/protocol";
import { address } from "./address.svelte";
import { locateSeconds, marginSeconds, repairSeconds } from "./budget";
import { ownDatasets } from "./datasets.svelte";
import { material } from "./material.svelte";
import { model } from "./model.svelte";
import { reports } from "./reports.svelte";
import { scores } from "./scores.svelte";
import { tasks } from "./tasks.svelte";

/** Resamples of intervals in the page; the command takes more. */
const RESAMPLES = 300;
/** Seconds for a dataset within which the margin without each layer is measured unasked. */
const MARGIN_SECONDS = 20;
/** Held-out questions of each dataset that are shown with their answers. */
const SHOWN_ANSWERS = 4;

/** A training as it goes. */
export interface Training {
  total: number;
  steps: StepRecord[];
  checks: CheckRecord[];
  /** By which share perplexity may rise. */
  tolerance: number;
}

class HallucinationState {
  #bundled = $state.raw<BundledPairs | null>(null);
  #located = $state.raw<Answer<"locate"> | null>(null);
  #repaired = $state.raw<Answer<"repair"> | null>(null);
  #tokens = $state.raw<Answer<"tokens"> | null>(null);
  #changes = $state.raw<Answer<"answerChanges"> | null>(null);
  #training = $state<Training | null>(null);
  #problem = $state<string | null>(null);

  /** What comes with the bundled model. */
  get bundled(): BundledPairs | null {
    return this.#bundled;
  }

  get training(): Readonly<Training> | null {
    return this.#training;
  }

  /** Why the pair cannot be shown. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Which layers tell hallucinated answers from factual ones: the opened report's word first. */
  readonly located = $derived.by(() => {
    const opened = reports.opened;
    if (opened?.hallucination) return { report: opened, found: opened.hallucination, origin: "opened" as const };
    const live = this.#ofModel(this.#located);
    return live?.hallucination ? { report: live, found: live.hallucination, origin: "live" as const } : null;
  });
  readonly repaired = $derived.by(() => {
    const opened = reports.opened;
    if (opened?.repair) return { report: opened, repair: opened.repair, origin: "opened" as const };
    const live = this.#ofModel(this.#repaired);
    return live?.repair ? { report: live, repair: live.repair, origin: "live" as const } : null;
  });
  /** What this page itself found out about the model, as whole reports. */
  readonly live = $derived({ located: this.#ofModel(this.#located), repaired: this.#ofModel(this.#repaired) });
  /** Whether the worker holds the pairs, so that one can be looked at. */
  readonly hasPairs = $derived(this.#isHeld(this.#located) && this.located?.origin === "live");
  /** Whether the worker holds the repaired model. */
  readonly hasRepair = $derived(this.#isHeld(this.#repaired) && this.repaired?.origin === "live");
  /** The pair that is looked at, if its tokens are there. */
  readonly tokens = $derived.by((): PairTokens | null => {
    return this.hasPairs && this.#tokens !== null && model.isOf(this.#tokens) ? this.#tokens.found : null;
  });
  /** What the repaired model answers otherwise than before. */
  readonly changes = $derived.by((): AnswerChange[] | null => {
    return this.hasRepair && this.#changes !== null && model.isOf(this.#changes) ? this.#changes.found : null;
  });
  /** Whether a repair is under way. */
  readonly isRepairing = $derived(tasks.current?.kind === "repair");

  /** Pairs to locate by; null where there are none. */
  readonly pairs = $derived(ownDatasets.texts ?? (model.isBundled ? (this.#bundled?.pairs ?? null) : null));
  /** What a repair reads; null where something is missing. */
  readonly texts = $derived.by((): RepairTexts | null => {
    const bundled = model.isBundled ? (this.#bundled?.repair ?? null) : null;
    const datasets = ownDatasets.texts ?? bundled?.datasets;
    const whole = material.ownText ?? bundled?.neutral;
    if (datasets === undefined || whole === undefined) return null;
    const most = address.neutral || (model.isSlow ? 2000 : Infinity);
    const neutral = { ...whole, contents: whole.contents.slice(0, most) };
    const judged = material.ownText === null ? (bundled?.judged ?? null) : null;
    return { datasets, neutral, judged, items: this.items };
  });
  /** Items of each dataset at most. */
  readonly items = $derived(address.items || (model.isSlow ? 12 : 120));

  /** Seconds that locating takes, about. */
  readonly locateSeconds = $derived.by(() => {
    const { timed } = scores;
    if (timed === null || this.pairs === null) return NaN;
    return locateSeconds(timed, { datasets: this.pairs, items: this.items });
  });
  /** Seconds that the margin without each layer takes, about. */
  readonly marginSeconds = $derived.by(() => {
    const { timed } = scores;
    if (timed === null || this.pairs === null) return NaN;
    return marginSeconds(timed, { datasets: this.pairs, items: this.items });
  });
  /** Seconds that a repair takes, about. */
  readonly repairSeconds = $derived.by(() => {
    const { timed } = scores;
    if (timed === null || this.texts === null) return NaN;
    const { datasets } = this.texts;
    const { choice, steps, batch: pairs } = address;
    const isEach = choice === "each";
    const count = isEach ? timed.model.layers : 1;
    const withMargins = isEach || choice === "margin_change";
    return repairSeconds(timed, { datasets, items: this.items }, { count, steps, pairs, withMargins });
  });

  /** Fetches what comes with the bundled model, once. */
  async prepare(): Promise<void> {
    if (this.#bundled !== null) return;
    const answer = await tasks.ask("bundledPairs", []);
    this.#bundled = answer?.found ?? null;
  }

  /** Contrasts factual and hallucinated answers at every layer; with the margin without each, however long that takes. */
  async locate(withMargins = false): Promise<void> {
    await this.prepare();
    const { pairs, bundled } = this;
    if (pairs === null || bundled === null) return;
    const usual = bundled.locate_request;
    const taps = new Set<Tap>([...usual.taps, address.contrast]);
    const margin_change: MarginChange = withMargins ? { kind: "always" } : { kind: "within", seconds: MARGIN_SECONDS };
    const request = { ...this.#contrast(usual), taps: [...taps], margin_change };
    const examination = { datasets: pairs, items: this.items };
    const answer = await tasks.run("Locating hallucination", (ask) => ask("locate", [examination, request]));
    if (answer === undefined || !model.isOf(answer)) return;
    this.#located = answer;
    this.#tokens = null;
    reports.close();
  }

  /** Fetches the tokens of the address's pair, if the worker holds it. */
  async look(dataset: string, pair: number, tap: Tap): Promise<void> {
    this.#problem = null;
    if (!this.hasPairs || tasks.current !== null) return;
    try {
      this.#tokens = await tasks.call("tokens", [{ dataset, pair, tap }]).answer;
    } catch (thrown) {
      this.#problem = failureOf(thrown).message;
    }
  }

  /** Trains adapters on the chosen layers, and judges the model before and after. */
  async repair(): Promise<void> {
    await this.prepare();
    const { texts, bundled } = this;
    if (texts === null || bundled === null) return;
    const request = this.#repairRequest(bundled);
    this.#changes = null;
    const { steps, tolerance } = request.recipe;
    this.#training = { total: steps, steps: [], checks: [], tolerance };
    const answer = await tasks.run(
      "Repairing",
      (ask) => ask("repair", [texts, request], (step) => this.#record(step)),
      "repair",
    );
    if (answer === undefined || !model.isOf(answer)) return;
    this.#repaired = answer;
    reports.close();
    const changes = await tasks.run("Asking before and after", (ask) => ask("answerChanges", [SHOWN_ANSWERS]));
    this.#changes = changes ?? null;
  }

  /** The adapters in the layout of PEFT, as a zip. */
  async adapters(): Promise<Blob | undefined> {
    const answer = await tasks.run("Writing the adapter", (ask) => ask("exportAdapters", []));
    return answer?.found;
  }

  /** The repaired model; a zip where no folder is given. */
  async merged(folder: FileSystemDirectoryHandle | undefined): Promise<Blob | null | undefined> {
    const answer = await tasks.run("Writing the repaired model", (ask) => ask("exportRepaired", [folder]));
    return answer?.found;
  }

  #record(step: Step): void {
    if (this.#training === null) return;
    if (step.stage === "tuning") this.#training.steps.push(step.record);
    if (step.stage === "checking") this.#training.checks.push(step.record);
  }

  #contrast(usual: LocateRequest): LocateRequest {
    const evaluation = material.evalOptions(usual.eval);
    return {
      ...usual,
      contrast: { ...usual.contrast, resamples: RESAMPLES },
      eval: { ...evaluation, confidence: { ...evaluation.confidence, resamples: RESAMPLES } },
    };
  }

  #repairRequest({ repair_request: usual, objectives }: BundledPairs): RepairRequest {
    const { steps, rate, rank, layers, batch, patience } = address;
    const objective = objectives.find(({ kind }) => kind === address.objective) ?? usual.recipe.objective;
    return {
      ...usual,
      choices: [layerChoice()],
      objectives: [objective],
      count: layers || null,
      recipe: { ...usual.recipe, objective, steps, rank, learning_rate: rate, pairs: batch, patience },
      locate: this.#contrast(usual.locate),
    };
  }

  /** What was found, as long as it is about the weights that are loaded. */
  #ofModel(answer: Answer<"locate" | "repair"> | null): Report | null {
    return answer !== null && answer.model?.sha256 === model.report?.sha256 ? answer.found : null;
  }

  /** Whether the worker still holds what was found. */
  #isHeld(answer: Answer<"locate" | "repair"> | null): boolean {
    return answer !== null && model.isOf(answer);
  }
}

/** The layers that the address asks for. */
function layerChoice(): LayerChoice {
  switch (address.choice) {
    case "given":
      return { kind: "given", layers: address.given.toSorted((a, b) => a - b) };
    case "random":
      return { kind: "random", seed: 1 };
    default:
      return { kind: address.choice };
  }
}

/** The only training of a report, or the one that validation pairs liked best. */
export function bestRun(repair: RepairReport): RepairReport["runs"][number] | undefined {
  const accuracy = (run: RepairReport["runs"][number]) => run.training.checks[run.training.best]?.accuracy ?? 0;
  return repair.runs.reduce<RepairReport["runs"][number] | undefined>(
    (best, run) => (best === undefined || accuracy(run) > accuracy(best) ? run : best),
    undefined,
  );
}

export const hallucination = new HallucinationState();
