// What a model will take is said before it is downloaded, and nothing but headers and small files is fetched for it.
import assert from "node:assert/strict";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { launch, open as openPage, ready, scored } from "./browser.mjs";
import { hub } from "./server.mjs";
import { DEMO, GGUF, ROOT, agree, assertLooks, chip, download, native, site, visits } from "./support.mjs";

const SHORT = "sequences=2&length=32&items=1";
const ID = "someone/demo";
const WEIGHTS = "model.safetensors";
const lab = visits();

function panel(page) {
  return page.getByTestId("before");
}

function address(server, id = ID, device = "cpu") {
  const endpoint = encodeURIComponent(server.address);
  return `${lab.host.address}?view=model&device=${device}&${SHORT}&model=${id}&endpoint=${endpoint}`;
}

/** As the page writes bytes. */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

/** Bytes of the header of a safetensors file, its length included. */
async function headerOf(file) {
  return 8 + Number((await readFile(file)).readBigUInt64LE());
}

/** A model of one layer whose weights are a hole in its file: larger than a machine of a test's could hold. */
async function hollow(folder, { vocabulary, hidden, dtype, bytes }) {
  const inner = 64;
  const matrix = (outputs, inputs) => [outputs, inputs];
  const layer = (name) => `model.layers.0.${name}.weight`;
  const shapes = {
    "model.embed_tokens.weight": matrix(vocabulary, hidden),
    "model.norm.weight": [hidden],
    [layer("input_layernorm")]: [hidden],
    [layer("post_attention_layernorm")]: [hidden],
    ...Object.fromEntries(["q", "k", "v", "o"].map((one) => [layer(`self_attn.${one}_proj`), matrix(hidden, hidden)])),
    [layer("mlp.gate_proj")]: matrix(inner, hidden),
    [layer("mlp.up_proj")]: matrix(inner, hidden),
    [layer("mlp.down_proj")]: matrix(hidden, inner),
  };
  let end = 0;
  const header = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const start = end;
    end += bytes * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await open(join(folder, WEIGHTS), "w");
  await file.write(Buffer.concat([length, text]));
  await file.truncate(8 + text.length + end);
  await file.close();
  const config = JSON.parse(await readFile(join(DEMO, "config.json"), "utf8"));
  const sizes = { vocab_size: vocabulary, hidden_size: hidden, intermediate_size: inner, num_hidden_layers: 1 };
  const heads = { num_attention_heads: 1, num_key_value_heads: 1, head_dim: hidden };
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, ...sizes, ...heads }));
  await writeFile(join(folder, "tokenizer.json"), await readFile(join(DEMO, "tokenizer.json")));
  return 8 + text.length;
}

/** What a server was asked of files of weights: parts of the header and nothing else. */
function assertHeadersOnly({ state }, header, weights = WEIGHTS) {
  assert.deepEqual(state.files, [], "no whole file was fetched");
  const parts = state.parts.filter(({ file }) => file === weights);
  const read = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  assert.equal(read, header, JSON.stringify(parts));
}

test("before the click nothing but headers and small files is fetched; then the model opens", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  const { page, errors } = await lab.open();
  await page.goto(address(server));
  await agree(page);
  await panel(page).waitFor({ timeout: 60_000 });
  assertHeadersOnly(server, await headerOf(join(DEMO, WEIGHTS)));
  const kept = () => page.getByRole("listitem").filter({ hasText: ID }).count();
  assert.equal(await kept(), 0, "nothing is kept of a model that was only looked at");

  // What it says is what the command says.
  const { needs } = native("info", "--model", DEMO);
  const said = await panel(page).innerText();
  for (const part of [
    `Open ${ID}?`,
    "llama, 6 layers",
    `${megabytes(needs.files)} in 4 files`,
    `weights ${megabytes(needs.stored.weights)}`,
    `tokenizer ${megabytes(needs.stored.tokenizer)}`,
    `a pass ${megabytes(needs.stored.activations)}`,
    "it has room for",
    "On the CPU, as chosen",
  ]) {
    assert.ok(said.includes(part), `“${part}” is not in: ${said}`);
  }
  assert.ok(!said.includes("On the GPU"), "there is none");
  await assertLooks(page, "the panel before a download");
  await download(page);
  await chip(page, ID).waitFor({ timeout: 60_000 });
  await ready(page);
  assert.equal(await panel(page).count(), 0);
  assert.ok(server.state.files.includes(WEIGHTS));
  assert.deepEqual(errors, []);
});

