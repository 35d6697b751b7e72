// What tests of the page share.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { after, afterEach, before } from "node:test";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { launch, open } from "./browser.mjs";
import { host } from "./server.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const DIST = join(ROOT, "web/dist");
/** A real model in Hugging Face layout that every checkout has. */
export const DEMO = join(ROOT, "tests/goldens/demo");
/** The same model in blocks of 8 bits. */
export const GGUF = join(ROOT, "tests/goldens/gguf/demo.gguf");

/** The built page under a path of its own. */
export function site(options) {
  return host(DIST, options);
}

/** A host of the page and a browser for the tests of a file. Whatever a test opens is closed after it. */
export function visits({ gpu = false } = {}) {
  const opened = [];
  const shared = {
    host: undefined,
    browser: undefined,
    /** Something to be closed after the test. */
    closing(thing) {
      opened.push(() => thing.close());
      return thing;
    },
    /** A page whose errors are gathered, in a context of its own. */
    async open(options) {
      const visit = await open(shared.browser, options);
      shared.closing(visit.context);
      return visit;
    },
    /** An empty folder, gone after the test. */
    async folder() {
      const folder = await mkdtemp(join(tmpdir(), "layerlab-"));
      opened.push(() => rm(folder, { recursive: true }));
      return folder;
    },
  };
  before(async () => {
    shared.host = await site();
    shared.browser = await launch({ gpu });
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });
  after(async () => {
    await shared.browser.close();
    await shared.host.close();
  });
  return shared;
}

/** How often a host was asked for the module that fuses multiplication and addition, and for the plain one. */
export function modulesAsked({ state }) {
  const modules = state.requests.filter((name) => name.endsWith(".packed"));
  const isFused = (name) => name.includes("_fused");
  return { fused: modules.filter(isFused).length, plain: modules.filter((name) => !isFused(name)).length };
}

/** What stands beside the device. */
export function chip(page, name) {
  return page.locator(".chip", { hasText: new RegExp(`^${name}$`) });
}

/** Lets the page ask the server that its address names. */
export async function agree(page) {
  await page.getByTestId("consent").getByRole("button", { name: /^Ask / }).click({ timeout: 60_000 });
}

/** Has the model downloaded that the page has looked at. */
export async function download(page) {
  await page.getByRole("button", { name: "Download and open" }).click({ timeout: 60_000 });
}

/** A downloaded file's text. */
export async function downloaded(page, click) {
  const [download] = await Promise.all([page.waitForEvent("download"), click()]);
  return readFile(await download.path());
}

/** The report that the page would save. */
export async function report(page) {
  await page.getByRole("link", { name: "Report" }).click();
  const text = await downloaded(page, () => page.getByRole("button", { name: "JSON", exact: true }).click());
  return JSON.parse(text.toString());
}

/** What the command reports. */
export function native(...command) {
  return JSON.parse(execFileSync(process.env.LAYERLAB, [...command, "--json"], { maxBuffer: 1 << 28 }));
}

/** A package of the page's. */
export const required = createRequire(join(ROOT, "web/package.json"));

/** Axe finds nothing serious in what is shown, and nothing overflows at 390 px. */
export async function assertLooks(page, what) {
  // The page's policy lets no script in; this one comes by the debugger.
  if (!(await page.evaluate(() => "axe" in globalThis))) {
    await page.evaluate(await readFile(required.resolve("axe-core"), "utf8"));
  }
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" ")}`);
  assert.deepEqual(told, [], what);
  await page.setViewportSize({ width: 390, height: 844 });
  const over = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await over()) <= 0, `${what} is ${await over()} px too wide`);
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** Sets the value of a slider as a hand would. */
export async function drag(slider, value) {
  await slider.evaluate((input, to) => {
    input.value = String(to);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, value);
}

/** Every order of removal is the same, and every value within `tolerance` of the larger of the two, relatively. */
export function assertSameScores(found, expected, tolerance) {
  const methods = (report) => {
    const ranking = ({ role }) => role !== "part";
    return new Map(report.scoring.scores.methods.filter(ranking).map((one) => [one.id, one]));
  };
  const [ours, theirs] = [methods(found), methods(expected)];
  assert.deepEqual([...ours.keys()], [...theirs.keys()]);
  for (const [id, { layers }] of ours) {
    const others = theirs.get(id).layers;
    assert.deepEqual(
      layers.map((layer) => layer.rank),
      others.map((layer) => layer.rank),
      `ranks by ${id}`,
    );
    // Differences of losses are small beside the losses that they come from.
    const scale = id === "loss_change" ? Math.max(...others.map(({ value }) => Math.abs(value))) : 0;
    for (const [index, { value }] of layers.entries()) {
      const expected = others[index].value;
      const off = Math.abs(value - expected) / Math.max(Math.abs(value), Math.abs(expected), scale, 1e-30);
      assert.ok(off <= tolerance, `${id}, layer ${index}: ${value} against ${expected}`);
    }
  }
}

/** A folder's files as an input takes them. */
export async function filesOf(folder) {
  return (await readdir(folder)).map((name) => join(folder, name));
}
