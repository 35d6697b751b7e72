// Stores a report among those that figures are made of: without blanks, and with the names of files in the place of paths.
//
//   node docs/evidence/store.mjs REPORT.json NAME.json
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseName } from "./lib/reports.mjs";

/** A path of the machine that made the report, as a sentence or a field has it. */
const PATH = /(?:[A-Za-z]:)?(?:[\\/][\w.@+-]+){2,}/gu;

const [from, name] = process.argv.slice(2);
if (name === undefined) {
  console.error("expected REPORT.json NAME.json");
  process.exit(2);
}
parseName(name);
const report = JSON.parse(readFileSync(from, "utf8"), (_, value) =>
  typeof value === "string" && !value.includes("://") ? value.replace(PATH, (path) => basename(path)) : value,
);
writeFileSync(new URL(`reports/${name}`, import.meta.url), `${JSON.stringify(report)}\n`);