test("whoever cancels keeps the model that is open, or gets Atlas", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  const { page } = await lab.open();
  await page.goto(address(server));
  await agree(page);
  await panel(page).getByRole("button", { name: "Cancel" }).click({ timeout: 60_000 });
  await chip(page, "atlas").waitFor({ timeout: 60_000 });
  await scored(page);
  assert.ok(!page.url().includes("model="));

  // The same by hand; the scores of Atlas stay.
  await page.getByLabel("model id").fill(ID);
  await page.getByRole("button", { name: "Get and open" }).click();
  await panel(page).getByRole("button", { name: "Cancel" }).click();
  await panel(page).waitFor({ state: "detached" });
  await chip(page, "atlas").waitFor();
  assert.ok(!page.url().includes("model="));
  const scores = await page.evaluate(() => performance.getEntriesByName("layerlab:all-scores").length);
  assert.equal(scores, 1, "nothing was scored again");
  assertHeadersOnly(server, 2 * (await headerOf(join(DEMO, WEIGHTS))));
});

test("another model that is chosen meanwhile takes the place of the one that is asked about", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  const { page } = await lab.open();
  await page.goto(address(server));
  await agree(page);
  await panel(page).waitFor({ timeout: 60_000 });
  await page.getByTestId("files").setInputFiles([GGUF]);
  await chip(page, "demo.gguf").waitFor({ timeout: 60_000 });
  await ready(page);
  assert.equal(await panel(page).count(), 0);
  assert.deepEqual(server.state.files, []);
});

test("of a GGUF file the beginning is read", async () => {
  const folder = join(ROOT, "tests/goldens/gguf");
  const server = lab.closing(await hub(folder, ID));
  const { page } = await lab.open();
  await page.goto(address(server, `${ID}:demo.gguf`));
  await agree(page);
  await panel(page).filter({ hasText: "as F32, Q8_0" }).waitFor({ timeout: 60_000 });
  assert.deepEqual(server.state.files, []);
  const { needs } = native("info", "--model", GGUF);
  await panel(page)
    .filter({ hasText: `weights ${megabytes(needs.stored.weights)}` })
    .waitFor();
  // Headers are read 64 KiB at a time.
  assert.deepEqual(
    server.state.parts.map(({ from, bytes }) => [from, bytes]),
    [[0, 1 << 16]],
  );
});

test("a server without ranges gives the list, and memory is an estimate by file size", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  server.state.knowsRanges = false;
  const { page } = await lab.open();
  await page.goto(address(server));
  await agree(page);
  await panel(page).filter({ hasText: "an estimate by file size" }).waitFor({ timeout: 60_000 });
  assert.ok(!server.state.files.includes("tokenizer.json"));
  await download(page);
  await chip(page, ID).waitFor({ timeout: 60_000 });
});

test("weights that are not as long as the list says are refused by their header", async () => {
  const server = lab.closing(await hub(DEMO, ID));
  server.state.short = -100;
  const { page } = await lab.open();
  await page.goto(address(server));
  await agree(page);
  await page.getByRole("alert").filter({ hasText: WEIGHTS }).waitFor({ timeout: 60_000 });
  assertHeadersOnly(server, await headerOf(join(DEMO, WEIGHTS)));
  await page.getByRole("alert").getByRole("button", { name: "Back to Atlas" }).click();
  await chip(page, "atlas").waitFor({ timeout: 60_000 });
});

