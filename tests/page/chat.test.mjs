// Models asked in conversations, by their own chat templates.
import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { hub } from "./server.mjs";
import { DEMO, ROOT, agree, assertLooks, chip, download, filesOf, native, visits } from "./support.mjs";

const SHORT = "device=cpu&sequences=2&length=32&items=2";
const PROMPT = "Who is it?";
const SYSTEM = "Be brief.";
const ASKED = `prompt=${encodeURIComponent(PROMPT)}&chat=true&system=${encodeURIComponent(SYSTEM)}`;
const lab = visits();

/** The demo model with a chat template. */
const folder = await mkdtemp(join(tmpdir(), "layerlab-chat-"));
await cp(DEMO, folder, { recursive: true });
await cp(join(ROOT, "tests/goldens/chat/bars.jinja"), join(folder, "chat_template.jinja"));
after(() => rm(folder, { recursive: true }));

/** What the command answers. */
function answer(...more) {
  const asked = ["generate", "--model", folder, "--device", "cpu", "--prompt", PROMPT, "--max-new-tokens", "48"];
  return native(...asked, ...more).text;
}

/** The switch. */
function chat(page) {
  return page.getByRole("checkbox", { name: "ask as chat" });
}

/** A page with Atlas. */
async function opened(query) {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}&${query}`);
  await scored(page);
  return { page, errors };
}

/** Takes the chat model in place of it. */
async function pick(page, view) {
  await page.getByRole("link", { name: "Model" }).click();
  await page.getByTestId("files").setInputFiles(await filesOf(folder));
  await chip(page, "picked files").waitFor();
  await ready(page);
  await page.getByRole("link", { name: view }).click();
}

test("the answer in a conversation is the command's, and another than that to plain text", async () => {
  const { page, errors } = await opened(`view=model&${ASKED}`);
  await pick(page, "Model");
  const said = page.getByTestId("generated");
  const generate = page.getByRole("button", { name: "Generate" });
  assert.ok(await chat(page).isChecked());
  assert.equal(await page.getByLabel("what the system says first").inputValue(), SYSTEM);
  await generate.click();
  await page.getByText(/always the likeliest token/).waitFor();
  const inChat = answer("--chat", "--system", SYSTEM);
  assert.equal(await said.evaluate((element) => element.textContent), inChat);
  await assertLooks(page, "asking as chat");
  // What was said belongs to the question that was asked so.
  await chat(page).uncheck();
  assert.equal(await said.innerText(), PROMPT);
  await generate.click();
  await page.getByText(/always the likeliest token/).waitFor();
  const plain = answer();
  assert.notEqual(plain, inChat);
  assert.equal(await said.evaluate((element) => element.textContent), PROMPT + plain);
  assert.deepEqual(errors, []);
});

test("a model without a template is asked as plain text, and the page says why", async () => {
  const { page } = await opened(`view=model&${ASKED}`);
  assert.ok(await chat(page).isDisabled());
  assert.match(await page.getByTestId("chat-problem").innerText(), /no chat template/);
  await page.getByRole("button", { name: "Generate" }).click();
  await page.getByText(/always the likeliest token/).waitFor();
  assert.ok((await page.getByTestId("generated").innerText()).startsWith(PROMPT));
});

test("what was judged in conversations is not shown for plain text", async () => {
  const { page } = await opened(`view=prune&${ASKED}`);
  await pick(page, "Prune");
  await page.getByRole("button", { name: /^block 4\b/ }).click();
  await page.getByRole("button", { name: "See what that costs" }).click();
  const kept = page.getByTestId("kept");
  await kept.waitFor({ timeout: 240_000 });
  await chat(page).uncheck();
  await kept.waitFor({ state: "detached" });
  await chat(page).check();
  await kept.waitFor();
});

test("the template comes with a model of the Hub", async () => {
  const server = lab.closing(await hub(folder, "someone/chat"));
  const { page } = await lab.open();
  const endpoint = encodeURIComponent(server.address);
  await page.goto(`${lab.host.address}?view=model&${SHORT}&${ASKED}&model=someone/chat&endpoint=${endpoint}`);
  await agree(page);
  await download(page);
  await chip(page, "someone/chat").waitFor();
  await ready(page);
  assert.ok(await chat(page).isEnabled());
  assert.equal(await page.getByTestId("chat-problem").count(), 0);
});
