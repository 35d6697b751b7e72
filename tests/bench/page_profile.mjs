// Where the time of scoring, with the loss without each layer, goes in the page, by function of the module: `name<TAB>share` a line, the largest first.
//
//   layerlab-bindgen --names MODULE FOLDER
//   node tests/bench/page_profile.mjs FOLDER [query of the page]
//
// FOLDER holds the modules with their names, which the page itself is built without.
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { launch, open, scored } from "../page/browser.mjs";
import { host } from "../page/server.mjs";
import { DIST } from "../page/support.mjs";

const [named, query = "?device=cpu&workers=1"] = process.argv.slice(2);
const SHOWN = 20;

/** The built page, its modules replaced by those with names. */
async function namedPage(folder) {
  await cp(DIST, folder, { recursive: true });
  const assets = join(folder, "assets");
  const modules = (await readdir(assets)).filter((name) => name.endsWith(".packed"));
  for (const module of modules) {
    const source = module.includes("_fused") ? "layerlab_web_fused.wasm" : "layerlab_web_bg.wasm";
    const contents = await readFile(join(named, source));
    await writeFile(join(assets, module), gzipSync(contents, { level: 1 }));
  }
}

/** Without the hash at its end and the parameters of its type. */
function readable(name) {
  return name.replace(/::h[0-9a-f]{16}(\[\d+\])?$/, "").replaceAll(/\[[0-9a-f]{16}\]/g, "") || "(anonymous)";
}

/** Samples of the thread that runs most of the module: what it was in, when, and for how long, in microseconds. */
function samples(events) {
  const threads = new Map();
  for (const { name, pid, id, args } of events) {
    if (name !== "Profile" && name !== "ProfileChunk") continue;
    const key = `${pid} ${id}`;
    if (!threads.has(key)) threads.set(key, { nodes: new Map(), samples: [], wasm: 0, now: 0 });
    const thread = threads.get(key);
    if (name === "Profile") {
      thread.now = args.data.startTime;
      continue;
    }
    const { cpuProfile = {}, timeDeltas = [] } = args.data;
    for (const { id: node, callFrame } of cpuProfile.nodes ?? []) thread.nodes.set(node, callFrame);
    (cpuProfile.samples ?? []).forEach((node, index) => {
      const { functionName, url } = thread.nodes.get(node);
      thread.now += timeDeltas[index];
      thread.wasm += url?.startsWith("wasm:") ? timeDeltas[index] : 0;
      thread.samples.push({ name: readable(functionName), at: thread.now, time: timeDeltas[index] });
    });
  }
  return [...threads.values()].toSorted((a, b) => b.wasm - a.wasm)[0].samples;
}

const folder = await mkdtemp(join(tmpdir(), "layerlab-profile-"));
try {
  await namedPage(folder);
  const site = await host(folder);
  const browser = await launch({ gpu: !query.includes("device=cpu") });
  const { page } = await open(browser);
  await browser.startTracing(page, { categories: ["disabled-by-default-v8.cpu_profiler", "blink.user_timing"] });
  await page.goto(site.address + query);
  await scored(page);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  await browser.close();
  await site.close();
  // The page scores a few sequences first; then all of them, which is looked at.
  const [start, end] = ["layerlab:first-score", "layerlab:all-scores"].map((mark) => traceEvents.find(({ name }) => name === mark).ts);
  const times = new Map();
  let total = 0;
  for (const { name, at, time } of samples(traceEvents)) {
    if (at < start || at > end || name === "(idle)" || name === "(program)") continue;
    times.set(name, (times.get(name) ?? 0) + time);
    total += time;
  }
  const largest = [...times].toSorted((a, b) => b[1] - a[1]).slice(0, SHOWN);
  for (const [name, time] of largest) console.log(`${name}\t${(time / total).toFixed(4)}`);
} finally {
  await rm(folder, { recursive: true });
}
