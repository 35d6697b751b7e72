// Models of the visitor's own: from a folder, and from a server that speaks the Hub's paths.
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { hub } from "./server.mjs";
import { DEMO, GGUF, agree, chip, download, downloaded, filesOf, native, required, site, visits } from "./support.mjs";

const SHORT = "device=cpu&sequences=2&length=32&items=1";
const ID = "someone/demo";
const lab = visits();

/** Agrees to ask the server, and has the model downloaded. */
async function fetched(page) {
  await agree(page);
  await download(page);
}

/** A page opened with a model of a server that behaves otherwise than the Hub. */
async function asked(manner, work) {
  const server = lab.closing(await hub(DEMO, ID));
  Object.assign(server.state, manner);
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`);
  await work(page, server);
}

test("a folder is read, scored, and makes way for others without growing the tab", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const files = await filesOf(DEMO);
  const bytes = async () => Number.parseFloat(await page.locator(".status .soft").first().innerText());
  let settled;
  for (let swap = 0; swap < 20; swap += 1) {
    if (swap % 2 === 0) {
      await page.getByTestId("files").setInputFiles(files);
      await chip(page, "picked files").waitFor();
    } else {
      await page.getByRole("button", { name: "Back to Atlas" }).click();
      await chip(page, "atlas").waitFor();
    }
    await ready(page);
    if (swap === 3) settled = await bytes();
  }
  assert.ok((await bytes()) <= settled, `${await bytes()} MB after 20 models, ${settled} after 4`);
});

test("a model that is picked while another is asked takes its place", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=prune&device=cpu&sequences=2&length=32&removed=4,5`);
  await scored(page);
  await page.getByRole("button", { name: "See what that costs" }).click();
  await page.getByText(/model \d+ of 2/).waitFor();
  await page.getByRole("link", { name: "Model" }).click();
  await page.getByTestId("files").setInputFiles(await filesOf(DEMO));
  await chip(page, "picked files").waitFor();
  await ready(page);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.deepEqual(errors, []);
});

test("a folder is dropped", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const contents = await Promise.all(
    (await filesOf(DEMO)).map(async (path) => {
      return { name: path.split("/").at(-1), base64: (await readFile(path)).toString("base64") };
    }),
  );
  const transfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of files) {
      transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    }
    return transfer;
  }, contents);
  await page.locator(".drop").dispatchEvent("drop", { dataTransfer: transfer });
  await chip(page, "dropped files").waitFor();
  await ready(page);
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByTestId("origin").filter({ hasText: "live" }).waitFor();
});

test("a GGUF file is a model: read as natively, scored, and its layers written in half precision", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  await page.getByTestId("files").setInputFiles([GGUF]);
  await chip(page, "demo.gguf").waitFor();
  await ready(page);
  const { model } = native("info", "--model", GGUF);
  await page.getByText(model.sha256.slice(0, 16)).waitFor();
  await page.getByText(/as F32, Q8_0/).waitFor();
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByTestId("origin").filter({ hasText: "live" }).waitFor();
  await page.getByRole("link", { name: "Prune" }).click();
  await page.getByTestId("rounding").filter({ hasText: "(Q8_0) are written in half precision" }).waitFor();
  await page.locator(".stack button", { hasText: "block 2" }).click();
  await page.evaluate(() => delete window.showDirectoryPicker);
  const zip = await downloaded(page, () => page.getByRole("button", { name: "Save the pruned model" }).click());
  const files = required("fflate").unzipSync(zip);
  const text = (name) => Buffer.from(files[name]).toString("latin1");
  assert.match(text("model.safetensors"), /"model\.layers\.4\.mlp\.up_proj\.weight":{[^}]*"F16"/);
  assert.match(text("tokenizer.json"), /"merges"/);
  assert.deepEqual(JSON.parse(text("layerlab.json")).rounded, ["Q8_0"]);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.deepEqual(errors, []);
});

