// What the page knows: the device, the model, what was found out about it, and what is being done.
import { Lab, type Step } from "../client/lab";
import { LabFailure, failureOf } from "../client/failure";
import type {
  Bundled,
  Calibration,
  DeviceChoice,
  DeviceReport,
  EvalOptions,
  Examination,
  Judged,
  ModelReport,
  NamedText,
  Plan,
  Report,
  ScoreOptions,
  ScoreRequest,
  ScoringReport,
} from "../generated/types";
import type { Adapter, DatasetSource, KeptModel, ModelSource } from "../worker/messages";
import { address } from "./address.svelte";
import { consent } from "./consent.svelte";

/** Something that takes a while. */
export interface Task {
  name: string;
  step: Step | null;
  stopping: boolean;
  /** Whether a training was asked to end with what it has. */
  ended: boolean;
}

/** Where what is shown comes from. */
export type Origin = "native" | "live" | "opened";

interface Shown {
  report: Report;
  origin: Origin;
}

/** What a model is asked where nothing else is typed. */
export const PROMPT = "Q: What is the capital of";

const ALL_TAPS: ScoreRequest["extra_taps"] = ["attention", "mlp", "neurons"];

class LabState {
  #lab = new Lab();
  /** Counts tasks, so that one that was overtaken says nothing any more. */
  #turn = 0;
  /** Where the model comes from that is loaded, is being loaded, or could not be. */
  #source = $state.raw<ModelSource>({ kind: "bundled", base: new URL("atlas/", document.baseURI).href });

  device = $state<DeviceReport | null>(null);
  adapter = $state<Adapter | null>(null);
  model = $state<ModelReport | null>(null);
  bundled = $state.raw<Bundled | null>(null);
  /** The user's own text instead of the bundled one. */
  ownText = $state.raw<NamedText | null>(null);
  /** The user's own datasets instead of the bundled ones. */
  ownDatasets = $state.raw<NamedText[] | null>(null);

  /** Made by the command when the page was built, on the bundled model. */
  native = $state.raw<Report | null>(null);
  /** What this page found out: scores, or a whole experiment. */
  live = $state.raw<Report | null>(null);
  /** A report from a file. */
  opened = $state.raw<Report | null>(null);
  /** The scores of `live` under other options. */
  rescored = $state.raw<ScoringReport | null>(null);
  judged = $state.raw<Judged | null>(null);

  /** How the model went on from the address's prompt, and how fast. */
  said = $state("");
  speed = $state<string | null>(null);

  /** Whether the worker holds what the scores come from, so that they can be asked for under other options. */
  measured = $state(false);
  task = $state<Task | null>(null);
  failure = $state.raw<LabFailure | null>(null);
  memory = $state(0);
  /** Counts loaded models: what the worker holds of one is gone with the next. */
  loads = $state(0);

