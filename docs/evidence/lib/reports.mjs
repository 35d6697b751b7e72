// The stored reports: read, checked, and told apart by their names.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fault } from "./schema.mjs";

const SCHEMA = JSON.parse(
  readFileSync(new URL("../../../crates/lab/schema/layerlab-1.schema.json", import.meta.url), "utf8"),
);

/** By the kind of a report, the experiments that it may be of. */
const EXPERIMENTS = { text: ["run", "score"], reading: ["score"], located: ["locate"], repaired: ["repair"] };

/** Everything in `folder` that is called `*.json`, in the order of names, and what is wrong with it. */
export function readReports(folder) {
  const reports = [];
  const errors = [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  for (const file of names.sort()) {
    try {
      reports.push(readReport(folder, file));
    } catch (error) {
      errors.push(`reports/${file}: ${error.message}`);
    }
  }
  errors.push(...strangers(reports));
  return { reports, errors };
}

/** What a report is, by its file's name: `<model>.<text>`, `<model>.readings-<name>`, `<model>.located`, `<model>.repaired`. */
export function parseName(file) {
  const parts = /^(?<model>.+)\.(?<rest>[^.]+)\.json$/u.exec(file);
  if (parts === null) throw new Error("the name is not MODEL.TEXT.json, nor one of the others that README.md has");
  const { model, rest } = parts.groups;
  if (rest === "located" || rest === "repaired") return { model, kind: rest, name: rest };
  if (rest.startsWith("readings-")) return { model, kind: "reading", name: rest.slice("readings-".length) };
  return { model, kind: "text", name: rest };
}

function readReport(folder, file) {
  const named = parseName(file);
  const report = parse(readFileSync(join(folder, file), "utf8"));
  if (report?.schema !== "layerlab/1") {
    throw new Error(`schema is ${JSON.stringify(report?.schema ?? null)}, expected "layerlab/1"`);
  }
  const found = fault(report, SCHEMA);
  if (found !== null) throw new Error(found);
  const expected = EXPERIMENTS[named.kind];
  if (!expected.includes(report.experiment)) {
    throw new Error(`experiment is ${report.experiment}, where the name asks for ${expected.join(" or ")}`);
  }
  return { ...named, file, report };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${error.message}`);
  }
}

/** Reports that bear the name of a model and are of another: their figures would be mixed up. */
function strangers(reports) {
  const firsts = new Map();
  const errors = [];
  for (const { model, file, report } of reports) {
    const first = firsts.get(model) ?? { file, sha256: report.model.sha256 };
    firsts.set(model, first);
    if (report.model.sha256 !== first.sha256) {
      const [own, other] = [report.model.sha256, first.sha256].map((sum) => sum.slice(0, 8));
      errors.push(`reports/${file}: is of other weights (SHA-256 ${own}…) than ${first.file} (${other}…)`);
    }
  }
  return errors;
}