test("a GGUF file of the Hub is fetched alone; without its name, the page says which there are", async () => {
  const repository = await lab.folder();
  for (const name of ["demo.gguf", "llama.gguf"]) await cp(join(dirname(GGUF), name), join(repository, name));
  const server = lab.closing(await hub(repository, ID));
  const { page } = await lab.open();
  const address = (id) =>
    `${lab.host.address}?view=model&${SHORT}&model=${id}&endpoint=${encodeURIComponent(server.address)}`;
  await page.goto(address(`${ID}:demo.gguf`));
  await fetched(page);
  await chip(page, `${ID}:demo.gguf`).waitFor();
  await ready(page);
  await page.getByText(native("info", "--model", GGUF).model.sha256.slice(0, 16)).waitFor();
  assert.deepEqual([...new Set(server.state.files)], ["demo.gguf"]);
  await page.goto(address(`${ID}:none.gguf`));
  await agree(page);
  await page.getByRole("alert").filter({ hasText: "someone/demo has no file none.gguf" }).waitFor();
  await page.goto(address(ID));
  await agree(page);
  await page.getByRole("alert").filter({ hasText: "but GGUF files: name one, such as someone/demo:" }).waitFor();
});

test("a folder is its own model, whatever it is called and whatever checkpoints lie within", async () => {
  const parent = await lab.folder();
  const { page } = await lab.open();
  const folder = join(parent, "atlas");
  await cp(DEMO, folder, { recursive: true });
  await cp(DEMO, join(folder, "checkpoint-100"), { recursive: true });
  await writeFile(join(folder, "checkpoint-100/config.json"), "{}");
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const note = page.getByText("Atlas was trained by this project");
  assert.equal(await note.count(), 1);
  await page.getByTestId("folder").setInputFiles(folder);
  await page.getByRole("button", { name: "Back to Atlas" }).waitFor();
  await ready(page);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await note.count(), 0);
  const { model } = native("info", "--model", DEMO);
  await page.getByText(model.sha256.slice(0, 16)).waitFor();

  // Two models side by side: neither is chosen for the visitor.
  await cp(DEMO, join(parent, "other"), { recursive: true });
  await page.getByTestId("folder").setInputFiles(parent);
  await page.getByRole("alert").filter({ hasText: "several models" }).waitFor();
});

test("scores of another model's report do not stand beside the blocks of the one that is loaded", async () => {
  const folder = await lab.folder();
  const { page } = await lab.open();
  const text = join(DEMO, "text.txt");
  const report = native("score", "--model", DEMO, "--text", text, "--device", "cpu", "--resamples", "0");
  const file = join(folder, "report.json");
  await writeFile(file, JSON.stringify(report));
  await page.goto(`${lab.host.address}?view=prune&${SHORT}`);
  await scored(page);
  const values = () => page.locator(".stack .value").allInnerTexts();
  const before = await values();
  assert.equal(before.length, 12);
  await page.getByRole("link", { name: "Report" }).click();
  await page.getByTestId("open-report").setInputFiles(file);
  await page.getByText("from a file").waitFor();
  await page.getByRole("link", { name: "Layers" }).click();
  await page
    .getByTestId("origin")
    .filter({ hasText: `about ${report.model.name}` })
    .waitFor();
  await page.getByRole("link", { name: "Prune" }).click();
  assert.deepEqual(await values(), before);
});

test("a corrupt file is named, and the model that was there stays, with what was found of it", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const weights = await readFile(join(DEMO, "model.safetensors"));
  const files = await Promise.all(
    (await filesOf(DEMO)).map(async (path) => {
      const name = path.split("/").at(-1);
      const whole = await readFile(path);
      const buffer = name === "model.safetensors" ? weights.subarray(0, weights.length / 2) : whole;
      return { name, mimeType: "application/octet-stream", buffer };
    }),
  );
  await page.getByTestId("files").setInputFiles(files);
  await page.getByRole("alert").filter({ hasText: "model.safetensors" }).waitFor({ timeout: 30_000 });
  await chip(page, "atlas").waitFor();
  await ready(page);
  await page.getByRole("alert").getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("link", { name: "Layers" }).click();
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "live");
});

test("what is no model changes nothing, and what falls beside the place for models opens nothing", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  await page
    .getByTestId("files")
    .setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no model") });
  await page.getByRole("alert").filter({ hasText: "config.json" }).waitFor({ timeout: 30_000 });
  await chip(page, "atlas").waitFor();
  await page.getByRole("link", { name: "Layers" }).click();
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "live");
  const isKept = await page.evaluate(() => {
    const event = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: new DataTransfer() });
    document.querySelector("h1").dispatchEvent(event);
    return event.defaultPrevented;
  });
  assert.ok(isKept);
  assert.deepEqual(errors, []);
});

