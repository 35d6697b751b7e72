// Files of a model that still lie on a server, as far as headers are asked of them: parts by HTTP ranges.
import type { FileSource } from "../generated/layerlab_web";

/** A file on the server. */
export interface RemoteFile {
  address: string;
  size: number;
}

/** How often a part is asked for where the connection breaks. */
const ATTEMPTS = 3;
/** Bytes of a file that may be read elsewhere than from its beginning on: a GGUF file's factors of rotary positions. */
const APART = 1 << 16;

/**
 * Reads headers and small files. What lies behind a header is refused: whoever looks at a model has not agreed to download
 * its weights.
 */
export class RemoteFiles implements FileSource {
  readonly name: string;
  readonly #files: ReadonlyMap<string, RemoteFile>;
  readonly #signal: AbortSignal;
  /** How far each file was read from its beginning on. */
  readonly #ends = new Map<string, number>();
  #apart = 0;
  #isWhole = false;

  constructor(name: string, files: ReadonlyMap<string, RemoteFile>, signal: AbortSignal) {
    this.name = name;
    this.#files = files;
    this.#signal = signal;
  }

  /** Whether the server sent a whole file where a part was asked for. */
  get knowsNoRanges(): boolean {
    return this.#isWhole;
  }

  async size(name: string): Promise<number | undefined> {
    return this.#files.get(name)?.size;
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`there is no ${name}`);
    if (length === 0) return new Uint8Array();
    this.#count(name, offset, length);
    for (let attempt = 1; ; attempt += 1) {
      this.#signal.throwIfAborted();
      try {
        return await this.#part(name, file, offset, length);
      } catch (error) {
        if (this.#signal.aborted || this.#isWhole || attempt === ATTEMPTS) throw error;
        await new Promise((done) => setTimeout(done, 250 * 2 ** attempt));
      }
    }
  }

  #count(name: string, offset: number, length: number): void {
    const end = this.#ends.get(name) ?? 0;
    if (offset <= end) {
      this.#ends.set(name, Math.max(end, offset + length));
      return;
    }
    this.#apart += length;
    if (this.#apart > APART) throw new Error(`more than the header of ${name} would have to be read`);
  }

  async #part(name: string, file: RemoteFile, offset: number, length: number): Promise<Uint8Array> {
    const headers = { Range: `bytes=${offset}-${offset + length - 1}` };
    const response = await fetch(file.address, { signal: this.#signal, headers });
    const isPart = response.status === 206;
    if (!isPart && response.ok && (offset > 0 || length < file.size)) {
      this.#isWhole = true;
      await response.body?.cancel();
      throw new Error(`the server sends no parts of ${name}`);
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the server says ${response.status}`);
    }
    // Servers need not let a page see it.
    const range = response.headers.get("Content-Range");
    if (range !== null && !range.startsWith(`bytes ${offset}-`)) {
      await response.body?.cancel();
      throw new Error(`another part of ${name} came: ${range} for one from ${offset} on`);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length !== length) throw new Error(`${bytes.length} bytes came of the ${length} that were asked for`);
    return bytes;
  }
}
