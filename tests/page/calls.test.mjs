// Calls of the page to its worker: each has its own cancel and ends once, and no store takes what is about another model.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { scored } from "./browser.mjs";
import { DEMO, ROOT, filesOf, required, visits } from "./support.mjs";

const SHORT = "device=cpu&sequences=2&length=32&items=1";
const lab = visits();
let Caller;
before(async () => {
  // The calling end knows no browser, so it is tried here too.
  const { build } = required("vite");
  const lib = {
    entry: join(ROOT, "web/src/client/caller.ts"),
    formats: ["es"],
  };
  const [{ output }] = await build({
    configFile: false,
    logLevel: "silent",
    build: { lib, write: false },
  });
  ({ Caller } = await import(`data:text/javascript,${encodeURIComponent(output[0].code)}`));
});

/** A worker that answers when it is told to. */
class FakeWorker extends EventTarget {
  asked = [];
  isTerminated = false;

  postMessage(request) {
    this.asked.push(structuredClone(request));
  }

  terminate() {
    this.isTerminated = true;
  }

  tell(data) {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
}

/** How calls ended. */
async function ends(...calls) {
  const settled = await Promise.allSettled(calls.map(({ answer }) => answer));
  return settled.map(({ value, reason }) => value?.found ?? reason.kind);
}

test("each call is cancelled by its own number, and ends once", async () => {
  const worker = new FakeWorker();
  const caller = new Caller(worker);
  const steps = [];
  const [one, two] = [caller.call("memory", [], (step) => steps.push(step)), caller.call("memory", [])];
  const three = caller.call("memory", []);
  two.cancel();
  assert.deepEqual(worker.asked.at(-1), { ask: "cancel", id: two.id });
  // Nobody waits for what was superseded; its answer may still come.
  three.supersede();
  assert.deepEqual(worker.asked.at(-1), { ask: "cancel", id: three.id });
  worker.tell({ tell: "step", id: one.id, step: "half" });
  worker.tell({ tell: "result", id: three.id, value: 3, model: null });
  worker.tell({
    tell: "failure",
    id: two.id,
    failure: { kind: "cancelled", message: "" },
  });
  worker.tell({ tell: "result", id: one.id, value: 1, model: null });
  worker.tell({
    tell: "failure",
    id: one.id,
    failure: { kind: "input", message: "" },
  });
  assert.deepEqual(await ends(one, two, three), [1, "cancelled", "superseded"]);
  assert.deepEqual(steps, ["half"]);
  // One that has ended cannot be cancelled.
  const { length } = worker.asked;
  one.cancel();
  assert.equal(worker.asked.length, length);
});

test("an end of the worker, a death, and what cannot be sent end every call", async () => {
  const worker = new FakeWorker();
  const caller = new Caller(worker);
  const unsendable = caller.call("describe", [() => undefined]);
  const pending = caller.call("memory", []);
  caller.end();
  assert.ok(worker.isTerminated);
  const late = caller.call("memory", []);
  assert.deepEqual(await ends(unsendable, pending, late), ["input", "cancelled", "cancelled"]);

  const dying = new FakeWorker();
  const call = new Caller(dying).call("memory", []);
  dying.tell({ died: "out of memory" });
  assert.deepEqual(await ends(call), ["device"]);
});

/** Lets a test reach the page's worker, and hold results of calls back. */
function reachWorker() {
  const Plain = globalThis.Worker;
  globalThis.held = { names: new Set(), numbers: new Set(), release: [] };
  globalThis.Worker = class extends Plain {
    constructor(...given) {
      super(...given);
      globalThis.lastWorker ??= this;
    }

    postMessage(request, transfer) {
      if (globalThis.held.names.has(request.name)) globalThis.held.numbers.add(request.id);
      super.postMessage(request, transfer);
    }

    addEventListener(type, listener) {
      super.addEventListener(type, (event) => {
        const isHeld = event.data?.tell === "result" && globalThis.held.numbers.has(event.data.id);
        if (isHeld) globalThis.held.release.push(() => listener(event));
        else listener(event);
      });
    }
  };
}

test("of two calls that overlap in the worker, each stops by its own cancel alone", async () => {
  const { page } = await lab.open();
  await page.addInitScript(reachWorker);
  await page.goto(`${lab.host.address}?${SHORT}`);
  await scored(page);
  const outcome = await page.evaluate(async () => {
    const worker = globalThis.lastWorker;
    // This seed draws a long text: both calls must still be at it when one is cancelled.
    const request = {
      prompt: "Q:",
      removed: [],
      repaired: false,
      max_new_tokens: 200,
      temperature: 1.5,
      seed: 21,
    };
    const [first, second] = [1_000_001, 1_000_002];
    const ended = new Map();
    const pieces = new Map([
      [first, 0],
      [second, 0],
    ]);
    let haveEnded;
    const all = new Promise((done) => (haveEnded = done));
    worker.addEventListener("message", ({ data }) => {
      if (data.tell === "step" && pieces.has(data.id)) {
        pieces.set(data.id, pieces.get(data.id) + 1);
        // Both are on their way; which is told of its end first is the worker's affair.
        if ([...pieces.values()].every((count) => count > 0)) worker.postMessage({ ask: "cancel", id: first });
      } else if (pieces.has(data.id)) {
        ended.set(data.id, data);
        if (ended.size === 2) haveEnded();
      }
    });
    for (const id of pieces.keys())
      worker.postMessage({
        ask: "begin",
        id,
        name: "generate",
        given: [request],
      });
    await all;
    return { first: ended.get(first), second: ended.get(second) };
  });
  assert.ok(outcome.first.value.tokens < outcome.second.value.tokens, JSON.stringify(outcome));
  assert.equal(outcome.first.model.sha256, outcome.second.model.sha256);
});

test("what is found about a model that is no longer open is not taken", async () => {
  const { page, errors } = await lab.open();
  await page.addInitScript(reachWorker);
  await page.goto(`${lab.host.address}?${SHORT}&view=layers&layer=0`);
  await scored(page);
  await page.evaluate(() => globalThis.held.names.add("rescore").add("judge").add("score"));
  // Scores under other options, and of the whole text once more: both are held back.
  await page.getByLabel("tap", { exact: true }).selectOption("update");
  await page.waitForFunction(() => globalThis.held.release.length > 0);
  await page.getByRole("button", { name: "Score again" }).click();
  await page.waitForFunction(() => globalThis.held.numbers.size > 1);
  await page.evaluate(() => globalThis.held.names.clear());
  await page.getByRole("link", { name: "Model" }).click();
  await page.getByTestId("files").setInputFiles(await filesOf(DEMO));
  await page.locator(".chip", { hasText: /^picked files$/ }).waitFor();
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByTestId("origin").filter({ hasText: "live" }).waitFor({ timeout: 60_000 });
  const { num_hidden_layers: layers } = JSON.parse(await readFile(join(DEMO, "config.json"), "utf8"));
  const shown = () => page.getByTestId("ranks").locator('tr[data-method="avss"] td.number').count();
  assert.equal(await shown(), layers);
  await page.evaluate(() => globalThis.held.release.forEach((release) => release()));
  await page.evaluate(() => new Promise((done) => setTimeout(done, 300)));
  assert.equal(await shown(), layers);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.deepEqual(errors, []);
});
