// A plot of rows: words at the left, and in one panel or several a dot for each model, each in a lane of its own.
import { LABELS, rowHeight, rowLabels } from "./labels.mjs";
import { interval, modelDot } from "./marks.mjs";
import { linear } from "./scale.mjs";
import { isNumber } from "./statistics.mjs";
import { WIDTH, line, text } from "./svg.mjs";
import { series } from "./theme.mjs";

const RIGHT = WIDTH - 28;
const GAP = 36;
const AXIS = 20;

/**
 * `rows`: `{ label, note }`. `panels`: `{ title, domain, axis, write, lines, marks }`, where `lines` are values to draw a line at and a
 * mark is `{ row, lane, value, low, high, model, isHollow, shift, draw }`: `shift` in pixels, `draw` in place of a model's dot.
 */
export function rowPlot({ rows, lanes, panels }, top) {
  const laneHeight = lanes > 3 ? 9.5 : 11;
  const height = Math.max(...rows.map((row) => rowHeight(row, 9 + lanes * laneHeight)));
  const start = top + (panels.some(({ title }) => title !== undefined) ? 22 : 4);
  const end = start + rows.length * height;
  const laneAt = ({ row, lane, shift = 0 }) =>
    start + (row + 0.5) * height + (lane - (lanes - 1) / 2) * laneHeight + shift;
  const width = (RIGHT - LABELS - GAP * (panels.length - 1)) / panels.length;
  const body = [
    rowLabels(rows, start, height),
    panels.map((panel, index) => drawPanel(panel, LABELS + index * (width + GAP), width, { top, start, end, laneAt })),
  ];
  return { body, bottom: end + AXIS + (panels.some(({ axis }) => axis !== undefined) ? 18 : 4) };
}

/** How many ticks an axis has room for. */
function ticksIn(width) {
  if (width > 300) return 8;
  return width > 200 ? 6 : 4;
}

function drawPanel({ title, domain, axis, write, lines = [], marks }, left, width, { top, start, end, laneAt }) {
  const scale = linear(domain, [left, left + width], ticksIn(width));
  const words = write ?? scale.write;
  const middle = left + width / 2;
  return [
    title === undefined ? "" : text(middle, top + 12, title, "middle strong"),
    scale.ticks.map((tick) => line(scale.at(tick), start, scale.at(tick), end, tick === 0 ? "axis" : "grid")),
    scale.ticks.map((tick) => text(scale.at(tick), end + 16, words(tick), "middle small soft")),
    axis === undefined ? "" : text(middle, end + 34, axis, "middle small soft"),
    lines.map((at) => line(scale.at(at), start, scale.at(at), end, "s6 line dashed")),
    marks.filter(({ value }) => isNumber(value)).map((mark) => drawMark(mark, scale, laneAt(mark))),
  ];
}

function drawMark(mark, scale, y) {
  const x = scale.at(mark.value);
  if (mark.draw !== undefined) return mark.draw(x, y);
  return [interval(scale, mark, y, series(mark.model)), modelDot(mark.model, x, y, mark.isHollow)];
}
