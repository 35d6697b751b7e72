import type { FileSource } from "../generated/layerlab_web";

/** Whether a file holds weights. */
export function isWeights(name: string): boolean {
  return /^[^/]+\.(safetensors|gguf)$/i.test(name);
}

/** Files by their names in the model's folder; only what is asked for is read. */
export class BlobFiles implements FileSource {
  readonly name: string;
  readonly #files: ReadonlyMap<string, Blob>;

  constructor(name: string, files: ReadonlyMap<string, Blob>) {
    this.name = name;
    this.#files = files;
  }

  async size(name: string): Promise<number | undefined> {
    return this.#files.get(name)?.size;
  }

  async read(name: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.#files.get(name);
    if (file === undefined) throw new Error(`there is no ${name}`);
    return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  /** Bytes of the files that hold weights. */
  weightBytes(): number {
    // What lies in folders within is not the model's.
    const weights = [...this.#files].filter(([name]) => isWeights(name));
    return weights.reduce((sum, [, blob]) => sum + blob.size, 0);
  }

  /** The same for another worker, which reads from the same place. */
  given(): { name: string; files: { path: string; blob: Blob }[] } {
    const files = [...this.#files].map(([path, blob]) => ({ path, blob }));
    return { name: this.name, files };
  }
}

/** The files of the bundled model, which lie beside the page. */
export async function bundledFiles(base: string): Promise<BlobFiles> {
  const names = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];
  const fetched = names.map(async (name): Promise<[string, Blob]> => {
    const response = await fetch(new URL(name, base));
    if (!response.ok) throw new Error(`${name} of the bundled model: the server says ${response.status}`);
    return [name, await response.blob()];
  });
  return new BlobFiles("atlas", new Map(await Promise.all(fetched)));
}

/** Dropped or picked files, without the folder that all of them lie in. Checkpoints of a training may lie in folders within. */
export function pickedFiles(name: string, files: { path: string; blob: Blob }[]): BlobFiles {
  const folder = modelFolder(files.map((file) => file.path));
  const inside = files.filter((file) => file.path.startsWith(folder));
  return new BlobFiles(name, new Map(inside.map((file) => [file.path.slice(folder.length), file.blob])));
}

/** The folder of the outermost `config.json`, with a slash at its end; nothing where there is none. */
function modelFolder(paths: string[]): string {
  const configs = paths.filter((path) => /(^|\/)config\.json$/.test(path));
  const depth = (path: string): number => path.split("/").length;
  const outermost = Math.min(...configs.map(depth));
  const folders = configs
    .filter((path) => depth(path) === outermost)
    .map((path) => path.slice(0, -"config.json".length));
  if (folders.length > 1) {
    throw new Error(`there are several models here: ${folders.toSorted().join(", ")}. Choose one of these folders`);
  }
  return folders[0] ?? "";
}
