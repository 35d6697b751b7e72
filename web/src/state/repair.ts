// Views of a repair.
import type {
  LayerChoice,
  Metric,
  MetricResult,
  Objective,
  RepairReport,
  Report,
  TaskComparison,
  TrainedAlone,
} from "../generated/types";
import type { LayerPoint } from "../charts/contrast";
import { excludes } from "./contrast";

type RepairRun = RepairReport["runs"][number];

const CHOICES: Record<LayerChoice["kind"], string> = {
  eavss: "EAVSS (ours)",
  probe: "the probe",
  margin_change: "margin change",
  random: "random",
  last: "the last",
  all: "all",
  each: "each alone",
  given: "by hand",
};
const OBJECTIVES: Record<Objective["kind"], string> = {
  margin: "margin",
  dpo: "DPO",
  info_nce: "InfoNCE",
};

export function choiceName(choice: LayerChoice["kind"]): string {
  return CHOICES[choice];
}

export function objectiveName(objective: Objective["kind"]): string {
  return OBJECTIVES[objective];
}

/** How a training ended and which step was kept, whether it was rolled back, and the same in short. */
export function ended({ training }: RepairRun): { text: string; short: string; rolledBack: boolean } {
  const { steps, checks, best, ending } = training;
  const kept = checks[best]?.step ?? 0;
  const back = kept === 0 ? "Rolled back to the model as it was: nothing is changed." : `Rolled back to step ${kept}.`;
  const keeps =
    kept === 0
      ? "No step was better than the model as it was, which is kept."
      : `Step ${kept} came out best and is kept.`;
  const short = (why: string) => `step ${kept} of ${steps.length} (${why})`;
  switch (ending) {
    case "guard":
      return {
        text: `The guard stopped it after ${steps.length} steps: perplexity of neutral text rose beyond its limit. ${back}`,
        short: short("guard"),
        rolledBack: true,
      };
    case "diverged":
      return {
        text: `The training diverged after ${steps.length} steps: its loss was no longer a number. A lower learning rate may help. ${back}`,
        short: short("diverged"),
        rolledBack: true,
      };
    case "no_better":
      return {
        text: `Ended after ${steps.length} steps: validation pairs got no better. ${keeps}`,
        short: short("no better"),
        rolledBack: false,
      };
    case "stopped":
      return {
        text: `Stopped by you after ${steps.length} steps. ${keeps}`,
        short: short("stopped"),
        rolledBack: false,
      };
    default:
      return { text: `All ${steps.length} steps were done. ${keeps}`, short: short("all steps"), rolledBack: false };
  }
}

/** What each layer that was trained alone gained. */
export function alonePoints({ runs }: RepairReport, { objective }: TrainedAlone): LayerPoint[] {
  const alone = runs.filter((run) => run.objective.kind === objective.kind && run.layers.length === 1);
  return alone.flatMap(({ layers: [layer], margin_gain: estimate }) =>
    layer === undefined || !estimate ? [] : [{ layer, estimate, apart: excludes(estimate, 0) }],
  );
}

/** Each metric of each dataset, before and after. */
export function rows(
  report: Report,
  run: RepairRun,
): {
  dataset: string;
  metric: Metric;
  before: MetricResult | undefined;
  after: MetricResult | undefined;
  compared: TaskComparison;
}[] {
  const of = (tasks: Report["evaluation"], { dataset, metric }: TaskComparison) =>
    tasks.find((task) => task.dataset === dataset)?.metrics.find((one) => one.metric === metric);
  return run.compared.map((compared) => ({
    dataset: compared.dataset,
    metric: compared.metric,
    before: of(report.evaluation, compared),
    after: of(run.tasks, compared),
    compared,
  }));
}
