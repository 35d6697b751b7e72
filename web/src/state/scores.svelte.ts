// What this page found out about layers, and whose scores are shown: its own, the command's, or those of an opened report.
import type { Answer, Call } from "../client/caller";
import type { Calibration, ModelReport, Report, ScoreOptions, ScoreRequest, ScoringReport } from "../generated/types";
import { address } from "./address.svelte";
import { leaveOutSeconds, secondsOfSequence } from "./budget";
import { material } from "./material.svelte";
import { model } from "./model.svelte";
import { reports } from "./reports.svelte";
import { methodInView } from "./rankings";
import { type Ask, tasks } from "./tasks.svelte";

/** Sequences that the first scores are of: something to see at once. */
const FIRST = 4;

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
  /** The text that was measured, as it was cut. */
  #text = $state.raw<Calibration | null>(null);
  /** Seconds that leaving out each layer took for a sequence. */
  #each = $state<number | null>(null);

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

  /** The method in view, by its id. */
  readonly method = $derived(this.scoring === null ? address.method : methodInView(this.scoring, address.method));

  /** The same among the methods that scored the loaded model. */
  readonly methodOfModel = $derived(
    this.scoringOfModel === null ? address.method : methodInView(this.scoringOfModel, address.method),
  );
  /** What this page, or the command, found out about the loaded model and this device: times of it are estimated from that. */
  readonly timed = $derived(this.#live ?? (model.isBundled ? reports.native : null));

  /** On how many of the text's sequences loss change is still to be measured, and about how long that would take. */
  readonly left = $derived.by((): { known: number; all: number; seconds: number } | null => {
    const { live, scoring } = this;
    if (scoring === null || live === null || !this.measured || this.scored?.origin !== "live") return null;
    const [known, all] = [scoring.loss_sequences ?? 0, scoring.data.sequences];
    if (scoring.answers || live.pruning || known >= all) return null;
    return { known, all, seconds: (all - known) * (this.#each ?? leaveOutSeconds(live)) };
  });
  /** How many of the text's sequences were measured where more could be, and about how long all would take. */
  readonly more = $derived.by((): { sequences: number; seconds: number } | null => {
    const { live, scoring } = this;
    const wanted = material.calibration?.max_sequences ?? 0;
    if (scoring === null || live === null || this.scored?.origin !== "live") return null;
    const sequences = Math.min(scoring.data.whole?.sequences ?? 0, wanted);
    if (sequences <= scoring.data.sequences) return null;
    return { sequences, seconds: sequences * secondsOfSequence(live) };
  });

  /**
   * Scores on a few sequences first. On all of them at once with what each layer's removal costs, where that takes no longer
   * than a visitor would wait; else on as many as fit, and the losses of as many more as fit.
   */
  async score(): Promise<void> {
    const text = material.calibration;
    const { request } = this;
    if (text === null || request === null) return;
    await tasks.run("Scoring the layers", async (ask) => {
      this.#forgetRescored();
      this.#each = null;
      reports.close();
      const quick = { ...request, loss_change: false, score: { ...request.score, resamples: 100 } };
      const first = await this.#measure(ask, { ...text, max_sequences: Math.min(text.max_sequences, FIRST) }, quick);
      performance.mark("layerlab:first-score");
      const all = Math.min(text.max_sequences, first.scoring?.data.whole?.sequences ?? text.max_sequences);
      const each = secondsOfSequence(first);
      if (all * (each + leaveOutSeconds(first)) <= address.wait) {
        await this.#measure(ask, text, request);
        performance.mark("layerlab:loss-change");
      } else {
        // Scores are surer on more of the text; half of the time is for what they are to be held against.
        const some = Math.min(all, Math.max(FIRST, Math.floor(address.wait / 2 / each)));
        if (some > (first.scoring?.data.sequences ?? 0)) {
          const cut = { ...text, max_sequences: some };
          await this.#measure(ask, cut, { ...request, loss_change: false });
        }
        await this.#leaveOut(ask, address.wait);
      }
      performance.mark("layerlab:all-scores");
    });
  }

  /** Scores on all of the text, however long it takes. */
  async scoreAll(): Promise<void> {
    const text = material.calibration;
    const { request } = this;
    if (text === null || request === null) return;
    await tasks.run("Scoring the layers on all of the text", async (ask) => {
      this.#forgetRescored();
      await this.#measure(ask, text, { ...request, loss_change: false });
      await this.#leaveOut(ask, address.wait);
    });
  }

  /** Measures the loss without each layer on the rest of the text, part by part: intervals shrink meanwhile. */
  async leaveOutRest(): Promise<void> {
    await tasks.run("Leaving out each layer", (ask) => this.#leaveOut(ask, Infinity));
  }

  async #measure(ask: Ask, text: Calibration, request: ScoreRequest): Promise<Report> {
    const answer = await ask("score", [text, request]);
    if (this.take(answer)) {
      this.#measuredModel = answer.model?.id ?? null;
      this.#text = text;
    }
    return answer.found;
  }

  /** Losses of twice as many sequences each time, for about so many seconds; of two at least. */
  async #leaveOut(ask: Ask, seconds: number): Promise<void> {
    const [text, options] = [this.#text, this.#options];
    if (text === null || options === null) return;
    const began = performance.now();
    let [known, size] = [this.scoring?.loss_sequences ?? 0, Math.max(2, model.helpers?.count ?? 0)];
    for (;;) {
      const all = this.#live?.scoring?.data.sequences ?? 0;
      if (known >= all) return;
      const before = performance.now();
      const answer = await ask("leaveOut", [text, options, size]);
      if (!this.take(answer)) return;
      this.#forgetRescored();
      const now = answer.found.scoring?.loss_sequences ?? all;
      this.#each = (performance.now() - before) / 1000 / Math.max(now - known, 1);
      performance.mark("layerlab:loss-change");
      known = now;
      const rest = seconds - (performance.now() - began) / 1000;
      size = Math.min(2 * size, Math.floor(rest / this.#each));
      if (size < 1) return;
    }
  }

  /** Shows a report, unless it is about a model that is not loaded any more, or another text than is chosen. */
  take(answer: Answer<"score" | "leaveOut" | "run">): boolean {
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
