// Layers that carry hallucination: what the page finds equals what the command finds, and is shown with its controls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { assertLooks, native, report, visits } from "./support.mjs";

const SHORT = "view=hallucination&device=cpu&sequences=2&length=32&items=30";
const TOLERANCE = 1e-3;
/** Ends of intervals hang on single resamples, which step over one another. */
const END_TOLERANCE = 1e-2;
const lab = visits();

async function locate(page) {
  await page.getByRole("button", { name: "Locate", exact: true }).click();
  await page.getByTestId("classes").waitFor({ timeout: 240_000 });
  await ready(page);
}

/** Figures of all layers; logarithms and areas differ absolutely, ratios relatively. */
function assertSameLayers(found, expected, what) {
  assert.deepEqual(
    found.map(({ rank }) => rank),
    expected.map(({ rank }) => rank),
    `${what}: ranks`,
  );
  for (const [index, layer] of found.entries()) {
    for (const name of ["hsav", "hss", "ln_eavss", "auroc"]) {
      for (const part of ["value", "low", "high"]) {
        const [ours, theirs] = [layer[name][part], expected[index][name][part]];
        const scale = name === "ln_eavss" || name === "auroc" ? 1 : Math.abs(theirs);
        const tolerance = part === "value" ? TOLERANCE : END_TOLERANCE;
        assert.ok(
          Math.abs(ours - theirs) <= tolerance * scale,
          `${what}, layer ${index}, ${name}.${part}: ${ours} against ${theirs}`,
        );
      }
    }
    assert.equal(layer.distinguishable, expected[index].distinguishable, `${what}, layer ${index}`);
  }
}

test("Atlas is located as the command does it, class by class, with controls; the command's report opens too", async () => {
  const command = native(
    "locate",
    "--device",
    "cpu",
    "--items",
    "30",
    "--resamples",
    "300",
    "--margin-change",
    "always",
  );
  const { page, errors } = await lab.open({ colorScheme: "dark" });
  await page.goto(`${lab.host.address}?${SHORT}`);
  await scored(page);
  await locate(page);
  await assertLooks(page, "located, dark");

  // Classes are kept apart, and the definitions are said to be ours.
  assert.match(await page.getByTestId("definitions").innerText(), /ours/);
  const classes = page.getByTestId("classes").getByRole("rowheader");
  assert.deepEqual(await classes.allInnerTexts(), ["well known", "rare", "never told"]);
  await page.getByLabel("pairs", { exact: true }).selectOption({ label: "never told" });
  assert.match(page.url(), /pairs=atlas/);
  assert.equal(await page.getByTestId("contrasts").locator("tbody tr").count(), 12);

  // What needs no layer, and what leaving each out does: asked for by a click where it was not measured unasked.
  const margin = page.getByTestId("margin");
  assert.match(await margin.getByTestId("controls").innerText(), /answer length alone .* 0\.\d+/);
  const measure = margin.getByRole("button", {
    name: "Measure it without each layer",
  });
  if (await measure.isVisible()) {
    await measure.click();
    await margin.getByText("Rank correlation").waitFor({ timeout: 240_000 });
  }
  assert.match(await margin.innerText(), /Rank correlation with \|ln EAVSS\| [-−]?[01]/);
  await assertLooks(page, "margins, dark");

  // A pair, token by token, follows the layer and the pair.
  const place = page.getByTestId("pair").locator(".place").first();
  await place.waitFor();
  const seen = async () => (await page.getByTestId("pair").locator(".place").allInnerTexts()).join();
  const first = await seen();
  await page.getByRole("button", { name: "look at layer 2", exact: true }).click();
  assert.notEqual(await seen(), first);
  const text = (side) => page.getByTestId("pair").locator(`[data-side="${side}"] .text`).allInnerTexts();
  const factual = (await text("factual")).join("");
  assert.notEqual(factual, (await text("hallucinated")).join(""));
  await page.getByRole("button", { name: "Next", exact: true }).click();
  await page.waitForFunction(
    (old) =>
      [...document.querySelectorAll('[data-side="factual"] .text')].map((one) => one.textContent).join("") !== old,
    factual,
  );
  assert.match(page.url(), /pair=1/);

  await page.getByRole("link", { name: "Report" }).click();
  await page.getByLabel("report of").selectOption({ label: "Hallucination" });
  const live = await report(page);
  assert.equal(live.experiment, "locate");
  const [ours, theirs] = [live.hallucination.datasets, command.hallucination.datasets];
  assert.deepEqual(
    ours.map((one) => [one.dataset, one.pairs, one.sha256]),
    theirs.map((one) => [one.dataset, one.pairs, one.sha256]),
  );
  for (const [index, dataset] of ours.entries()) {
    assert.deepEqual(
      dataset.taps.map(({ tap }) => tap),
      theirs[index].taps.map(({ tap }) => tap),
    );
    for (const [which, tap] of dataset.taps.entries()) {
      const other = theirs[index].taps[which];
      const what = `${dataset.dataset}, ${tap.tap}`;
      assertSameLayers(tap.layers, other.layers, what);
      assert.equal(tap.matched_length?.pairs, other.matched_length?.pairs, what);
      if (tap.matched_length)
        assertSameLayers(tap.matched_length.layers, other.matched_length.layers, `${what}, matched`);
      assert.ok(Math.abs(tap.shuffled.auroc - other.shuffled.auroc) < TOLERANCE, what);
      assertSameLayers(tap.cut, other.cut, `${what}, cut`);
    }
    const [found, expected] = [dataset, theirs[index]].map(({ margins, controls }) => [
      controls.length.value,
      controls.log_probability.value,
      margins.summed.value,
      ...margins.layers.map(({ summed }) => summed.value),
    ]);
    for (const [place, value] of found.entries())
      assert.ok(
        Math.abs(value - expected[place]) < TOLERANCE,
        `${dataset.dataset}, margin ${place}: ${value}, ${expected[place]}`,
      );
  }

  // What the command wrote goes to the view that shows it.
  await page.getByTestId("open-report").setInputFiles({
    name: "located.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(command)),
  });
  await page.getByTestId("located-origin").filter({ hasText: "from a file" }).waitFor();
  assert.equal(await page.getByTestId("contrasts").locator("tbody tr").count(), 12);
  await page.getByRole("button", { name: "Close it" }).click();
  assert.equal(await page.getByTestId("located-origin").getAttribute("data-origin"), "live");
  assert.deepEqual(errors, []);
});

