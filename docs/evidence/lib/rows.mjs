// A plot of rows: words at the left, and in one panel or several a dot for each model, each in a lane of its own.
import { interval, modelDot } from "./marks.mjs";
import { linear } from "./scale.mjs";
import { isNumber } from "./statistics.mjs";
import { WIDTH, line, rect, text } from "./svg.mjs";
import { series } from "./theme.mjs";

const LABELS = 192;
const RIGHT = WIDTH - 24;
const GAP = 24;
const AXIS = 20;

/**
 * `rows`: their labels. `panels`: `{ title, domain, axis, write, lines: [{ at, words }], marks }`, where a mark is
 * `{ row, lane, value, low, high, model, isHollow, draw }`, `draw` in place of a model's dot.
 */
export function rowPlot({ rows, lanes, panels, laneHeight = 11 }, top) {
  const rowHeight = Math.max(22, 8 + lanes * laneHeight);
  const hasTitles = panels.some(({ title }) => title !== undefined);
  const start = top + (hasTitles ? 22 : 4) + (panels.some(({ lines }) => lines?.length > 0) ? 16 : 0);
  const end = start + rows.length * rowHeight;
  const middle = (row) => start + (row + 0.5) * rowHeight;
  const laneAt = (row, lane) => middle(row) + (lane - (lanes - 1) / 2) * laneHeight;
  const width = (RIGHT - LABELS - GAP * (panels.length - 1)) / panels.length;
  const body = [
    rows.map((_, row) => (row % 2 === 0 ? rect(8, start + row * rowHeight, WIDTH - 16, rowHeight, "stripe") : "")),
    rows.map((label, row) => text(LABELS - 14, middle(row) + 4, label, "end")),
    panels.map((panel, index) => drawPanel(panel, LABELS + index * (width + GAP), width, { top, start, end, laneAt })),
  ];
  return { body, bottom: end + AXIS + (panels.some(({ axis }) => axis !== undefined) ? 18 : 4) };
}

function drawPanel({ title, domain, axis, write, lines = [], marks }, left, width, { top, start, end, laneAt }) {
  const scale = linear(domain, [left, left + width], width > 300 ? 8 : 5);
  const words = write ?? scale.write;
  const middle = left + width / 2;
  return [
    title === undefined ? "" : text(middle, top + 12, title, "middle strong"),
    scale.ticks.map((tick) => line(scale.at(tick), start, scale.at(tick), end, tick === 0 ? "axis" : "grid")),
    scale.ticks.map((tick) => text(scale.at(tick), end + 16, words(tick), "middle small soft")),
    axis === undefined ? "" : text(middle, end + 34, axis, "middle small soft"),
    lines.map(({ at }) => line(scale.at(at), start - 3, scale.at(at), end, "s6 line dashed")),
    lines.map(({ at, words: said }) => text(scale.at(at), start - 7, said, "middle small soft")),
    marks.filter(({ value }) => isNumber(value)).map((mark) => drawMark(mark, scale, laneAt(mark.row, mark.lane))),
  ];
}

function drawMark(mark, scale, y) {
  const x = scale.at(mark.value);
  if (mark.draw !== undefined) return mark.draw(x, y);
  return [interval(scale, mark, y, series(mark.model)), modelDot(mark.model, x, y, mark.isHollow)];
}
