// Models that the browser keeps, in the origin private file system: a folder each, with a manifest that says what belongs
// to it and what of that has been checked.
import type { HubModel, KeptModel } from "./messages";

const MANIFEST = "layerlab.json";

export interface KeptFile {
  path: string;
  size: number;
  /** What the Hub says that its content hashes to; files that it does not keep apart have none. */
  sha256: string | null;
  /** Whether all of it is there and hashes to that. */
  whole: boolean;
}

export interface Manifest extends HubModel {
  commit: string;
  files: KeptFile[];
}

/** What a browser is without that keeps no files. */
const NO_STORAGE =
  "this browser keeps no files for this page, as in a private window, so that nothing can be downloaded from the Hub; a folder " +
  "or a GGUF file can be dropped instead";

async function models(): Promise<FileSystemDirectoryHandle> {
  let root: FileSystemDirectoryHandle;
  try {
    root = await navigator.storage.getDirectory();
  } catch (cause) {
    throw new Error(NO_STORAGE, { cause });
  }
  return root.getDirectoryHandle("models", { create: true });
}

function folderName({ endpoint, id, revision }: HubModel): string {
  return encodeURIComponent(`${endpoint} ${id} ${revision}`);
}

/** The folder of a model, made if there is none. */
export async function folderOf(model: HubModel): Promise<FileSystemDirectoryHandle> {
  return (await models()).getDirectoryHandle(folderName(model), { create: true });
}

/** The folder of a model that the browser has something of. */
export async function keptFolderOf(model: HubModel): Promise<FileSystemDirectoryHandle | undefined> {
  try {
    return await (await models()).getDirectoryHandle(folderName(model));
  } catch {
    return undefined;
  }
}

/** The file that holds `path`. */
export async function fileOf(folder: FileSystemDirectoryHandle, path: string): Promise<FileSystemFileHandle> {
  return folder.getFileHandle(encodeURIComponent(path), { create: true });
}

export async function readManifest(folder: FileSystemDirectoryHandle): Promise<Manifest | undefined> {
  try {
    const file = await (await folder.getFileHandle(MANIFEST)).getFile();
    return JSON.parse(await file.text()) as Manifest;
  } catch {
    // None yet, or broken off while it was written: what it says is found out again.
    return undefined;
  }
}

export async function writeManifest(folder: FileSystemDirectoryHandle, manifest: Manifest): Promise<void> {
  const handle = await folder.getFileHandle(MANIFEST, { create: true });
  const writable = await handle.createWritable();
  await writable.write(JSON.stringify(manifest));
  await writable.close();
}

/** Every kept model; null where the browser keeps none. */
export async function keptModels(): Promise<KeptModel[] | null> {
  const kept: KeptModel[] = [];
  const folder = await models().catch(() => null);
  if (folder === null) return null;
  for await (const handle of folder.values()) {
    if (handle.kind !== "directory") continue;
    const manifest = await readManifest(handle);
    if (manifest === undefined) continue;
    const sizes = manifest.files.map(async ({ path }) => {
      return (await (await fileOf(handle, path)).getFile()).size;
    });
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    const total = manifest.files.reduce((sum, file) => sum + file.size, 0);
    const { id, revision, endpoint, commit } = manifest;
    kept.push({ id, revision, endpoint, commit, bytes, total });
  }
  return kept.sort((one, other) => one.id.localeCompare(other.id));
}

export async function removeModel(model: HubModel): Promise<void> {
  await (await models()).removeEntry(folderName(model), { recursive: true });
}
