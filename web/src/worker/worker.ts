// The page's worker, which owns the wasm instance and through it the GPU device. The page calls it by src/client.
import { answerCalls } from "./answer";
import { CALLS } from "./calls";
import { LabWorker } from "./lab";
import { restrict } from "./reach";

// A panic ends a task of the module without ending the call that waits for it, so the page is told apart from the calls.
let said = "";
const log = console.error.bind(console);
console.error = (...values: unknown[]) => {
  said = values.map(String).join(" ");
  log(...values);
};
self.addEventListener("error", (event) => {
  self.postMessage({ died: said.split("\n")[0] || event.message });
});

restrict();
answerCalls(CALLS, new LabWorker());
