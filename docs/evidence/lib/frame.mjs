// A plot over two axes: what several marks are then drawn into.
import { line, rect, tag, text } from "./svg.mjs";

/** Axes, grid and words. `x` and `y` are scales into the box; `xTicks` in place of those of the scale. */
export function frame({ left, top, width, height, x, y, xTicks, title, xWords, yWords, xWrite, hasX = true }) {
  const [right, bottom] = [left + width, top + height];
  const across = xTicks ?? x.ticks;
  return [
    rect(left, top, width, height, "stripe"),
    y.ticks.map((tick) => line(left, y.at(tick), right, y.at(tick), "grid")),
    y.ticks.map((tick) => text(left - 6, y.at(tick) + 4, y.write(tick), "end small soft")),
    across.map((tick) => line(x.at(tick), bottom, x.at(tick), bottom + 4, "axis")),
    hasX ? across.map((tick) => text(x.at(tick), bottom + 16, (xWrite ?? x.write)(tick), "middle small soft")) : "",
    line(left, bottom, right, bottom, "axis"),
    title === undefined ? "" : text(left, top - 8, title, "strong"),
    xWords === undefined ? "" : text(left + width / 2, bottom + 32, xWords, "middle small soft"),
    yWords === undefined ? "" : sideways(left - 42, top + height / 2, yWords),
  ];
}

function sideways(x, y, words) {
  const turn = `rotate(-90 ${Math.round(x * 100) / 100} ${Math.round(y * 100) / 100})`;
  return tag("g", { transform: turn }, text(x, y, words, "middle small soft"));
}
