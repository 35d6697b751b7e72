// Datasets of the visitor's own: picked, and from a server that speaks the Hub's paths.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { datasetHub } from "./server.mjs";
import { ROOT, visits } from "./support.mjs";

const SHORT = "device=cpu&sequences=2&length=32";
const ID = "someone/questions";
const SAMPLES = join(ROOT, "crates/data/tests/data");
const sample = (name) => join(SAMPLES, name);
const lab = visits();

/** What the page says of a dataset. */
async function said(page, name) {
  const article = page.getByTestId("dataset").filter({ hasText: name });
  await article.locator("dl").waitFor({ timeout: 30_000 });
  const text = await article.innerText();
  return text
    .replace(name, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

test("Parquet gives the items of the same dataset in its other forms", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}&items=100000&removed=5`);
  await scored(page);
  for (const [parquet, other] of [
    ["nq_open.parquet", "nq_open.jsonl"],
    ["truthfulqa_multiple_choice.parquet", "truthfulqa.csv"],
    ["wikiqa.parquet", "wikiqa.tsv"],
  ]) {
    await page.getByTestId("datasets").setInputFiles([sample(parquet), sample(other)]);
    const [one, two] = [await said(page, parquet), await said(page, other)];
    const first = (lines) => lines.find((line) => line.startsWith("The first"));
    assert.equal(one[0], two[0], "as many questions");
    assert.ok(first(one) !== undefined);
    assert.equal(first(one), first(two));
    await page.getByRole("button", { name: "Bundled tasks" }).click();
    await page.getByTestId("dataset").first().waitFor({ state: "detached" });
  }
  const lines = { name: "lines.jsonl", mimeType: "", buffer: await readFile(sample("sciq.jsonl")) };
  await page.getByTestId("datasets").setInputFiles([sample("sciq.parquet")]);
  const one = await said(page, "sciq.parquet");
  await page.getByTestId("datasets").setInputFiles([lines]);
  assert.deepEqual(one, await said(page, "lines.jsonl"));
  assert.ok(one.join(" ").includes("distractor1 + distractor2 + distractor3"), one.join(" "));
  // All items, not the first alone: a model answers both alike.
  await page.getByRole("link", { name: "Prune" }).click();
  await page.getByRole("button", { name: "See what that costs" }).click();
  const rows = (name) => page.getByTestId("kept").getByRole("row").filter({ hasText: name });
  await rows("lines").first().waitFor({ timeout: 120_000 });
  const figures = async (name) => (await rows(name).allInnerTexts()).map((text) => text.replace(name, ""));
  assert.ok((await rows("sciq").count()) > 0);
  assert.deepEqual(await figures("sciq"), await figures("lines"));
  assert.deepEqual(errors, []);
});

test("every way of packing Parquet is read, and a broken file is refused", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  // Packed by zstd, by gzip.
  await page
    .getByTestId("datasets")
    .setInputFiles([sample("triviaqa.parquet"), sample("truthfulqa_generation.parquet")]);
  assert.match((await said(page, "triviaqa.parquet")).join(" "), /2 questions .* answer.value \+ answer.aliases/);
  assert.match((await said(page, "truthfulqa_generation.parquet")).join(" "), /2 questions .* best best_answer/);
  const broken = { name: "broken.parquet", mimeType: "", buffer: Buffer.from("PAR1 and no more") };
  await page.getByTestId("datasets").setInputFiles([broken]);
  await page.getByRole("alert").filter({ hasText: "broken.parquet is not a whole Parquet file" }).waitFor();
  assert.equal(await page.getByTestId("dataset").count(), 2, "what was there stays");
});

const REPORTED = join(ROOT, "tests/reported");
const reported = (name) => join(REPORTED, name);

test("situation 23: Parquet is read by every codec, and texts of it must be UTF-8", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  for (const codec of ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]) {
    await page.getByTestId("datasets").setInputFiles([reported(`23-parquet-compressions/${codec}.parquet`)]);
    const lines = (await said(page, `${codec}.parquet`)).join(" ");
    assert.match(lines, /2 questions .* answer answer .*right: the keeper \| keeper/, codec);
  }
  // By its content, whatever it is called.
  const buffer = await readFile(reported("23-parquet-compressions/squad.parquet"));
  await page.getByTestId("datasets").setInputFiles([{ name: "squad.bin", mimeType: "", buffer }]);
  assert.match((await said(page, "squad.bin.parquet")).join(" "), /2 questions .* answers\.text/);
  assert.deepEqual(errors, []);
});

test("situations 07, 21, 22 and 25 are read as the command reads them", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  for (const [file, expected] of [
    ["07-numbered-keys/arc-no-4.jsonl", /4 questions .* key answerKey .*right: iron, wrong: gold/],
    ["07-numbered-keys/letters.jsonl", /3 questions .* key_letter answer .*right: O, wrong: B/],
    ["21-list-written-as-text/python-list.csv", /2 questions .*right: the keeper \| keeper/],
    ["21-list-written-as-text/json-list.tsv", /2 questions .*right: the keeper \| keeper/],
    ["22-text-encodings/utf16.csv", /1 questions .*right: the keeper/],
    ["22-text-encodings/semicolons.csv", /2 questions .*right: the keeper/],
    ["25-numbers-as-answers/int.jsonl", /2 questions .*right: 42/],
  ]) {
    await page.getByTestId("datasets").setInputFiles([reported(file)]);
    assert.match((await said(page, file.split("/")[1])).join(" "), expected, file);
  }
  const refused = async (file, expected) => {
    const before = await page.getByTestId("dataset").count();
    await page.getByTestId("datasets").setInputFiles([file]);
    await page.getByRole("alert").filter({ hasText: expected }).waitFor();
    return before;
  };
  await refused(reported("07-numbered-keys/letters2.jsonl"), /key_text and key_letter/);
  await refused(reported("22-text-encodings/surrogate.jsonl"), /line 2.*half a surrogate pair/);
  const latin = { name: "latin1.csv", mimeType: "", buffer: Buffer.from("question,answer\nWho?,caf\xe9\n", "latin1") };
  const before = await refused(latin, /latin1\.csv is not UTF-8: byte 24, on line 2/);
  assert.equal(await page.getByTestId("dataset").count(), before, "what is no text is no dataset");
  const pointer = {
    name: "set.parquet",
    mimeType: "",
    buffer: Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
  };
  await refused(pointer, /set\.parquet is a Git LFS pointer/);
});

test("records that cannot be read are named, or passed over and counted", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const good = '{"question": "Who?", "answer": "Ada", "source": "s"}';
  const buffer = Buffer.from(`${good}\n{\n${good}\n`);
  await page.getByTestId("datasets").setInputFiles([{ name: "some.jsonl", mimeType: "", buffer }]);
  const article = page.getByTestId("dataset").filter({ hasText: "some.jsonl" });
  await article.getByRole("alert").filter({ hasText: "line 2" }).waitFor();
  await article.getByLabel("go on without records that cannot be read").check();
  const lines = (await said(page, "some.jsonl")).join(" ");
  assert.match(lines, /2 questions, 1 records passed over/);
  assert.match(lines, /not used source/);
});

test("a calibration text is read in its encoding, and what is no text is refused by name", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const pick = (name, buffer) =>
    page.getByLabel("or a text file").setInputFiles([{ name, mimeType: "text/plain", buffer }]);
  const text = await readFile(reported("22-text-encodings/text.txt"));
  for (const [name, buffer, expected] of [
    [
      "weights.txt",
      Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{"a":{}}')]),
      "weights.txt is weights as safetensors",
    ],
    ["paper.txt", Buffer.from("%PDF-1.7"), "paper.txt is PDF"],
    ["latin1.txt", await readFile(reported("22-text-encodings/latin1.txt")), "latin1.txt is not UTF-8"],
  ]) {
    await pick(name, buffer);
    await page.getByText(expected).waitFor();
  }
  const statistics = async (name, buffer) => {
    await pick(name, buffer);
    await page.getByText(`scored on ${name}`).waitFor();
    await ready(page);
    await page.getByRole("link", { name: "Layers" }).click();
    await page.getByText(`${name}: `).waitFor({ timeout: 60_000 });
    const told = (
      await page
        .locator("p", { hasText: `${name}: ` })
        .first()
        .innerText()
    ).replace(name, "");
    await page.getByRole("link", { name: "Model" }).click();
    return told;
  };
  const plain = await statistics("plain.txt", text);
  assert.match(plain, /64 tokens of (about )?[0-9,]+ in 2 sequences of/);
  assert.equal(await statistics("bom.txt", await readFile(reported("22-text-encodings/bom.txt"))), plain);
});

test("fields of an unknown form are named by hand", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  const buffer = Buffer.from(
    '{"q": "Who?", "gold": "Ada", "bad": "Bob"}\n{"q": "Where?", "gold": "Here", "bad": "There"}',
  );
  await page.getByTestId("datasets").setInputFiles([{ name: "own.jsonl", mimeType: "", buffer }]);
  const article = page.getByTestId("dataset").filter({ hasText: "own.jsonl" });
  await article
    .getByRole("alert")
    .filter({ hasText: /q, gold, bad is of no known kind/ })
    .waitFor();
  await article.getByLabel("read by other fields").fill("question=q,answer=gold,wrong=bad");
  await article.getByLabel("read by other fields").press("Enter");
  const lines = (await said(page, "own.jsonl")).join(" ");
  assert.match(lines, /2 questions/);
  assert.match(lines, /“Who\?”, right: Ada, wrong: Bob/);
});

test("a Hub id is looked up, its part chosen, and taken up where it broke off", async () => {
  const server = lab.closing(
    await datasetHub(
      ID,
      {
        "default/test/0000.parquet": sample("nq_open.parquet"),
        "default/validation/0000.parquet": sample("sciq.parquet"),
        "default/validation/0001.parquet": sample("sciq.parquet"),
        "other/train/0000.parquet": sample("wikiqa.parquet"),
      },
      { breaks: 2 },
    ),
  );
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}&endpoint=${encodeURIComponent(server.address)}`);
  await scored(page);
  const get = async (id) => {
    await page.getByLabel("or one from the Hub").fill(id);
    await page.getByRole("button", { name: "Get dataset" }).click();
  };
  await get(ID);
  // The address names the server, so the visitor is asked first.
  const question = page.getByTestId("consent").filter({ hasText: server.address });
  await question.getByRole("button", { name: /^Ask / }).click();
  await page
    .getByRole("alert")
    .filter({ hasText: `${ID}:default, ${ID}:other` })
    .waitFor();
  await get(`${ID}:default`);
  const lines = (await said(page, `${ID}:default@validation`)).join(" ");
  assert.match(lines, /6 questions .* SciQ/);
  assert.deepEqual(server.state.ranges, [1000, 2000]);
  await get("someone/nothing");
  await page.getByRole("alert").filter({ hasText: "no public dataset someone/nothing" }).waitFor();
});