test("pairs of one's own are located on; bad ones are refused with their line", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}`);
  await scored(page);
  const give = (lines) =>
    page.getByTestId("datasets").setInputFiles({
      name: "mine.jsonl",
      mimeType: "application/jsonl",
      buffer: Buffer.from(lines.map((line) => JSON.stringify(line)).join("\n")),
    });
  const pair = (question, right_answer, hallucinated_answer) => ({
    question,
    right_answer,
    hallucinated_answer,
  });
  const good = [
    pair("Who sang?", "the bird", "a stone"),
    pair("What fell?", "rain", "the moon and the stars"),
    pair("Where?", "here", "nowhere"),
  ];
  const refused = async (lines, said) => {
    await give(lines);
    await page.getByTestId("dataset").filter({ hasText: "mine.jsonl" }).waitFor();
    await ready(page);
    await page.getByRole("button", { name: "Locate", exact: true }).click();
    await page.getByRole("alert").filter({ hasText: said }).waitFor({ timeout: 60_000 });
    await page.getByRole("alert").getByRole("button", { name: "Dismiss" }).click();
  };
  // What cannot be read is said at once, and not used.
  await give([good[0], { question: "What?", right_answer: "this" }]);
  await page
    .getByTestId("dataset")
    .getByRole("alert")
    .filter({ hasText: /line 2.*hallucinated_answer/ })
    .waitFor();
  await refused([good[0], pair("What?", "this", "This.")], /line 2.*the same/);
  await refused([good[0]], /at least 2 are needed/);
  await give(good);
  await page.getByTestId("dataset").filter({ hasText: "3 questions" }).waitFor();
  await ready(page);
  await locate(page);
  assert.deepEqual(await page.getByTestId("classes").getByRole("rowheader").allInnerTexts(), ["mine"]);
  await page.getByTestId("pair").locator('[data-side="factual"] .text').first().waitFor();
  assert.equal(
    (await page.getByTestId("pair").locator('[data-side="factual"] .text').allInnerTexts()).join(""),
    " the bird",
  );
});
