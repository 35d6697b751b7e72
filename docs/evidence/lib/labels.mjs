// The words at the left of rows, and the stripes that lead the eye from them.
import { WIDTH, rect, text, wrap } from "./svg.mjs";

/** Where what the rows hold begins. */
export const LABELS = 216;
const SIZE = 12;

/** How high a row must be for its words: `label` and, smaller, `note`. */
export function rowHeight({ label, note }, least = 22) {
  return Math.max(least, 8 + 15 * linesOf(label, note).length);
}

/** `rows` of `{ label, note }`, all of one height, from `top` down. */
export function rowLabels(rows, top, height) {
  return rows.map(({ label, note }, row) => {
    const lines = linesOf(label, note);
    const first = top + (row + 0.5) * height - 7.5 * (lines.length - 1) + 4;
    return [
      row % 2 === 0 ? rect(8, top + row * height, WIDTH - 16, height, "stripe") : "",
      lines.map(({ words, classes }, index) => text(LABELS - 14, first + 15 * index, words, classes)),
    ];
  });
}

function linesOf(label, note) {
  const said = wrap(label, LABELS - 26, SIZE).map((words) => ({ words, classes: "end" }));
  return note === undefined ? said : [...said, { words: note, classes: "end small soft" }];
}
