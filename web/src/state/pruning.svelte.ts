// Models without some of their layers: which ones, what they are worth, and the files of one.
import type { Answer } from "../client/caller";
import type {
  DistilCheck,
  DistilStep,
  HealSource,
  Healing,
  HealedAlone,
  HealedOutcome,
  Judged,
  Plan,
} from "../generated/types";
import { address } from "./address.svelte";
import { distilSeconds, judgeSeconds, refitSeconds } from "./budget";
import { conversation, isSameConversation } from "./chat";
import { material } from "./material.svelte";
import { model } from "./model.svelte";
import { rankings } from "./rankings";
import { reports } from "./reports.svelte";
import { scores } from "./scores.svelte";
import { tasks } from "./tasks.svelte";

/** The layers that the address removes, in order. */
function removed(): number[] {
  return [...address.removed].sort((a, b) => a - b);
}

/** A distillation as it comes. */
export interface DistilCurve {
  /** Steps at most. */
  total: number;
  steps: DistilStep[];
  checks: DistilCheck[];
}

class Pruning {
  #judged = $state.raw<Answer<"judge"> | null>(null);
  #healed = $state.raw<Answer<"heal"> | null>(null);
  #distilling = $state<DistilCurve>({ total: 0, steps: [], checks: [] });

  /** How the pruned model is healed, where it is. */
  way = $state<Healing>("refit");
  /** Whether healing learns from the text that layers are scored on, or from what the whole model writes itself. */
  learnsFrom = $state<HealSource["kind"]>("calibration");
  /** Whether every method's model is healed as well, which takes a good part longer. */
  healsEvery = $state(false);
  /** The distillation that runs, or ran last. */
  readonly distilling = $derived(this.#distilling);

  /** What was healed, as long as it is of the model and layers that the address describes, asked what is chosen. */
  readonly cure = $derived.by((): HealedAlone | null => {
    if (this.#healed === null) return null;
    const [, examination, { removed: gone, eval: asked }] = this.#healed.given;
    const isOurs =
      this.#healed.model?.sha256 === model.report?.sha256 &&
      examination.datasets === material.examination?.datasets &&
      gone.join() === removed().join() &&
      isSameConversation(asked.chat, conversation());
    return isOurs ? this.#healed.found : null;
  });
  readonly healed = $derived<HealedOutcome | null>(this.cure?.healed ?? null);

  /** What the pruned model kept, as long as it is the one that the address describes, asked what is chosen. */
  readonly judged = $derived.by((): Judged | null => {
    if (this.cure !== null) return this.cure.judged;
    if (this.#judged === null) return null;
    const [examination, { removals, eval: asked }] = this.#judged.given;
    const isOurs =
      this.#judged.model?.sha256 === model.report?.sha256 &&
      examination.datasets === material.examination?.datasets &&
      removals[0]?.join() === removed().join() &&
      isSameConversation(asked.chat, conversation());
    return isOurs ? this.#judged.found : null;
  });

  /** How many layers a method removes. */
  readonly count = $derived(address.count || (scores.scoringOfModel?.scores.lowest ?? 1));

  /** Seconds that asking so many models takes, about. */
  #judgeSeconds(models: number): number {
    const { timed } = scores;
    const { examination } = material;
    return timed === null || examination === null ? NaN : judgeSeconds(timed, examination, models);
  }

  /** Seconds that judging the pruned model takes, about; the whole one is asked beside it. */
  readonly judgeSeconds = $derived.by(() => this.#judgeSeconds(2));
  /** Seconds that healing takes, about, with judging what came of it. */
  readonly healSeconds = $derived.by(() => {
    const { timed } = scores;
    const { bundled, calibration } = material;
    if (timed === null || bundled === null || calibration === null) return NaN;
    const { steps, sequences } = bundled.request.heal.distil;
    const refit = this.way === "distil" ? 0 : refitSeconds(timed, calibration);
    const trains = this.way === "distil" || this.way === "refit_distil";
    const distil = trains ? distilSeconds(timed, calibration, steps, sequences) : 0;
    return refit + distil + this.#judgeSeconds(3);
  });
  /** Seconds that pruning by every method takes, about. */
  readonly runSeconds = $derived.by(() => {
    const { timed, scoringOfModel } = scores;
    const { calibration } = material;
    if (timed === null || scoringOfModel === null || calibration === null) return NaN;
    const methods = rankings(scoringOfModel).length;
    const healed = this.healsEvery ? methods * (refitSeconds(timed, calibration) + this.#judgeSeconds(1)) : 0;
    return this.#judgeSeconds(1 + methods * this.count) + healed;
  });

  /** The layers that a method would remove. */
  async plan(): Promise<Plan | null> {
    const text = material.calibration;
    const score = scores.request;
    if (text === null || score === null) return null;
    const { schedule } = address;
    const method = scores.methodOfModel;
    const plans = {
      methods: [method],
      schedules: [schedule],
      budget: { count: this.count },
      constraints: { protected: [], forced: [] },
    };
    const measures = method === "loss_change";
    const { bundled, examination } = material;
    const questions =
      bundled === null || examination === null
        ? null
        : { examination, eval: material.evalOptions(bundled.request.eval) };
    const on = measures && address.on === "task" ? questions : null;
    const request = { score: { ...score, loss_change: measures && on === null }, plans, on };
    const answer = await tasks.run("Choosing layers", (ask) => ask("plan", [text, request]));
    return answer !== undefined && model.isOf(answer) ? (answer.found[0] ?? null) : null;
  }

  /** Asks the model whole and without the removed layers. */
  async judge(): Promise<void> {
    const { bundled, examination } = material;
    if (examination === null || bundled === null) return;
    const request = { removals: [removed()], eval: material.evalOptions(bundled.request.eval) };
    const answer = await tasks.run("Asking the whole and the pruned model", (ask) =>
      ask("judge", [examination, request]),
    );
    if (answer !== undefined && model.isOf(answer)) this.#judged = answer;
  }

  /** Heals the model without the removed layers, and asks all three. */
  async heal(): Promise<void> {
    const { bundled, calibration, examination } = material;
    if (examination === null || calibration === null || bundled === null) return;
    const own = {
      kind: "own" as const,
      sequences: calibration.max_sequences,
      length: calibration.sequence_length ?? null,
      seed: 0,
    };
    const source = this.learnsFrom === "own" ? own : { kind: "calibration" as const };
    const heal = { ...bundled.request.heal, ways: [this.way], source };
    const request = { removed: removed(), heal, eval: material.evalOptions(bundled.request.eval) };
    this.#distilling = { total: 0, steps: [], checks: [] };
    const answer = await tasks.run("Healing the pruned model", (ask) =>
      ask("heal", [calibration, examination, request], (step) => {
        if (step.stage === "distilling") {
          this.#distilling.total = step.total;
          this.#distilling.steps.push(step.record);
        }
        if (step.stage === "checking_distilled") this.#distilling.checks.push(step.record);
      }),
    );
    if (answer !== undefined && model.isOf(answer)) this.#healed = answer;
  }

  /** Takes the healing back: the pruned model is as it was cut. */
  unheal(): void {
    if (this.#healed !== null) this.#healed = null;
  }

  /** The whole experiment: every method, as `layerlab run` does it. */
  async run(): Promise<void> {
    const { bundled, calibration, examination } = material;
    const score = scores.request;
    if (calibration === null || examination === null || bundled === null || score === null) return;
    const { schedule } = address;
    const plans = { ...bundled.request.plans, budget: { count: this.count }, schedules: [schedule] };
    const ways: Healing[] = this.healsEvery ? ["none", "refit"] : ["none"];
    const heal = { ...bundled.request.heal, ways };
    const request = { score, plans, eval: material.evalOptions(bundled.request.eval), heal };
    const answer = await tasks.run("Pruning by every method", (ask) => ask("run", [calibration, examination, request]));
    if (answer !== undefined && scores.take(answer)) reports.close();
  }

  /** Writes the pruned model, healed where it is; a zip where no folder is given. */
  async export(folder: FileSystemDirectoryHandle | undefined): Promise<Blob | null | undefined> {
    const plan: Plan = { method: "by_hand", label: "by hand", schedule: "one_shot", removed: removed() };
    const answer = await tasks.run("Writing the pruned model", (ask) =>
      ask("export", [plan, this.healed !== null, folder]),
    );
    return answer?.found;
  }
}

export const pruning = new Pruning();