  /** A model of the user's own may have any name, Atlas's too. */
  readonly isBundled = $derived(this.#source.kind === "bundled");
  /** What this page found out; until then, what the command did. */
  readonly #own = $derived.by((): Shown | null => {
    if (this.live !== null) return { report: this.live, origin: "live" };
    if (this.native !== null && this.isBundled) return { report: this.native, origin: "native" };
    return null;
  });
  /** The whole report that is shown, and where it comes from. */
  readonly shown = $derived.by((): Shown | null => {
    if (this.opened !== null) return { report: this.opened, origin: "opened" };
    return this.#own;
  });
  /** The same where layers are scored: an opened report may be about something else. */
  readonly scored = $derived(this.opened?.scoring ? this.shown : this.#own);
  readonly scoring = $derived.by((): ScoringReport | null => {
    if (this.scored?.origin === "live" && this.rescored !== null) return this.rescored;
    return this.scored?.report.scoring ?? null;
  });
  /** Scores of the model that is loaded: those of an opened report only where it is about the same weights. */
  readonly scoringOfModel = $derived.by((): ScoringReport | null => {
    const isOther = this.opened !== null && this.opened.model.sha256 !== this.model?.sha256;
    return isOther ? (this.rescored ?? this.#own?.report.scoring ?? null) : this.scoring;
  });
  readonly ready = $derived(this.device !== null && this.model !== null && this.task === null);

  /** The text that layers are scored on, cut as the device can bear. */
  readonly calibration = $derived.by((): Calibration | null => {
    const text = this.ownText ?? this.bundled?.calibration;
    if (text === undefined) return null;
    const slow = this.device?.kind === "software_gpu";
    return {
      text,
      sequence_length: address.length || (slow ? 64 : null),
      max_sequences: address.sequences || (slow ? 2 : 64),
    };
  });
  /** What whole and pruned models are asked. */
  readonly examination = $derived.by((): Examination | null => {
    const datasets = this.ownDatasets ?? this.bundled?.judged_on;
    if (datasets === undefined) return null;
    const usual = this.device?.kind === "software_gpu" ? 4 : 60;
    return { datasets, items: address.items || usual };
  });
  readonly options = $derived.by((): ScoreOptions | null => {
    const usual = this.bundled?.request.score.score;
    if (usual === undefined) return null;
    const { tap, estimator, epsilon } = address;
    return { ...usual, tap, estimator, epsilon };
  });

  /** Everything that happens when the page is opened. */
  async begin(): Promise<void> {
    void this.#showNative();
    const { model: id, endpoint } = address;
    const source: ModelSource = id === "" ? this.#source : { kind: "hub", model: { id, endpoint, revision: "main" } };
    await this.#start(address.device);
    await this.open(source);
  }

  /** A new worker in place of a dead or unwanted one; what was found out stays. */
  async restart(device: DeviceChoice): Promise<void> {
    this.#lab.end();
    this.#lab = new Lab();
    this.#turn += 1;
    this.task = null;
    this.failure = null;
    this.device = null;
    this.model = null;
    this.measured = false;
    address.device = device;
    await this.#start(device);
    // Scores are soon found again, a whole experiment is not.
    if ((await this.#load()) && !this.live?.pruning) await this.score();
  }

  /** Loads another model and scores it. */
  async open(source: ModelSource): Promise<void> {
    if (!(await this.#agreed(source))) {
      if (this.model === null && this.task === null) await this.openBundled();
      return;
    }
    this.#source = source;
    if (this.device === null) return;
    if (this.task !== null) await this.cancel();
    if (this.model !== null) {
      // Layers of one model say nothing of another's; those of the address are meant for the first.
      address.removed = [];
      address.layer = -1;
    }
    this.model = null;
    this.measured = false;
    this.live = this.opened = this.rescored = this.judged = null;
    if (await this.#load()) await this.score();
  }

  /** Whether the visitor agrees to ask the model's server, if one has to be asked. */
  async #agreed(source: ModelSource): Promise<boolean> {
    if (source.kind !== "hub") {
      // Another choice is an answer to what was asked.
      consent.question?.answer(false);
      return true;
    }
    const { id, endpoint, revision } = source.model;
    try {
      const kept = await this.#lab.keptModels().catch(() => []);
      const isHere = (one: KeptModel): boolean =>
        one.id === id && one.endpoint === endpoint && one.revision === revision && one.bytes === one.total;
      return kept.some(isHere) || (await consent.to(endpoint, `the model ${id}`));
    } catch (thrown) {
      this.failure = failureOf(thrown);
      return false;
    }
  }

  /** The same model once more, after what went wrong has been put right. */
  openAgain(): Promise<void> {
    return this.open(this.#source);
  }

  /** The model that comes with the page. */
  openBundled(): Promise<void> {
    address.model = "";
    return this.open({ kind: "bundled", base: new URL("atlas/", document.baseURI).href });
  }

  /** Scores first on a few sequences, then on all of them, with what each layer's removal costs. */
  async score(): Promise<void> {
    const text = this.calibration;
    const request = this.#scoreRequest();
    if (text === null || request === null) return;
    await this.work("Scoring the layers", async (lab, show, keep) => {
      this.rescored = this.opened = null;
      // A few sequences at first: something to see at once, and all of it when it is there.
      const quick = { ...request, loss_change: false, score: { ...request.score, resamples: 100 } };
      const some = { ...text, max_sequences: Math.min(text.max_sequences, 4) };
      this.live = keep(await lab.score(some, quick, show));
      this.measured = true;
      performance.mark("layerlab:first-score");
      this.live = keep(await lab.score(text, request, show));
      performance.mark("layerlab:all-scores");
    });
  }

  /** Scores anew under the address's options; quick while something is dragged. */
  async rescore(quick: boolean): Promise<void> {
    const options = this.options;
    if (options === null || !this.measured || this.task !== null) return;
    const { loads } = this;
    try {
      const rescored = await this.#lab.rescore({ ...options, resamples: quick ? 0 : 200 });
      // Another model may have come meanwhile.
      if (loads === this.loads && this.measured) this.rescored = rescored;
    } catch (thrown) {
      if (loads === this.loads) this.failure = failureOf(thrown);
    }
  }

  /** The layers that a method would remove. */
  async plan(): Promise<Plan | null> {
    const text = this.calibration;
    const score = this.#scoreRequest();
    if (text === null || score === null) return null;
    const { method, schedule, count } = address;
    const plans = {
      methods: [method],
      schedules: [schedule],
      budget: { count },
      constraints: { protected: [], forced: [] },
    };
    const request = { score: { ...score, loss_change: method === "loss_change" }, plans };
    const found = await this.work("Choosing layers", (lab, show) =>
      lab.plan(text, request, show),
    );
    return found?.[0] ?? null;
  }

  /** Asks the model whole and without the removed layers. */
  async judge(): Promise<void> {
    const { examination, bundled } = this;
    if (examination === null || bundled === null) return;
    const removals = [[...address.removed].sort((a, b) => a - b)];
    const request = { removals, eval: this.evalOptions(bundled.request.eval) };
    const judged = await this.work("Asking the whole and the pruned model", (lab, show) =>
      lab.judge(examination, request, show),
    );
    if (judged !== undefined) this.judged = judged;
  }

  /** The whole experiment: every method, as `layerlab run` does it. */
  async run(): Promise<void> {
    const { calibration, examination, bundled } = this;
    const score = this.#scoreRequest();
    if (calibration === null || examination === null || bundled === null || score === null) return;
    const { count, schedule } = address;
    const plans = { ...bundled.request.plans, budget: { count }, schedules: [schedule] };
    const request = { score, plans, eval: this.evalOptions(bundled.request.eval) };
    const report = await this.work("Pruning by every method", (lab, show) =>
      lab.run(calibration, examination, request, show),
    );
    if (report !== undefined) {
      this.live = report;
      this.opened = null;
    }
  }

  /** Continues a prompt, by the model as it is or as repaired; `say` hears of the text as it comes. */
  async generate(prompt: string, removed: number[], say: (text: string) => void, repaired = false) {
    const request = { prompt, removed, repaired, max_new_tokens: 48, temperature: null, seed: 0 };
    const name = removed.length === 0 ? "Generating" : "Generating without the removed layers";
    return this.work(name, (lab) => lab.generate(request, say));
  }

  /** A dataset of the user's, downloaded if need be; nothing where that failed. */
  async dataset(source: DatasetSource): Promise<NamedText | undefined> {
    return this.work("Getting the dataset", async (lab, show) => {
      if (source.kind === "hub") {
        const { id, endpoint } = source;
        if (!(await consent.to(endpoint, `the dataset ${id}`))) throw new LabFailure("cancelled", "not agreed to");
        await lab.allow(endpoint);
      }
      return lab.dataset(source, show);
    });
  }

  /** Lets the whole model go on from the address's prompt. */
  async speak(): Promise<void> {
    [this.said, this.speed] = ["", null];
    const done = await this.generate(address.prompt || PROMPT, [], (piece) => (this.said += piece));
    if (done === undefined) return;
    this.speed = `${done.tokens} tokens, ${(done.tokens / done.seconds).toFixed(1)} a second`;
  }

  /** Writes the pruned model; a zip where no folder is given. */
  async export(folder: FileSystemDirectoryHandle | undefined): Promise<Blob | null | undefined> {
    const plan: Plan = {
      method: "by_hand",
      label: "by hand",
      schedule: "one_shot",
      removed: [...address.removed].sort((a, b) => a - b),
    };
    return this.work("Writing the pruned model", (lab, show) => lab.export(plan, folder, show));
  }

  /** Does something with the lab that takes no time to speak of. */
  async ask<T>(question: (lab: Lab) => Promise<T>): Promise<T | undefined> {
    try {
      return await question(this.#lab);
    } catch (thrown) {
      this.failure = failureOf(thrown);
      return undefined;
    }
  }

  async cancel(): Promise<void> {
    if (this.task === null) return;
    this.task.stopping = true;
    consent.question?.answer(false);
    await this.ask((lab) => lab.cancel());
  }

  /** Ends a training early; what it has come to is judged. */
  async endTraining(): Promise<void> {
    if (this.task === null) return;
    this.task.ended = true;
    await this.ask((lab) => lab.endTraining());
  }

  async #showNative(): Promise<void> {
    try {
      const response = await fetch(new URL("atlas/report.json", document.baseURI));
      if (response.ok) this.native = (await response.json()) as Report;
    } catch {
      // The live report will come all the same.
    }
  }

  async #start(device: DeviceChoice): Promise<void> {
    await this.work("Starting the lab", async (lab, _, keep) => {
      this.adapter = keep(await lab.adapter());
      this.device = keep(await lab.start(device));
      this.bundled ??= await lab.bundled();
      performance.mark("layerlab:device");
    });
  }

  async #load(): Promise<boolean> {
    const loaded = await this.work("Loading the model", async (lab, show, keep) => {
      const source = this.#source;
      if (source.kind === "hub" && consent.has(source.model.endpoint)) await lab.allow(source.model.endpoint);
      const model = keep(await lab.load(source, address.workers || undefined, show));
      this.device = keep(await lab.device());
      this.model = model;
      this.loads += 1;
      return model;
    });
    return loaded !== undefined;
  }

  /** How models are asked; a GPU that the processor imitates takes minutes for a text. */
  evalOptions(usual: EvalOptions): EvalOptions {
    if (this.device?.kind !== "software_gpu") return usual;
    return { ...usual, window: 32, max_windows: 2 };
  }

  #scoreRequest(): ScoreRequest | null {
    const { bundled, options } = this;
    if (bundled === null || options === null) return null;
    return { ...bundled.request.score, score: options, extra_taps: ALL_TAPS };
  }

  /**
   * One long task at a time; nothing where it failed, which `failure` then says, or where a later task has overtaken it: its
   * result may be of a model that is no longer loaded. A task of several steps passes each result through `keep`, which ends
   * it there once it is overtaken.
   */
  async work<T>(
    name: string,
    work: (lab: Lab, show: (step: Step) => void, keep: <S>(found: S) => S) => Promise<T>,
  ): Promise<T | undefined> {
    const lab = this.#lab;
    this.#turn += 1;
    const turn = this.#turn;
    const isCurrent = () => turn === this.#turn;
    this.failure = null;
    this.task = { name, step: null, stopping: false, ended: false };
    try {
      const show = (step: Step): void => {
        if (this.task !== null && isCurrent()) this.task.step = step;
      };
      const keep = <S>(found: S): S => {
        if (!isCurrent()) throw new LabFailure("cancelled", "overtaken by a later task");
        return found;
      };
      const found = keep(await work(lab, show, keep));
      const memory = await lab.memory();
      if (isCurrent()) this.memory = memory;
      return isCurrent() ? found : undefined;
    } catch (thrown) {
      if (isCurrent()) this.failure = failureOf(thrown);
      return undefined;
    } finally {
      if (isCurrent()) this.task = null;
    }
  }
}

export const lab = new LabState();
