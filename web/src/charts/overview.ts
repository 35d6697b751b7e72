// What a visitor sees first: what is lost without each layer, and which layers each score would take out.
import * as Plot from "@observablehq/plot";
import type { LayerScore, MethodScores } from "../generated/types";
import type { Row } from "../parts/picture";
import { figure } from "../state/format";
import { order } from "../state/rankings";
import { BLUE, GREY, ORANGE } from "./palette";

const LEFT = 148;
/** A layer whose loss changes by so many times what three quarters of all change by at most would leave the others no height. */
const OUTLIER = 6;

function layerAxis(layers: number[], width: number) {
  const every = Math.ceil(layers.length / Math.max(1, Math.floor((width - LEFT) / 26)));
  const tickFormat = (layer: number) => (layer % every === 0 ? String(layer) : "");
  return { type: "band" as const, domain: layers, tickFormat, tickSize: 0 };
}

/** What is lost without each layer. A few cost so much that the others would not be seen: what is above `most` is cut, and says so. */
export function costChart(lossChange: MethodScores, lowest: number, width: number): SVGElement | HTMLElement {
  const layers = lossChange.layers.filter(({ value }) => typeof value === "number");
  const values = layers.map(({ value }) => value ?? 0);
  const sorted = values.toSorted((one, other) => one - other);
  const sizes = values.map(Math.abs).toSorted((one, other) => one - other);
  const usual = sizes[Math.floor(sizes.length * 0.75)] ?? 0;
  const most = Math.max(...values.filter((value) => value <= OUTLIER * usual), usual);
  const top = sorted.at(-1) === most ? most * 1.05 : most * 1.3;
  const isCut = (layer: LayerScore) => (layer.value ?? 0) > most;
  return Plot.plot({
    width,
    height: 200,
    marginLeft: LEFT,
    marginTop: 34,
    marginBottom: 34,
    ariaLabel: "loss change of every layer when it is left out",
    x: {
      ...layerAxis(
        lossChange.layers.map(({ layer }) => layer),
        width,
      ),
      label: "layer left out",
    },
    y: { label: "nats per token lost", grid: true, ticks: 4, domain: [Math.min(0, ...values), top] },
    marks: [
      Plot.barY(layers, {
        x: "layer",
        y: (layer: LayerScore) => (isCut(layer) ? top : (layer.value ?? 0)),
        fill: (layer: LayerScore) => ((layer.rank ?? Infinity) <= lowest ? ORANGE : BLUE),
        title: (layer: LayerScore) => `layer ${layer.layer}: ${figure(layer.value)} nats per token`,
      }),
      // Where bars are narrow, numbers would lie on each other; the bar's own title has its.
      Plot.text((width - LEFT) / layers.length < 20 ? [] : layers.filter(isCut), {
        x: "layer",
        y: top,
        text: (layer: LayerScore) => `↑${(layer.value ?? 0).toPrecision(2)}`,
        dy: -7,
        fontSize: 10,
      }),
      Plot.ruleY([0]),
    ],
  });
}

/** The numbers behind it. */
export function costRows(lossChange: MethodScores): Row[] {
  return lossChange.layers.map(({ layer, value, low, high, rank }) => ({ layer, loss_change: value, low, high, rank }));
}

/** A layer that a score would take out, and whether it is one of those that cost least. */
export interface Pick {
  method: string;
  layer: number;
  isCheap: boolean;
}

/** The layers that each score would take out. */
export function picksOf(methods: MethodScores[], lossChange: MethodScores, lowest: number): Pick[] {
  const cheap = new Set(order(lossChange).slice(0, lowest));
  return methods.flatMap((method) =>
    order(method)
      .slice(0, lowest)
      .map((layer) => ({ method: method.label, layer, isCheap: cheap.has(layer) })),
  );
}

/** The layers that each score would take out: filled where they are among those that cost least. */
export function picksChart(picks: Pick[], layers: number[], width: number): SVGElement | HTMLElement {
  const methods = [...new Set(picks.map(({ method }) => method))];
  const radius = Math.max(2.5, Math.min(7, (width - LEFT) / layers.length / 2.6));
  return Plot.plot({
    width,
    height: 34 + 24 * methods.length,
    marginLeft: LEFT,
    marginTop: 4,
    marginBottom: 28,
    ariaLabel: "the layers that each score would take out",
    x: { ...layerAxis(layers, width), label: "layer" },
    y: { type: "band", domain: methods, label: null, tickSize: 0 },
    marks: [
      Plot.ruleY(methods, { y: (method: string) => method, stroke: GREY, strokeOpacity: 0.25 }),
      Plot.dot(picks, {
        x: "layer",
        y: "method",
        r: radius,
        stroke: ORANGE,
        strokeWidth: 1.5,
        fill: (pick: Pick) => (pick.isCheap ? ORANGE : "none"),
        title: ({ method, layer, isCheap }: Pick) =>
          `${method} takes out layer ${layer}, which is ${isCheap ? "" : "not "}among those that cost least`,
      }),
    ],
  });
}
