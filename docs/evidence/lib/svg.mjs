// Pieces of SVG as text.
import { STYLE } from "./theme.mjs";

export const WIDTH = 720;
const MARGIN = 16;
const RUNNING = 0.52;
const NAMES = 0.6;

/** An element; numbers are rounded to hundredths of a pixel. */
export function tag(name, attributes, ...inside) {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? pixel(value) : escape(value)}"`);
  const body = inside.flat(Infinity).join("");
  return body === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${body}</${name}>`;
}

export function text(x, y, words, classes = undefined) {
  return tag("text", { x, y, class: classes }, escape(words));
}

export function line(x1, y1, x2, y2, classes) {
  return tag("line", { x1, y1, x2, y2, class: classes });
}

export function rect(x, y, width, height, classes) {
  return tag("rect", { x, y, width: Math.max(0, width), height, class: classes });
}

/** A path through points `[x, y]`, with gaps where one is null. */
export function path(points, classes) {
  let pen = "M";
  const steps = points.map((point) => {
    const step = point === null ? "" : `${pen}${pixel(point[0])} ${pixel(point[1])}`;
    pen = point === null ? "M" : "L";
    return step;
  });
  return tag("path", { d: steps.join(""), class: classes });
}

/** A whole figure: a heading, how to read it, and what `draw` puts below, which tells how far down that reaches. */
export function figure({ title, subtitle, description }, draw) {
  const lines = wrap(subtitle, WIDTH - 2 * MARGIN, 12);
  const top = 24 + 17 * lines.length + 14;
  const { body, bottom } = draw(top);
  const height = Math.ceil(bottom + 12);
  const head = [
    text(MARGIN, 26, title, "title"),
    ...lines.map((words, index) => text(MARGIN, 45 + 17 * index, words, "soft")),
  ];
  return `${tag(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
      role: "img",
      "aria-labelledby": "title desc",
    },
    "\n",
    tag("title", { id: "title" }, escape(title)),
    tag("desc", { id: "desc" }, escape(description)),
    "\n",
    tag("style", {}, STYLE),
    "\n",
    [rect(0, 0, WIDTH, height, "page"), ...head, ...[body].flat(Infinity)].filter((part) => part !== "").join("\n"),
    "\n",
  )}\n`;
}

/** Words in lines that fit. */
export function wrap(words, width, size, share = RUNNING) {
  const lines = [""];
  for (const word of words.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (widthOf(longer, size, share) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** A guess, since no fonts are read; names have more capitals than running text. */
export function widthOf(words, size = 12, share = NAMES) {
  return words.length * size * share;
}

export function pixel(value) {
  return String(Math.round(value * 100) / 100 + 0);
}

function escape(words) {
  return String(words).replace(/[&<>"]/gu, (found) => `&#${found.codePointAt(0)};`);
}