test("the address names a model of the visitor's by its file, and whoever has not got it is told", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  await page.getByTestId("files").setInputFiles(GGUF);
  await scored(page, 60_000, 2);
  await page.getByRole("link", { name: "Prune" }).click();
  await page.getByRole("button", { name: /^block 1\b/ }).click();
  await page.waitForURL(/file=demo\.gguf.*removed=1|removed=1.*file=demo\.gguf/);
  const address = page.url();
  const { page: other } = await lab.open();
  await other.goto(address);
  await other.getByTestId("missing").filter({ hasText: "demo.gguf" }).waitFor();
  await scored(other);
  await chip(other, "atlas").waitFor();
  assert.equal(await other.getByTestId("missing").count(), 1);
  assert.equal(await other.getByTestId("removed").innerText(), "none", "layers of another model's");
  await other.getByRole("link", { name: "Model" }).click();
  await other.getByTestId("files").setInputFiles(GGUF);
  await other.getByTestId("missing").waitFor({ state: "detached" });
});

test("back and forth in the history lead to the model that the address names", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`);
  await fetched(page);
  await chip(page, ID).waitFor({ timeout: 60_000 });
  await ready(page);
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByRole("link", { name: "Model" }).click();
  await page.getByRole("button", { name: "Back to Atlas" }).click();
  await chip(page, "atlas").waitFor({ timeout: 60_000 });
  await ready(page);
  await page.goBack();
  await chip(page, ID).waitFor({ timeout: 60_000 });
  assert.match(page.url(), /model=someone/);
  await ready(page);
  await page.goForward();
  await chip(page, "atlas").waitFor({ timeout: 60_000 });
  assert.doesNotMatch(page.url(), /[?&]model=/);
});

test("of two tabs that download the same model, the second is told", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  server.state.stalls = true;
  const { page, context } = await lab.open();
  const address = `${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`;
  await page.goto(address);
  await fetched(page);
  await page.waitForTimeout(4000);
  console.log(await page.locator(".status").innerText());
  const other = await context.newPage();
  await other.goto(address);
  await fetched(other);
  await other.getByRole("alert").filter({ hasText: "another tab is downloading" }).waitFor({ timeout: 60_000 });
});

test("a browser that keeps no files says so beside the Hub, and all else works", async () => {
  const line = "navigator.storage.getDirectory = () => Promise.reject(new DOMException('denied', 'SecurityError'));";
  const host = lab.closing(await site({ workerLine: line }));
  const { page, errors } = await lab.open({ serviceWorkers: "block" });
  await page.goto(`${host.address}?view=model&${SHORT}`);
  await scored(page);
  await page.getByTestId("no-storage").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.ok(await page.getByRole("button", { name: "Get and open" }).isDisabled());
  await page.getByTestId("files").setInputFiles(GGUF);
  await scored(page, 60_000, 2);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.deepEqual(errors, []);
});

test("a Hub id is streamed, taken up where it broke off, kept, and deleted", async () => {
  const server = lab.closing(await hub(DEMO, ID, { breaks: 2 }));
  const { page } = await lab.open();
  const address = `${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`;
  await page.goto(`${address}&removed=1`);
  await fetched(page);
  await chip(page, ID).waitFor({ timeout: 60_000 });
  await ready(page);
  assert.match(page.url(), /removed=1/, "layers of the address are those of its model");
  assert.equal(server.state.ranges.length, 2, "the weights were asked for twice more");
  assert.ok(
    server.state.ranges.every((from) => from > 0),
    `from ${server.state.ranges}`,
  );

  // The next visit asks nobody.
  await server.close();
  await page.goto(address);
  await chip(page, ID).waitFor({ timeout: 60_000 });
  await ready(page);
  const kept = page.getByRole("listitem").filter({ hasText: ID });
  await kept.getByRole("button", { name: "delete" }).click();
  await kept.waitFor({ state: "detached" });
});

test("a download that is not what the Hub says is thrown away", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  server.state.wrongHash = true;
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`);
  await fetched(page);
  await page
    .getByRole("alert")
    .filter({ hasText: /is not what the Hub says/ })
    .waitFor({ timeout: 60_000 });
});

