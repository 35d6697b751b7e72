// What this page found out about layers, and whose scores are shown: its own, the command's, or those of an opened report.
import type { Answer, Call } from "../client/caller";
import type { ModelReport, Report, ScoreOptions, ScoreRequest, ScoringReport } from "../generated/types";
import { address } from "./address.svelte";
import { material } from "./material.svelte";
import { model } from "./model.svelte";
import { reports } from "./reports.svelte";
import { tasks } from "./tasks.svelte";

/** Where what is shown comes from. */
export type Origin = "native" | "live" | "opened";

interface Shown {
  report: Report;
  origin: Origin;
}

const ALL_TAPS: ScoreRequest["extra_taps"] = ["attention", "mlp", "neurons"];

class Scores {
  #live = $state.raw<Report | null>(null);
  #rescored = $state.raw<ScoringReport | null>(null);
  /** The loaded model, by its number, that the worker has measured. */
  #measuredModel = $state.raw<number | null>(null);
  #rescoring: Call<"rescore"> | null = null;

  /** What this page found out: scores, or a whole experiment. */
  get live(): Report | null {
    return this.#live;
  }

  /** Whether the worker holds what the scores come from, so that they can be asked for under other options. */
  readonly measured = $derived(model.identity !== null && model.identity.id === this.#measuredModel);
  /** What this page found out; until then, what the command did. */
  readonly #own = $derived.by((): Shown | null => {
    if (this.#live !== null) return { report: this.#live, origin: "live" };
    if (reports.native !== null && model.isBundled) return { report: reports.native, origin: "native" };
    return null;
  });
  /** The whole report that is shown, and where it comes from. */
  readonly shown = $derived.by((): Shown | null => {
    if (reports.opened !== null) return { report: reports.opened, origin: "opened" };
    return this.#own;
  });
  /** The same where layers are scored: an opened report may be about something else. */
  readonly scored = $derived(reports.opened?.scoring ? this.shown : this.#own);
  readonly scoring = $derived.by((): ScoringReport | null => {
    if (this.scored?.origin === "live" && this.#rescored !== null) return this.#rescored;
    return this.scored?.report.scoring ?? null;
  });
  /** Scores of the model that is loaded: those of an opened report only where it is about the same weights. */
  readonly scoringOfModel = $derived.by((): ScoringReport | null => {
    const { opened } = reports;
    const isOther = opened !== null && opened.model.sha256 !== model.report?.sha256;
    return isOther ? (this.#rescored ?? this.#own?.report.scoring ?? null) : this.scoring;
  });
  /** The model in view: the one that is loaded, or Atlas as the command described it. */
  readonly modelInView = $derived<ModelReport | null>(
    model.report ?? (model.isBundled ? (reports.native?.model ?? null) : null),
  );

  readonly #options = $derived.by((): ScoreOptions | null => {
    const usual = material.bundled?.request.score.score;
    if (usual === undefined) return null;
    const { tap, estimator, epsilon } = address;
    return { ...usual, tap, estimator, epsilon };
  });
  /** How layers are scored under the address's options. */
  readonly request = $derived.by((): ScoreRequest | null => {
    const { bundled } = material;
    if (bundled === null || this.#options === null) return null;
    return { ...bundled.request.score, score: this.#options, extra_taps: ALL_TAPS };
  });

  /** Scores first on a few sequences, then on all of them, with what each layer's removal costs. */
  async score(): Promise<void> {
    const text = material.calibration;
    const { request } = this;
    if (text === null || request === null) return;
    await tasks.run("Scoring the layers", async (ask) => {
      this.#forgetRescored();
      reports.close();
      // A few sequences at first: something to see at once, and all of it when it is there.
      const quick = { ...request, loss_change: false, score: { ...request.score, resamples: 100 } };
      const some = { ...text, max_sequences: Math.min(text.max_sequences, 4) };
      const first = await ask("score", [some, quick]);
      if (this.take(first)) this.#measuredModel = first.model?.id ?? null;
      performance.mark("layerlab:first-score");
      this.take(await ask("score", [text, request]));
      performance.mark("layerlab:all-scores");
    });
  }

  /** Shows a report, unless it is about a model that is not loaded any more, or another text than is chosen. */
  take(answer: Answer<"score" | "run">): boolean {
    const isOurs = model.isOf(answer) && material.isOf(answer.given[0]);
    if (isOurs) this.#live = answer.found;
    return isOurs;
  }

  /** Scores anew under the address's options; quick while something is dragged. */
  async rescore(quick: boolean): Promise<void> {
    const options = this.#options;
    if (options === null || !this.measured || tasks.current !== null) return;
    this.#rescoring?.supersede();
    const call = tasks.call("rescore", [{ ...options, resamples: quick ? 0 : 200 }]);
    this.#rescoring = call;
    try {
      const answer = await call.answer;
      if (model.isOf(answer)) this.#rescored = answer.found;
    } catch (thrown) {
      tasks.fail(thrown);
    }
  }

  /** Another model is opened: of the one before nothing is shown. */
  clear(): void {
    this.#forgetRescored();
    this.#live = null;
  }

  #forgetRescored(): void {
    this.#rescoring?.supersede();
    this.#rescored = null;
  }
}

export const scores = new Scores();
