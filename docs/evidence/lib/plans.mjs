// What is kept along a plan of removals, as cut and healed.
import { planName } from "./names.mjs";
import { isNumber } from "./statistics.mjs";

/** The way of healing that figures show. */
export const HEALED = "refit";

/** The first report of a model that has plans, or nothing. */
export function prunedText(model) {
  return model.texts.find(({ report }) => (report.pruning?.plans ?? []).length > 0);
}

/** The dataset whose perplexity is looked at: the first that has one. */
export function judgedOn({ outcomes }) {
  const compared = outcomes.flatMap((outcome) => outcome.compared);
  return compared.find(({ metric }) => metric === "perplexity")?.dataset ?? null;
}

/** All plans of all models as `{ key, label, method }`, in the order of methods. */
export function planRows(models, methods) {
  const rows = new Map();
  for (const { report } of models.map(prunedText)) {
    for (const plan of report.pruning.plans) {
      rows.set(keyOf(plan), { key: keyOf(plan), method: plan.method, label: planName(plan) });
    }
  }
  const order = methods.map(({ id }) => id);
  const place = ({ method }) => (order.includes(method) ? order.indexOf(method) : order.length);
  return [...rows.values()].sort((a, b) => place(a) - place(b));
}

export function planOf({ plans }, key) {
  return plans.find((plan) => keyOf(plan) === key);
}

function keyOf({ method, schedule }) {
  return `${method} ${schedule}`;
}

/** How many first removals of a plan are a share of the layers; null where the plan does not reach that far. */
export function countAt(share, plan, pruning, layers) {
  if (pruning.request.budget.share === share) return plan.removed.length;
  const count = Math.max(1, Math.round(share * layers));
  return count <= plan.removed.length ? count : null;
}

/** What is kept of perplexity after the first `count` removals of a plan; null where that was not measured. */
export function keptAsCut(pruning, plan, count) {
  return keptIn(pruning.outcomes, plan.removed.slice(0, count), judgedOn(pruning));
}

/** The same healed: at the end of plans, and where the search for the largest cut ended. */
export function keptHealed(pruning, plan, count) {
  const healing = pruning.healing ?? { outcomes: [], cuts: [] };
  const outcomes = healing.outcomes.filter(({ record }) => record.way === HEALED);
  const found = keptIn(outcomes, plan.removed.slice(0, count), judgedOn(pruning));
  if (found !== null) return found;
  const cut = (healing.request?.keep_of ?? null) === null ? healedCut(healing, plan) : undefined;
  return cut?.layers === count && count > 0 ? kept(cut) : null;
}

/** The largest cut of a healed plan, as the report has it. */
export function healedCut(healing, plan) {
  return healing.cuts.find((cut) => cut.healing === HEALED && keyOf(cut) === keyOf(plan));
}

function keptIn(outcomes, removed, dataset) {
  const same = sorted(removed);
  const outcome = outcomes.find((each) => sorted(each.removed) === same);
  const found = outcome?.compared.find((each) => each.metric === "perplexity" && each.dataset === dataset);
  return found === undefined ? null : kept(found);
}

function kept({ retained, retained_low: low, retained_high: high }) {
  return isNumber(retained) ? { value: retained, low: low ?? null, high: high ?? null } : null;
}

function sorted(layers) {
  return [...layers].sort((a, b) => a - b).join();
}
