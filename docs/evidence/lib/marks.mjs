// What stands for a value: dots of several shapes, intervals, and the legend that explains them.
import { WIDTH, line, path, tag, text, widthOf } from "./svg.mjs";
import { isNumber } from "./statistics.mjs";
import { series } from "./theme.mjs";

const CORNERS = { square: [4, 45], up: [3, -90], down: [3, 90], pentagon: [5, -90], flag: [4, 0] };
const SHAPES = ["circle", "square", "up", "down", "pentagon", "flag"];

/** The n-th model's dot; colour and shape both tell models apart. */
export function modelDot(index, x, y, isHollow = false) {
  return dot(SHAPES[index % SHAPES.length], x, y, `${series(index)} ${isHollow ? "hollow" : "fill"}`);
}

export function dot(shape, x, y, classes, radius = 4) {
  if (shape === "circle") return tag("circle", { cx: x, cy: y, r: radius, class: classes });
  if (shape === "diamond") return polygon(4, 0, x, y, radius * 1.5, classes);
  const [corners, turn] = CORNERS[shape];
  return polygon(corners, turn, x, y, radius * 1.25, classes);
}

function polygon(corners, turn, x, y, radius, classes) {
  const corner = (index) => {
    const angle = ((turn + (360 * index) / corners) * Math.PI) / 180;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  };
  const points = Array.from({ length: corners }, (_, index) => corner(index).map(hundredths).join(",")).join(" ");
  return tag("polygon", { points, class: classes });
}

function hundredths(value) {
  return Math.round(value * 100) / 100 + 0;
}

/** A level line from low to high; nothing where there is no interval. */
export function interval(scale, { low, high }, y, classes) {
  if (!isNumber(low) || !isNumber(high)) return "";
  return line(scale.at(low), y, scale.at(high), y, `${classes} line`);
}

/** An upright one. */
export function upright(scale, { low, high }, x, classes) {
  if (!isNumber(low) || !isNumber(high)) return "";
  return line(x, scale.at(low), x, scale.at(high), `${classes} thin`);
}

/** A band between two lines, in as many pieces as there are runs without gaps. */
export function band(points, classes) {
  const runs = [[]];
  for (const point of points) {
    if (point === null) runs.push([]);
    else runs.at(-1).push(point);
  }
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const there = run.map(({ x, low }) => [x, low]);
      const back = run.map(({ x, high }) => [x, high]).reverse();
      return path([...there, ...back], classes);
    });
}

/** Entries `{ mark: (x, y) => svg, words }` from left to right in as many lines as they take. */
export function legend(entries, top, left = 16) {
  let [x, y] = [left, top + 8];
  const body = [];
  for (const { mark, words } of entries) {
    const width = 26 + widthOf(words) + 18;
    if (x > left && x + width > WIDTH - 8) [x, y] = [left, y + 19];
    body.push(mark(x + 9, y), text(x + 24, y + 4, words));
    x += width;
  }
  return { body, bottom: entries.length === 0 ? top : y + 12 };
}

/** Entries for models. */
export function modelEntries(models) {
  return models.map(({ index, label }) => ({ mark: (x, y) => modelDot(index, x, y), words: label }));
}

/** An entry for a line. */
export function lineEntry(classes, words) {
  return { mark: (x, y) => line(x - 9, y, x + 9, y, classes), words };
}
