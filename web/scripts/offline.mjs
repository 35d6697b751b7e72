// Writes sw.js: the files of this build, kept by the browser so that the page opens without a network.
//
// vite-plugin-pwa was tried in its place: it brings some 200 packages and a worker six times as large, and keeps both modules
// (9 MB) where each browser takes one; a worker of our own, which it can take in, would still be needed for that.
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Stored reports: fetched when they are asked for, and not kept by everybody who opens the page. */
const REPORTS = /^assets[\\/][^\\/]*\.json$/u;

/** A Vite plugin that runs once everything else lies in the output folder. */
export function offline() {
  let folder = "";
  return {
    name: "offline",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    async closeBundle() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile() && entry.name !== "sw.js")
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => !REPORTS.test(relative(folder, file)))
        .sort();
      const hash = createHash("sha256");
      for (const file of files) hash.update(file).update(await readFile(file));
      const names = files.map((file) => relative(folder, file).split(sep).join("/"));
      const source = await readFile(new URL("./service-worker.js", import.meta.url), "utf8");
      const build = JSON.stringify({ version: hash.digest("hex").slice(0, 16), files: names });
      await writeFile(join(folder, "sw.js"), `const BUILD = ${build};\n${source}`);
    },
  };
}
