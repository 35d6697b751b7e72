import { Caller } from "./caller";

/** A lab of its own: one worker, hence one device. */
export function newLab(): Caller {
  return new Caller(new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" }));
}
