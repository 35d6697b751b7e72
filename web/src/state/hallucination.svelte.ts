// Which layers carry hallucination, and what repairing them changed.
import type {
  AnswerChange,
  BundledPairs,
  CheckRecord,
  LayerChoice,
  LocateRequest,
  PairTokens,
  RepairReport,
  RepairRequest,
  RepairTexts,
  Report,
  StepRecord,
  Tap,
} from "../generated/types";
import type { Step } from "../client/lab";
import { address } from "./address.svelte";
import { lab } from "./lab.svelte";

/** Resamples of intervals in the page; the command takes more. */
const RESAMPLES = 300;
/** Held-out questions of each dataset that are shown with their answers. */
const SHOWN_ANSWERS = 4;

/** What was found out, about which loaded model. */
interface Found<T> {
  found: T;
  sha256: string;
  load: number;
}

/** A training as it goes. */
export interface Training {
  total: number;
  steps: StepRecord[];
  checks: CheckRecord[];
  /** By which share perplexity may rise. */
  tolerance: number;
}

class HallucinationState {
  bundled = $state.raw<BundledPairs | null>(null);

  #located = $state.raw<Found<Report> | null>(null);
  #repaired = $state.raw<Found<Report> | null>(null);
  #tokens = $state.raw<PairTokens | null>(null);
  changes = $state.raw<AnswerChange[] | null>(null);
  training = $state<Training | null>(null);
  /** Why the pair cannot be shown. */
  problem = $state<string | null>(null);

  /** Which layers tell hallucinated answers from factual ones: the opened report's word first. */
  readonly located = $derived.by(() => {
    const opened = lab.opened?.hallucination;
    if (opened) return { found: opened, origin: "opened" as const };
    const live = this.#ofModel(this.#located)?.hallucination;
    return live ? { found: live, origin: "live" as const } : null;
  });
  readonly repaired = $derived.by(() => {
    const opened = lab.opened;
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
  readonly tokens = $derived(this.hasPairs ? this.#tokens : null);

  /** Pairs to locate by; null where there are none. */
  readonly pairs = $derived(lab.ownDatasets ?? (lab.isBundled ? (this.bundled?.pairs ?? null) : null));
  /** What a repair reads; null where something is missing. */
  readonly texts = $derived.by((): RepairTexts | null => {
    const bundled = lab.isBundled ? (this.bundled?.repair ?? null) : null;
    const datasets = lab.ownDatasets ?? bundled?.datasets;
    const whole = lab.ownText ?? bundled?.neutral;
    if (datasets === undefined || whole === undefined) return null;
    const most = address.neutral || (lab.device?.kind === "software_gpu" ? 2000 : Infinity);
    const neutral = { ...whole, contents: whole.contents.slice(0, most) };
    const judged = lab.ownText === null ? (bundled?.judged ?? null) : null;
    return { datasets, neutral, judged, items: this.items };
  });
  /** Items of each dataset at most. */
  readonly items = $derived(address.items || (lab.device?.kind === "software_gpu" ? 12 : 120));

  /** Fetches what comes with the bundled model, once. */
  async prepare(): Promise<void> {
    if (this.bundled !== null) return;
    this.bundled = (await lab.ask((worker) => worker.bundledPairs())) ?? null;
  }

  /** Contrasts factual and hallucinated answers at every layer. */
  async locate(): Promise<void> {
    await this.prepare();
    const { pairs, bundled } = this;
    if (pairs === null || bundled === null) return;
    const usual = bundled.locate_request;
    const taps = new Set<Tap>([...usual.taps, address.contrast]);
    const request = { ...this.#contrast(usual), taps: [...taps] };
    const examination = { datasets: pairs, items: this.items };
    const report = await lab.work("Locating hallucination", (worker, show) =>
      worker.locate(examination, request, show),
    );
    if (report === undefined) return;
    this.#located = this.#found(report);
    this.#tokens = null;
    lab.opened = null;
  }

  /** Fetches the tokens of the address's pair, if the worker holds it. */
  async look(dataset: string, pair: number, tap: Tap): Promise<void> {
    this.problem = null;
    if (!this.hasPairs || lab.task !== null) return;
    const tokens = await lab.ask((worker) => worker.tokens({ dataset, pair, tap }));
    if (tokens !== undefined) this.#tokens = tokens;
    else {
      this.problem = lab.failure?.message ?? null;
      lab.failure = null;
    }
  }

  /** Trains adapters on the chosen layers, and judges the model before and after. */
  async repair(): Promise<void> {
    await this.prepare();
    const { texts, bundled } = this;
    if (texts === null || bundled === null) return;
    const request = this.#repairRequest(bundled);
    this.changes = null;
    const { steps, tolerance } = request.recipe;
    this.training = { total: steps, steps: [], checks: [], tolerance };
    const done = await lab.work("Repairing", (worker, show) =>
      worker.repair(texts, request, (step) => {
        this.#record(step);
        show(step);
      }),
    );
    if (done === undefined) return;
    this.#repaired = this.#found(done);
    lab.opened = null;
    const changes = await lab.work("Asking before and after", (worker, show) =>
      worker.answerChanges(SHOWN_ANSWERS, show),
    );
    this.changes = changes ?? null;
  }

  /** The adapters in the layout of PEFT, as a zip. */
  adapters(): Promise<Blob | undefined> {
    return lab.work("Writing the adapter", (worker) => worker.exportAdapters());
  }

  /** The repaired model; a zip where no folder is given. */
  merged(folder: FileSystemDirectoryHandle | undefined): Promise<Blob | null | undefined> {
    return lab.work("Writing the repaired model", (worker, show) =>
      worker.exportRepaired(folder, show),
    );
  }

  #record(step: Step): void {
    if (this.training === null) return;
    if (step.stage === "tuning") this.training.steps.push(step.record);
    if (step.stage === "checking") this.training.checks.push(step.record);
  }

  #contrast(usual: LocateRequest): LocateRequest {
    const evaluation = lab.evalOptions(usual.eval);
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

  #found<T>(found: T): Found<T> {
    return { found, sha256: lab.model?.sha256 ?? "", load: lab.loads };
  }

  /** What was found, as long as it is about the model that is loaded. */
  #ofModel<T>(found: Found<T> | null): T | null {
    return found !== null && found.sha256 === lab.model?.sha256 ? found.found : null;
  }

  #isHeld(found: Found<unknown> | null): boolean {
    return found !== null && found.load === lab.loads && lab.model !== null;
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
