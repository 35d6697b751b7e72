// Layers repaired in the page: to the end, stopped in the middle, rolled back, and on a GPU that the processor imitates.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, ready, scored } from "./browser.mjs";
import { assertLooks, downloaded, native, report, required, visits } from "./support.mjs";

const { unzipSync } = required("fflate");
const SHORT = "view=repair&sequences=2&length=32";
/** A few minutes on one core: the last two layers, and few questions. */
const BRIEF = `${SHORT}&device=cpu&items=24&layers=2&batch=4`;
const TOLERANCE = 1e-3;
const lab = visits();

async function begin(page, address) {
  await page.goto(`${lab.host.address}?${address}`);
  await scored(page);
  await page.getByRole("button", { name: "Repair", exact: true }).click();
}

async function finished(page, timeout = 480_000) {
  await page.getByTestId("answers").waitFor({ timeout });
  await ready(page);
}

/** The report of the repair that the page made. */
async function repairReport(page) {
  await page.getByRole("link", { name: "Report" }).click();
  await page.getByLabel("report of").selectOption({ label: "Repair" });
  const found = await report(page);
  await page.getByRole("link", { name: "Repair" }).click();
  return found;
}

/** Names and shapes of a safetensors file. */
function shapes(bytes) {
  const length = Number(Buffer.from(bytes).readBigUInt64LE(0));
  const header = JSON.parse(Buffer.from(bytes).toString("utf8", 8, 8 + length));
  delete header.__metadata__;
  const sizes = Object.values(header).map(({ data_offsets: [from, to] }) => to - from);
  assert.equal(8 + length + sizes.reduce((sum, size) => sum + size, 0), bytes.length);
  return header;
}

test("200 steps on the last layers: losses as the command's, judged, answered, and taken away", async () => {
  const { page, errors } = await lab.open();
  await begin(page, `${BRIEF}&choice=last&steps=200&rate=0.001&patience=100`);
  await page
    .getByTestId("last-step")
    .filter({ hasText: /step [2-9]\d of 200/ })
    .waitFor({ timeout: 240_000 });
  // Drawn as they come.
  assert.ok((await page.getByTestId("training").locator("svg").count()) === 3);
  await finished(page);
  assert.equal(await page.getByTestId("ending").getAttribute("data-ending"), "finished");
  await assertLooks(page, "repaired");

  const live = await repairReport(page);
  const [run] = live.repair.runs;
  assert.deepEqual(run.layers, [10, 11]);
  assert.equal(run.training.steps.length, 200);
  assert.ok(run.training.steps.every(({ loss, margin }) => Number.isFinite(loss) && Number.isFinite(margin)));
  const [first] = run.training.checks;
  const best = run.training.checks[run.training.best];
  assert.ok(best.accuracy > first.accuracy, `${best.accuracy} after ${best.step} steps, ${first.accuracy} before`);
  assert.ok(run.training.checks.every(({ perplexity }) => perplexity <= first.perplexity * 1.02));

  // The command draws the same examples in the same order.
  const work = await lab.folder();
  const same = ["--device", "cpu", "--items", "24", "--resamples", "300", "--layers", "last", "--count", "2"];
  const recipe = ["--steps", "200", "--pairs", "4", "--learning-rate", "0.001", "--work", work];
  const command = native("repair", ...same, ...recipe);
  const [other] = command.repair.runs;
  assert.deepEqual(live.repair.split, command.repair.split);
  for (const step of other.training.steps.slice(0, 20)) {
    const { loss } = run.training.steps[step.step];
    assert.ok(
      Math.abs(loss - step.loss) <= TOLERANCE * Math.abs(step.loss),
      `step ${step.step}: ${loss} against ${step.loss}`,
    );
  }
  for (const [index, task] of command.evaluation.entries()) {
    for (const [which, { metric, value }] of task.metrics.entries()) {
      const found = live.evaluation[index].metrics[which];
      assert.equal(found.metric, metric);
      assert.ok(
        Math.abs(found.value - value) <= TOLERANCE * Math.max(Math.abs(value), 1),
        `${task.dataset}, ${metric}`,
      );
    }
  }

  // Before and after, with intervals.
  for (const metric of ["mc1", "mc2", "wrong_answer", "perplexity"]) {
    const change = page.locator(`[data-testid="judgement"] tr[data-metric="${metric}"] td`).first();
    assert.match(await change.innerText(), /\[.+, .+\]/, metric);
  }
  assert.ok((await page.getByTestId("answers").locator("tbody tr").count()) >= 3);

  const zip = unzipSync(
    await downloaded(page, () => page.getByRole("button", { name: "Download the adapter" }).click()),
  );
  assert.deepEqual(Object.keys(zip).sort(), ["adapter_config.json", "adapter_model.safetensors"]);
  const config = JSON.parse(Buffer.from(zip["adapter_config.json"]).toString());
  assert.equal(config.peft_type, "LORA");
  assert.equal(config.r, 8);
  assert.equal(config.target_modules.length, 2 * 7);
  const tensors = shapes(zip["adapter_model.safetensors"]);
  assert.equal(Object.keys(tensors).length, 2 * 2 * 7);
  const { shape: down } = tensors["base_model.model.model.layers.11.mlp.up_proj.lora_A.weight"];
  const { shape: up } = tensors["base_model.model.model.layers.11.mlp.up_proj.lora_B.weight"];
  assert.deepEqual(
    [down, up],
    [
      [8, live.model.hidden_size],
      [live.model.inner_size, 8],
    ],
  );
  await page.evaluate(() => delete window.showDirectoryPicker);
  const merged = unzipSync(
    await downloaded(page, () => page.getByRole("button", { name: "Save the repaired model" }).click()),
  );
  assert.ok(Object.keys(shapes(merged["model.safetensors"])).length > 100);

  // The address leads back to the same choices, and the command's report opens here.
  assert.match(page.url(), /layers=2.*rate=0.001/);
  await page.getByRole("link", { name: "Report" }).click();
  const buffer = Buffer.from(JSON.stringify(command));
  await page.getByTestId("open-report").setInputFiles({ name: "repaired.json", mimeType: "application/json", buffer });
  await page.getByTestId("repaired-origin").filter({ hasText: "from a file" }).waitFor();
  assert.deepEqual(errors, []);
});