test("where the browser has no room, the page says so and goes on", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  const { page } = await lab.open();
  const session = await page.context().newCDPSession(page);
  const { origin } = new URL(lab.host.address);
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 100_000 });
  await page.goto(`${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`);
  // What it reports is not what it holds to.
  await fetched(page);
  await page
    .getByRole("alert")
    .filter({ hasText: /has no? ?room for/ })
    .waitFor({ timeout: 60_000 });
  await page.getByRole("alert").getByRole("button", { name: "Back to Atlas" }).click();
  await chip(page, "atlas").waitFor({ timeout: 60_000 });
});

test("a server that a link names is asked nothing before the visitor agrees", async () => {
  await asked({}, async (page, server) => {
    const question = page.getByTestId("consent");
    await question.filter({ hasText: server.address }).filter({ hasText: ID }).waitFor({ timeout: 60_000 });
    assert.equal(server.state.requests, 0);
    await question.getByRole("button", { name: "Do not" }).click();
    await chip(page, "atlas").waitFor({ timeout: 60_000 });
    await ready(page);
    assert.equal(server.state.requests, 0);

    // The endpoint stays in the address; whoever then types an id is asked too.
    await page.getByLabel("model id").fill(ID);
    await page.getByRole("button", { name: "Get and open" }).click();
    await question.waitFor();
    assert.equal(server.state.requests, 0);
    await fetched(page);
    await chip(page, ID).waitFor({ timeout: 60_000 });
    assert.ok(server.state.requests > 0);
  });
});

test("a worker asks no server that was not agreed to", async () => {
  const line =
    'addEventListener("message", ({ data }) => data.ask && fetch(data.ask).then(() => postMessage("sent"), ({ message }) => postMessage(message)));';
  const hooked = lab.closing(await site({ workerLine: line }));
  const server = lab.closing(await hub(DEMO, ID));
  const { page } = await lab.open();
  await page.addInitScript(() => {
    const Plain = globalThis.Worker;
    globalThis.Worker = class extends Plain {
      constructor(...given) {
        super(...given);
        globalThis.lastWorker ??= this;
      }
    };
  });
  await page.goto(`${hooked.address}?${SHORT}`);
  await scored(page);
  const said = await page.evaluate(
    (ask) =>
      new Promise((done) => {
        globalThis.lastWorker.addEventListener("message", ({ data }) => typeof data === "string" && done(data));
        globalThis.lastWorker.postMessage({ ask });
      }),
    `${server.address}/elsewhere`,
  );
  assert.match(said, /not agreed to/);
  assert.equal(server.state.requests, 0);
});

test("a server without ranges sends all again, and one that never sends enough is given up", async () => {
  await asked({ knowsRanges: false, breaks: 2 }, async (page) => {
    await fetched(page);
    await chip(page, ID).waitFor({ timeout: 60_000 });
  });
  await asked({ knowsRanges: false, short: 100 }, async (page, server) => {
    await fetched(page);
    await page
      .getByRole("alert")
      .filter({ hasText: /model\.safetensors broke off/ })
      .waitFor({ timeout: 120_000 });
    const { requests } = server.state;
    await new Promise((done) => setTimeout(done, 3000));
    assert.equal(server.state.requests, requests, "it is asked no more");
  });
  await asked({ knowsRanges: false, short: -100 }, async (page) => {
    await fetched(page);
    await page
      .getByRole("alert")
      .filter({ hasText: /more comes than/ })
      .waitFor({ timeout: 60_000 });
  });
});

test("a page in place of an answer is no Hub", async () => {
  await asked({ page: true }, async (page, server) => {
    await agree(page);
    const { host } = new URL(server.address);
    await page
      .getByRole("alert")
      .filter({ hasText: `${host} is no Hub` })
      .waitFor({ timeout: 60_000 });
  });
});

test("a list of files that comes in parts is read to its end, and not elsewhere", async () => {
  await asked({ perPage: 2 }, async (page) => {
    await fetched(page);
    await chip(page, ID).waitFor();
  });
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const circle = (address) => `${address}/api/models/${ID}/tree/${commit}?recursive=true`;
  for (const next of [() => "https://elsewhere.example/api", circle]) {
    const server = lab.closing(await hub(DEMO, ID));
    Object.assign(server.state, { perPage: 2, next: next(server.address) });
    const { page } = await lab.open();
    await page.goto(
      `${lab.host.address}?view=model&${SHORT}&model=${ID}&endpoint=${encodeURIComponent(server.address)}`,
    );
    await agree(page);
    await page
      .getByText(/which is no part of it/)
      .first()
      .waitFor();
  }
});