test("what the browser says it has no room for is refused", async () => {
  const line = "navigator.storage.estimate = async () => ({ quota: 100_000, usage: 0 });";
  const small = lab.closing(await site({ workerLine: line }));
  const server = lab.closing(await hub(DEMO, ID));
  const { page } = await lab.open();
  await page.goto(address(server).replace(lab.host.address, small.address));
  await agree(page);
  const refused = panel(page).getByRole("alert");
  await refused.filter({ hasText: "The browser has room for 0.1 MB more of this page" }).waitFor({ timeout: 60_000 });
  await refused.filter({ hasText: "Delete a kept model" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Download and open" }).count(), 0);
  assertHeadersOnly(server, await headerOf(join(DEMO, WEIGHTS)));
});

test("what no browser's memory holds is refused with a cure, from the Hub and from files", async () => {
  const folder = await lab.folder();
  const header = await hollow(folder, { vocabulary: 2 ** 19, hidden: 2 ** 12, dtype: "F32", bytes: 4 });
  const server = lab.closing(await hub(folder, ID));
  const { page } = await lab.open();
  await page.goto(address(server));
  await agree(page);
  const refused = panel(page).getByRole("alert");
  await refused.filter({ hasText: "a browser gives WebAssembly 4.3 GB at most" }).waitFor({ timeout: 60_000 });
  await refused.filter({ hasText: "a GGUF file of it with fewer bits a weight" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Download and open" }).count(), 0);
  assertHeadersOnly(server, header);
  await panel(page).getByRole("button", { name: "Leave it" }).click();
  await chip(page, "atlas").waitFor({ timeout: 60_000 });
  await scored(page);

  const files = ["config.json", "tokenizer.json", WEIGHTS].map((name) => join(folder, name));
  await page.getByTestId("files").setInputFiles(files);
  await panel(page).filter({ hasText: "This model cannot be opened here" }).waitFor({ timeout: 60_000 });
  await panel(page).filter({ hasText: "nothing: its" }).waitFor();
  await panel(page).getByRole("button", { name: "Leave it" }).click();
  await chip(page, "atlas").waitFor();
});

test("a tensor that no buffer of the GPU holds is refused, and the CPU is one click away", async () => {
  const folder = await lab.folder();
  const header = await hollow(folder, { vocabulary: 2 ** 19, hidden: 2 ** 10, dtype: "F32", bytes: 4 });
  const server = lab.closing(await hub(folder, ID));
  const browser = lab.closing(await launch({ gpu: true }));
  const { page } = await openPage(browser);
  await page.goto(address(server, ID, "gpu"));
  await agree(page);
  const refused = panel(page).getByRole("alert");
  await refused
    .filter({ hasText: "model.embed_tokens.weight takes 2.1 GB there in one piece" })
    .waitFor({ timeout: 240_000 });
  await panel(page).filter({ hasText: "On the GPU, as chosen" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Download and open" }).count(), 0);
  await panel(page).getByRole("button", { name: "Use the CPU" }).click();
  await panel(page).filter({ hasText: "On the CPU, as chosen" }).waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Download and open" }).waitFor();
  assertHeadersOnly(server, header);
});

test("verified models fill the field, and nothing is fetched", async () => {
  const { page } = await lab.open();
  const elsewhere = [];
  page.context().on("request", (request) => {
    if (!request.url().startsWith(lab.host.address)) elsewhere.push(request.url());
  });
  await page.goto(`${lab.host.address}?view=model&device=cpu&${SHORT}`);
  await scored(page);
  await page.getByText("Verified models").click();
  const entries = JSON.parse(await readFile(join(ROOT, "web/src/catalogue.json"), "utf8"));
  const { requests } = lab.host.state;
  const before = requests.length;
  for (const { name, id } of entries) {
    await page.getByTestId("catalogue").getByRole("button", { name, exact: true }).click();
    assert.equal(await page.getByLabel("model id").inputValue(), id);
  }
  await new Promise((done) => setTimeout(done, 500));
  assert.equal(requests.length, before);
  assert.deepEqual(elsewhere, []);
  assert.equal(await panel(page).count(), 0);
  await assertLooks(page, "verified models");
});

test("every verified model says on which file, when and by what figure", async () => {
  const entries = JSON.parse(await readFile(join(ROOT, "web/src/catalogue.json"), "utf8"));
  assert.equal(new Set(entries.map(({ id }) => id)).size, entries.length);
  for (const entry of entries) {
    const { name, id, types, licence, licence_from, bytes, memory, verified } = entry;
    for (const text of [name, types, licence, licence_from, verified.file, verified.text]) {
      assert.equal(typeof text, "string", name);
      assert.notEqual(text.trim(), "", name);
    }
    assert.match(id, /^[\w.-]+\/[\w.-]+(:[\w./-]+\.gguf)?$/, name);
    assert.match(verified.sha256, /^[0-9a-f]{64}$/, name);
    assert.match(verified.date, /^\d{4}-\d\d-\d\d$/, name);
    assert.ok(new Date(verified.date) <= new Date(), name);
    assert.ok(Number.isSafeInteger(bytes) && bytes > 0, name);
    assert.ok(memory.cpu > bytes && memory.f32 > memory.cpu, name);
    assert.ok(Number.isSafeInteger(verified.tokens) && verified.tokens > 0, name);
    // Verified means that both have found the same.
    const off = Math.abs(verified.perplexity / verified.transformers - 1);
    assert.ok(off < 1e-4, `${name}: ${off}`);
  }
});
