// Other workers with the same model, so that all of the processor works: WebAssembly has threads only on hosts that send
// headers which most do not.
import { type Call, Caller } from "../client/caller";
import { plainFailure } from "../client/failure";
import type { Helpers } from "../generated/layerlab_web";
import type { Failure } from "../generated/types";
import type { BlobFiles } from "./files";
import type { HelperPlan } from "./messages";

/** More would be more copies of the model than they are worth. */
const MOST = 8;
/** Bytes that all helpers together may take. */
const ROOM = 2 ** 30;
/** Bytes that a session takes beside its weights. */
const BESIDE = 2 ** 26;

interface Job {
  /** The call that it is a part of. */
  call: number;
  share: Uint8Array;
  resolve: (answer: Uint8Array) => void;
  reject: (failure: unknown) => void;
}

/** As many helpers as the processor has threads and memory may have room for; none where one alone would help. */
export function helpersFor(
  files: BlobFiles,
  module: WebAssembly.Module,
  most: number | undefined,
): HelperPool | undefined {
  const { count } = helperPlan(files.weightBytes(), most);
  return count === 0 ? undefined : new HelperPool(count, files, module);
}

/** The helpers of a model of so many bytes of weights, which stay as they are stored. */
export function helperPlan(weightBytes: number, chosen?: number): HelperPlan {
  const most = chosen ?? Math.min(navigator.hardwareConcurrency, MOST);
  const room = Math.floor(ROOM / (weightBytes + BESIDE));
  const count = Math.min(most, room);
  return {
    count: count < 2 ? 0 : count,
    limit: room < most ? "memory" : chosen === undefined ? "processor" : "chosen",
  };
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

  share(call: number, share: Uint8Array): Promise<Uint8Array> {
    this.#started ??= Array.from({ length: this.count }, () => this.#start());
    return new Promise((resolve, reject) => {
      this.#jobs.push({ call, share, resolve, reject });
      this.#deal();
    });
  }

  /** Asks those who do shares of a call to stop; what waits of it is not begun. */
  cancel(call: number): void {
    this.#refuse({ kind: "cancelled", message: "stopped" }, (job) => job.call === call);
    for (const helper of this.#started ?? []) helper.cancel(call);
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
      job.resolve(await helper.share(job));
    } catch (thrown) {
      job.reject(plainFailure(thrown));
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

  #refuse(failure: Failure, isMeant: (job: Job) => boolean = () => true): void {
    const refused = this.#jobs.filter(isMeant);
    this.#jobs = this.#jobs.filter((job) => !refused.includes(job));
    for (const job of refused) job.reject(failure);
  }
}

class Helper {
  readonly #caller = new Caller(new Worker(self.location.href, { type: "module", name: "helper" }));
  /** The share that it does, and of which call. */
  #doing: { call: number; share: Call<"share"> } | undefined;

  get lives(): boolean {
    return this.#caller.lives;
  }

  async start(module: WebAssembly.Module, files: BlobFiles): Promise<void> {
    await this.#caller.call("start", ["cpu", module]).answer;
    await this.#caller.call("load", [{ kind: "files", ...files.given() }, 1]).answer;
  }

  async share(job: Job): Promise<Uint8Array> {
    const share = this.#caller.call("share", [job.share]);
    this.#doing = { call: job.call, share };
    try {
      return (await share.answer).found;
    } finally {
      this.#doing = undefined;
    }
  }

  cancel(call: number): void {
    if (this.#doing?.call === call) this.#doing.share.cancel();
  }

  /** Bytes of wasm memory; none where it is no more. */
  async memory(): Promise<number> {
    const memory = this.#caller.call("memory", []).answer;
    return memory.then(({ found }) => found).catch(() => 0);
  }

  end(): void {
    this.#caller.end();
  }
}
