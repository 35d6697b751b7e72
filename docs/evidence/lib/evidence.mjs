// The reports by model, in a fixed order: what every figure is drawn from.
import { mean } from "./statistics.mjs";

const READINGS = ["authors", "plain", "relative", "averaged"];

/** Models, smallest first, each with its texts (WikiText first), readings and other reports. */
export function gather(reports, names) {
  const ids = [...new Set(reports.map(({ model }) => model))];
  const models = ids.map((id) => gatherModel(id, reports, names));
  models.sort((a, b) => a.parameters - b.parameters || byText(a.id, b.id));
  for (const [index, model] of models.entries()) model.index = index;
  return { models, methods: orderMethods(models) };
}

function gatherModel(id, reports, names) {
  const own = reports.filter(({ model }) => model === id);
  const of = (kind) => own.filter((entry) => entry.kind === kind);
  const { layers, parameters } = own[0].report.model;
  const texts = of("text").map((entry) => ({ ...entry, label: names.text(entry.name) }));
  texts.sort((a, b) => (b.name === "wiki") - (a.name === "wiki") || byText(a.name, b.name));
  const readings = of("reading");
  readings.sort((a, b) => place(a.name) - place(b.name) || byText(a.name, b.name));
  return {
    id,
    label: names.model(id),
    layers,
    parameters,
    texts,
    readings,
    located: of("located")[0]?.report.hallucination ?? null,
    repaired: of("repaired")[0]?.report.repair ?? null,
  };
}

function place(reading) {
  const found = READINGS.indexOf(reading);
  return found < 0 ? READINGS.length : found;
}

export function byText(a, b) {
  return a < b ? -1 : Number(a > b);
}

/** The first text on which loss change was measured, or nothing. */
export function measuredText(model) {
  return model.texts.find(({ report }) => (report.scoring?.scores.agreement.loss_change ?? []).length > 0);
}

/** The scores of a method, layer by layer; nothing where the report has none. */
export function methodOf(report, id) {
  return report.scoring?.scores.methods.find((method) => method.id === id);
}

/** The value of every layer by a method. */
export function valuesOf(report, id) {
  return methodOf(report, id).layers.map(({ value }) => value ?? null);
}

/** Loss change first, then scores by how well they go with it over all models, then baselines. */
function orderMethods(models) {
  const found = new Map();
  for (const { report } of models.flatMap(({ texts }) => texts)) {
    for (const { id, label, role } of report.scoring?.scores.methods ?? []) {
      if (role !== "part" && !found.has(id)) found.set(id, { id, label, role });
    }
  }
  const worth = new Map([...found.keys()].map((id) => [id, pooled(models, id)]));
  const group = ({ id, role }) => (id === "loss_change" ? 0 : role === "ranking" ? 1 : 2);
  const methods = [...found.values()];
  const seen = new Map(methods.map(({ id }, index) => [id, index]));
  const inside = (a, b) => (group(a) === 1 ? (worth.get(b.id) ?? -2) - (worth.get(a.id) ?? -2) : 0);
  return methods.sort((a, b) => group(a) - group(b) || inside(a, b) || seen.get(a.id) - seen.get(b.id));
}

/** The mean over models of a method's correlation with loss change. */
export function pooled(models, id) {
  const each = models.map((model) => correlation(model, id)?.spearman ?? null);
  return mean(each.filter((value) => value !== null));
}

/** A method's correlation with loss change on a model's first text where that was measured. */
export function correlation(model, id) {
  const list = measuredText(model)?.report.scoring.scores.agreement.loss_change ?? [];
  return list.find(({ method }) => method === id);
}