test("a training that is stopped in its middle is judged with what it has", async () => {
  const { page } = await lab.open();
  // Far more than it comes to while the page is looked at.
  await begin(page, `${BRIEF}&choice=given&given=11&steps=5000&patience=1000&rate=0.001`);
  await page
    .getByTestId("last-step")
    .filter({ hasText: /step ([3-9]|\d\d+) of 5000/ })
    .waitFor({ timeout: 240_000 });
  await page.getByRole("button", { name: "Stop, keep the best" }).click();
  await finished(page);
  assert.equal(await page.getByTestId("ending").getAttribute("data-ending"), "stopped");
  assert.match(await page.getByTestId("ending").innerText(), /Stopped by you after \d+ steps/);
  const live = await repairReport(page);
  const { steps, checks } = live.repair.runs[0].training;
  assert.ok(steps.length < 5000, `${steps.length} steps`);
  assert.equal(checks.at(-1).step, steps.length, "what it had learnt was checked");
  assert.ok(live.repair.runs[0].tasks.length > 0);
});

test("a learning rate that diverges is rolled back, and the page says so", async () => {
  const { page } = await lab.open();
  await begin(page, `${BRIEF}&choice=given&given=11&steps=40&rate=1e30`);
  await finished(page);
  assert.match(await page.getByTestId("ending").innerText(), /Rolled back to the model as it was: nothing is changed/);
  const live = await repairReport(page);
  const [run] = live.repair.runs;
  assert.ok(["diverged", "guard"].includes(run.training.ending));
  assert.ok(run.pooled.every(({ difference }) => difference === 0));
});

/** Few and short. The split follows from the questions: four teach, two validate, two are judged on. */
const PAIRS = [0, 1, 2, 3, 5, 6, 8, 12].map((number) => ({
  question: `What is ${number}?`,
  right_answer: `a bird ${number}`,
  hallucinated_answer: "a stone",
}));

test("three steps on an imitated GPU lose what they lose on the CPU", async () => {
  const losses = {};
  for (const device of ["cpu", "gpu"]) {
    const own = lab.closing(await launch({ gpu: device === "gpu" }));
    const { page, errors } = await open(own);
    await page.goto(
      `${lab.host.address}?${SHORT}&items=100&neutral=900&choice=given&given=11&steps=3&batch=2&device=${device}`,
    );
    await scored(page);
    const buffer = Buffer.from(PAIRS.map((pair) => JSON.stringify(pair)).join("\n"));
    await page.getByTestId("datasets").setInputFiles({ name: "few.jsonl", mimeType: "application/jsonl", buffer });
    await page.getByTestId("dataset").filter({ hasText: "8 questions" }).waitFor();
    await ready(page);
    await page.getByRole("button", { name: "Repair", exact: true }).click();
    await finished(page);
    const live = await repairReport(page);
    assert.equal(live.device.kind, device === "gpu" ? "software_gpu" : "cpu");
    losses[device] = live.repair.runs[0].training.steps.map(({ loss }) => loss);
    assert.deepEqual(errors, []);
  }
  assert.equal(losses.cpu.length, 3);
  for (const [step, loss] of losses.gpu.entries()) {
    assert.ok(
      Math.abs(loss - losses.cpu[step]) <= TOLERANCE * Math.abs(losses.cpu[step]),
      `step ${step}: ${loss} against ${losses.cpu[step]}`,
    );
  }
});
