// Where a pruned or repaired model, or an adapter, goes: a folder that the user picked, or a zip to download.
import { Zip, ZipPassThrough } from "fflate";
import type { ExportSink } from "../generated/layerlab_web";

/** Writes into a folder of the user's. */
export class FolderSink implements ExportSink {
  readonly #folder: FileSystemDirectoryHandle;
  #file: FileSystemWritableFileStream | undefined;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  async begin(name: string): Promise<void> {
    await this.#file?.close();
    const handle = await this.#folder.getFileHandle(name, { create: true });
    this.#file = await handle.createWritable();
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#file?.write(bytes.slice());
  }

  async finish(): Promise<void> {
    await this.#file?.close();
  }
}

/** Gathers a zip; weights do not compress, so nothing is. */
export class ZipSink implements ExportSink {
  readonly #parts: Blob[] = [];
  readonly #zip: Zip;
  #file: ZipPassThrough | undefined;
  #failed: Error | null = null;

  constructor() {
    this.#zip = new Zip((error, chunk) => {
      this.#failed ??= error;
      // A blob may lie on disk, an array does not.
      if (error === null) this.#parts.push(new Blob([chunk.slice()]));
    });
  }

  async begin(name: string): Promise<void> {
    this.#file?.push(new Uint8Array(), true);
    this.#file = new ZipPassThrough(name);
    this.#zip.add(this.#file);
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#file?.push(bytes);
    if (this.#failed !== null) throw this.#failed;
  }

  finish(): Blob {
    this.#file?.push(new Uint8Array(), true);
    this.#zip.end();
    return new Blob(this.#parts, { type: "application/zip" });
  }
}
