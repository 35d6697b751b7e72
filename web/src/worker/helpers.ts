// Other workers with the same model, so that all of the processor works: WebAssembly has threads only on hosts that send
// headers which most do not.
import * as Comlink from "comlink";
import type { Helpers } from "../generated/layerlab_web";
import type { Failure } from "../generated/types";
import { death } from "./death";
import type { BlobFiles } from "./files";
import type { LabWorker } from "./worker";

/** More would be more copies of the model than they are worth. */
const MOST = 8;
/** Bytes that all helpers together may take. */
const ROOM = 2 ** 30;
/** Bytes that a session takes beside its weights. */
const BESIDE = 2 ** 26;

interface Job {
  share: Uint8Array;
  resolve: (answer: Uint8Array) => void;
  reject: (failure: unknown) => void;
}

/** As many helpers as the processor has threads and memory may have room for; none where one alone would help. */
export function helpersFor(
  files: BlobFiles,
  module: WebAssembly.Module,
  most = Math.min(navigator.hardwareConcurrency, MOST),
): HelperPool | undefined {
  // Weights are computed with as f32, and may be stored in half of that.
  const each = 2 * files.weightBytes() + BESIDE;
  const count = Math.min(most, Math.floor(ROOM / each));
  return count < 2 ? undefined : new HelperPool(count, files, module);
}

/** Helpers start when there is something to do for them. */
export class HelperPool implements Helpers {
  readonly count: number;
  readonly #files: BlobFiles;
  readonly #module: WebAssembly.Module;
  #started: Helper[] | undefined;
  #free: Helper[] = [];
  #jobs: Job[] = [];

  constructor(count: number, files: BlobFiles, module: WebAssembly.Module) {
    this.count = count;
    this.#files = files;
    this.#module = module;
  }

  share(share: Uint8Array): Promise<Uint8Array> {
    this.#started ??= Array.from({ length: this.count }, () => this.#start());
    return new Promise((resolve, reject) => {
      this.#jobs.push({ share, resolve, reject });
      this.#deal();
    });
  }

  /** Asks all to stop; what waits is not begun. */
  cancel(): void {
    this.#refuse({ kind: "cancelled", message: "stopped" });
    for (const helper of this.#started ?? []) helper.cancel();
  }

  /** Bytes of wasm memory of all. */
  async memory(): Promise<number> {
    const sizes = await Promise.all((this.#started ?? []).map((helper) => helper.memory()));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Ends all; whoever still waits for a share hears of it. */
  end(): void {
    this.#refuse({ kind: "cancelled", message: "stopped" });
    for (const helper of this.#started ?? []) helper.end();
    this.#started = [];
    this.#free = [];
  }

  #start(): Helper {
    const helper = new Helper();
    const [ready, lost] = [() => this.#release(helper), () => this.#lose(helper)];
    helper.start(this.#module, this.#files).then(ready, lost);
    return helper;
  }

  #deal(): void {
    // Whoever asked does the work.
    if (this.#started?.length === 0) this.#refuse({ kind: "device", message: "no helper is left" });
    for (;;) {
      const [helper, job] = [this.#free[0], this.#jobs[0]];
      if (helper === undefined || job === undefined) break;
      this.#free.shift();
      this.#jobs.shift();
      void this.#do(helper, job);
    }
  }

  async #do(helper: Helper, job: Job): Promise<void> {
    try {
      job.resolve(await helper.share(job.share));
    } catch (failure) {
      job.reject(failure);
    }
    if (helper.lives) this.#release(helper);
    else this.#lose(helper);
  }

  #release(helper: Helper): void {
    if (!helper.lives) return;
    this.#free.push(helper);
    this.#deal();
  }

  /** Goes on without it. */
  #lose(helper: Helper): void {
    helper.end();
    this.#started = this.#started?.filter((other) => other !== helper);
    this.#deal();
  }

  #refuse(failure: Failure): void {
    for (const job of this.#jobs.splice(0)) job.reject(failure);
  }
}

class Helper {
  lives = true;
  readonly #worker = new Worker(self.location.href, { type: "module", name: "helper" });
  readonly #remote = Comlink.wrap<LabWorker>(this.#worker);
  readonly #death: Promise<never>;
  #die: (why: string) => void = () => undefined;

  constructor() {
    // A worker that is terminated says nothing: `end` does.
    const ended = new Promise<string>((resolve) => (this.#die = resolve));
    this.#death = Promise.race([death(this.#worker), ended]).then((why) => {
      this.lives = false;
      throw new Error(why);
    });
    // Whoever waits for something hears of it.
    this.#death.catch(() => undefined);
  }

  async start(module: WebAssembly.Module, files: BlobFiles): Promise<void> {
    await this.#alive(this.#remote.start("cpu", module));
    const silent = Comlink.proxy(() => undefined);
    await this.#alive(this.#remote.load({ kind: "files", ...files.given() }, 1, silent));
  }

  share(share: Uint8Array): Promise<Uint8Array> {
    return this.#alive(this.#remote.share(Comlink.transfer(share, [share.buffer])));
  }

  cancel(): void {
    void this.#remote.cancel();
  }

  /** Bytes of wasm memory; none where it is no more. */
  memory(): Promise<number> {
    return this.#alive(this.#remote.memory()).catch(() => 0);
  }

  end(): void {
    this.lives = false;
    this.#worker.terminate();
    this.#die("the helper was ended");
  }

  #alive<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#death]);
  }
}
