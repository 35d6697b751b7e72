// Tables in Markdown.

/** A table; the first column is of words, the others of numbers unless said otherwise. */
export function table(head, rows, words = 1) {
  const line = (cells) => `| ${cells.map(plain).join(" | ")} |`;
  const rule = head.map((_, column) => (column < words ? "---" : "---:"));
  return [line(head), `|${rule.join("|")}|`, ...rows.map(line)].join("\n");
}

function plain(cell) {
  return String(cell).replaceAll("|", "\\|");
}

export function section(title, parts) {
  return [`## ${title}`, ...parts].join("\n\n");
}
