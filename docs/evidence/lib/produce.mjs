// From a folder of reports to all files that are made of them.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as alone from "../draw/alone.mjs";
import * as avss from "../draw/avss.mjs";
import * as correlation from "../draw/correlation.mjs";
import * as kept from "../draw/kept.mjs";
import * as largestCut from "../draw/largest-cut.mjs";
import * as located from "../draw/located.mjs";
import * as margins from "../draw/margins.mjs";
import * as readings from "../draw/readings.mjs";
import * as repaired from "../draw/repaired.mjs";
import * as texts from "../draw/texts.mjs";
import { gather } from "./evidence.mjs";
import { section } from "./markdown.mjs";
import { readNames } from "./names.mjs";
import { readReports } from "./reports.mjs";
import { reportTable } from "./sources.mjs";
import { intoReadme, summary } from "./summary.mjs";

/** In the order of tables.md. Each has `compute`, which gives null where reports lack what it needs, `draw` and `tables`. */
const FIGURES = [correlation, kept, largestCut, texts, avss, readings, located, margins, repaired, alone];

/** From the folder of the evidence. */
const README = "../../README.md";

/** Contents by file, null for figures that are not to be there; or what is wrong with reports. */
export function produce(folder) {
  const reportFolder = join(folder, "reports");
  if (!existsSync(reportFolder)) return { files: new Map(), errors: [`${reportFolder}: there is no such folder`] };
  const { reports, errors } = readReports(reportFolder);
  if (errors.length > 0) return { files: new Map(), errors };
  const evidence = gather(reports, readNames(folder));
  const files = new Map();
  const sections = [section("Reports", reportTable(evidence, reports))];
  for (const { name, title, compute, draw, tables } of FIGURES) {
    const data = compute(evidence);
    files.set(`figures/${name}.svg`, data === null ? null : draw(data));
    if (data !== null) sections.push(section(title, [`![${title}](figures/${name}.svg)`, ...tables(data)]));
  }
  const answers = summary(evidence);
  files.set("summary.json", `${JSON.stringify(answers, null, 2)}\n`);
  const readme = join(folder, README);
  if (existsSync(readme)) files.set(README, intoReadme(readFileSync(readme, "utf8"), answers));
  files.set("tables.md", `# The numbers behind the figures\n\n${sections.join("\n\n")}\n`);
  return { files, errors };
}
