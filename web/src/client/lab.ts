// The lab as promises: the views never see a message. One worker, hence one device, for each `Lab`.
import * as Comlink from "comlink";
import type {
  AnswerChange,
  Bundled,
  BundledPairs,
  Calibration,
  DeviceChoice,
  DeviceReport,
  Description,
  Examination,
  ExperimentRequest,
  GenerateRequest,
  Generated,
  JudgeRequest,
  Judged,
  LocateRequest,
  ModelReport,
  NamedText,
  PairTokens,
  Plan,
  PlanningRequest,
  Progress,
  RepairRequest,
  RepairTexts,
  Report,
  ReportFormat,
  ScoreOptions,
  ScoreRequest,
  ScoringReport,
  TokensRequest,
} from "../generated/types";
import { death } from "../worker/death";
import type {
  Adapter,
  DatasetSource,
  Download,
  HubModel,
  KeptModel,
  ModelSource,
} from "../worker/messages";
import type { LabWorker } from "../worker/worker";
import { LabFailure, failureOf } from "./failure";

export type Step = Progress | Download;
type Show = (step: Step) => void;

export class Lab {
  readonly #worker: Worker;
  readonly #remote: Comlink.Remote<LabWorker>;
  /** Never resolves; rejects when the worker dies. */
  readonly #death: Promise<never>;
  #die: (why: LabFailure) => void = () => undefined;

  constructor() {
    this.#worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
    this.#remote = Comlink.wrap<LabWorker>(this.#worker);
    // A worker that is terminated says nothing: `end` does.
    const ended = new Promise<never>((_, reject) => (this.#die = reject));
    const died = death(this.#worker).then((why) => {
      throw new LabFailure("device", why);
    });
    this.#death = Promise.race([died, ended]);
    // Whoever waits for something hears of it; nobody need wait.
    this.#death.catch(() => undefined);
  }

  start(device: DeviceChoice): Promise<DeviceReport> {
    return this.#call((remote) => remote.start(device));
  }

  /** Lets the worker ask the server of this address. */
  allow(endpoint: string): Promise<void> {
    return this.#call((remote) => remote.allow(endpoint));
  }

  adapter(): Promise<Adapter | null> {
    return this.#call((remote) => remote.adapter());
  }

  bundled(): Promise<Bundled> {
    return this.#call((remote) => remote.bundled());
  }

  load(source: ModelSource, workers: number | undefined, show: Show): Promise<ModelReport> {
    return this.#call((remote) => remote.load(source, workers, Comlink.proxy(show)));
  }

  device(): Promise<DeviceReport> {
    return this.#call((remote) => remote.device());
  }

  score(text: Calibration, request: ScoreRequest, show: Show): Promise<Report> {
    return this.#call((remote) => remote.score(text, request, Comlink.proxy(show)));
  }

  rescore(options: ScoreOptions): Promise<ScoringReport> {
    return this.#call((remote) => remote.rescore(options));
  }

  plan(text: Calibration, request: PlanningRequest, show: Show): Promise<Plan[]> {
    return this.#call((remote) => remote.plan(text, request, Comlink.proxy(show)));
  }

  judge(examination: Examination, request: JudgeRequest, show: Show): Promise<Judged> {
    return this.#call((remote) => remote.judge(examination, request, Comlink.proxy(show)));
  }

  run(
    text: Calibration,
    examination: Examination,
    request: ExperimentRequest,
    show: Show,
  ): Promise<Report> {
    return this.#call((remote) => remote.run(text, examination, request, Comlink.proxy(show)));
  }

  generate(request: GenerateRequest, say: (text: string) => void): Promise<Generated> {
    return this.#call((remote) => remote.generate(request, Comlink.proxy(say)));
  }

  export(
    plan: Plan,
    folder: FileSystemDirectoryHandle | undefined,
    show: Show,
  ): Promise<Blob | null> {
    return this.#call((remote) => remote.export(plan, folder, Comlink.proxy(show)));
  }

  bundledPairs(): Promise<BundledPairs> {
    return this.#call((remote) => remote.bundledPairs());
  }

  locate(examination: Examination, request: LocateRequest, show: Show): Promise<Report> {
    return this.#call((remote) => remote.locate(examination, request, Comlink.proxy(show)));
  }

  tokens(request: TokensRequest): Promise<PairTokens> {
    return this.#call((remote) => remote.tokens(request));
  }

  repair(texts: RepairTexts, request: RepairRequest, show: Show): Promise<Report> {
    return this.#call((remote) => remote.repair(texts, request, Comlink.proxy(show)));
  }

  endTraining(): Promise<void> {
    return this.#call((remote) => remote.endTraining());
  }

  answerChanges(count: number, show: Show): Promise<AnswerChange[]> {
    return this.#call((remote) => remote.answerChanges(count, Comlink.proxy(show)));
  }

  exportAdapters(): Promise<Blob> {
    return this.#call((remote) => remote.exportAdapters());
  }

  exportRepaired(
    folder: FileSystemDirectoryHandle | undefined,
    show: Show,
  ): Promise<Blob | null> {
    return this.#call((remote) => remote.exportRepaired(folder, Comlink.proxy(show)));
  }

  write(report: Report, format: ReportFormat): Promise<string> {
    return this.#call((remote) => remote.write(report, format));
  }

  dataset(source: DatasetSource, show: Show): Promise<NamedText> {
    return this.#call((remote) => remote.dataset(source, Comlink.proxy(show)));
  }

  text(name: string, blob: Blob): Promise<NamedText> {
    return this.#call((remote) => remote.text(name, blob));
  }

  describe(text: NamedText): Promise<Description> {
    return this.#call((remote) => remote.describe(text));
  }

  cancel(): Promise<void> {
    return this.#call((remote) => remote.cancel());
  }

  keptModels(): Promise<KeptModel[]> {
    return this.#call((remote) => remote.keptModels());
  }

  removeModel(model: HubModel): Promise<void> {
    return this.#call((remote) => remote.removeModel(model));
  }

  memory(): Promise<number> {
    return this.#call((remote) => remote.memory());
  }

  /** Ends the worker, whatever it does; whoever waits for it hears of that. */
  end(): void {
    this.#worker.terminate();
    this.#die(new LabFailure("cancelled", "stopped"));
  }

  async #call<T>(work: (remote: Comlink.Remote<LabWorker>) => Promise<T>): Promise<T> {
    try {
      return await Promise.race([work(this.#remote), this.#death]);
    } catch (thrown) {
      throw failureOf(thrown);
    }
  }
}
