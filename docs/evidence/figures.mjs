#!/usr/bin/env node
// Draws the figures and writes the tables from the stored reports: figures.mjs [--check] [FOLDER]
// With --check nothing is written: what differs from what is on disk is named, and the exit code is 1.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { produce } from "./lib/produce.mjs";

const words = process.argv.slice(2);
const isCheck = words.includes("--check");
const unknown = words.find((word) => word.startsWith("-") && word !== "--check");
if (unknown !== undefined) leave([`${unknown} is unknown. Usage: figures.mjs [--check] [FOLDER]`], 2);
const folder = words.find((word) => !word.startsWith("-")) ?? dirname(fileURLToPath(import.meta.url));

const { files, errors } = produce(folder);
if (errors.length > 0) leave(errors, 1);
const differing = [...files].filter(([file, content]) => content !== onDisk(file));
if (isCheck) {
  const told = differing.map(
    ([file, content]) => `${file}: ${cause(file, content)}; run node docs/evidence/figures.mjs`,
  );
  leave(told, told.length > 0 ? 1 : 0);
}
mkdirSync(join(folder, "figures"), { recursive: true });
for (const [file, content] of differing) {
  if (content === null) rmSync(join(folder, file));
  else writeFileSync(join(folder, file), content);
  process.stdout.write(`${file}: ${content === null ? "removed" : "written"}\n`);
}

function onDisk(file) {
  return existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8") : null;
}

function cause(file, content) {
  if (content === null) return "no report asks for it";
  return onDisk(file) === null ? "is missing" : "is not what the reports give";
}

function leave(lines, code) {
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(code);
}
