// Models from the Hugging Face Hub: streamed into the origin private file system, taken up again where they broke off.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { BlobFiles } from "./files";
import type { Download, HubModel } from "./messages";
import { type KeptFile, fileOf, folderOf, readManifest, writeManifest } from "./store";

/** What a model needs to run here. */
const WANTED = /^(config|adapter_config|generation_config|tokenizer|tokenizer_config|special_tokens_map|model\.safetensors\.index)\.json$|^[^/]+\.safetensors$/;
const ATTEMPTS = 5;
const MAKE_ROOM = "delete a kept model, or drop a folder, which is not copied";

interface TreeEntry {
  type: string;
  path: string;
  size: number;
  lfs?: { oid: string; size: number };
}

/** Downloads what is missing of a model and gives all of it. */
export async function hubFiles(
  model: HubModel,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<BlobFiles> {
  const folder = await folderOf(model);
  const known = await readManifest(folder);
  const manifest = known?.files.every((file) => file.whole) ? known : await listed(model, signal);
  if (known !== undefined && known.commit === manifest.commit) {
    for (const file of manifest.files) {
      file.whole = known.files.find(({ path }) => path === file.path)?.whole ?? false;
    }
  }
  await writeManifest(folder, manifest);
  const total = manifest.files.reduce((sum, file) => sum + file.size, 0);
  await roomFor(folder, manifest.files);

  const files = new Map<string, Blob>();
  let [before, resumed] = [0, 0];
  for (const file of manifest.files) {
    const handle = await fileOf(folder, file.path);
    if (!file.whole) {
      const place = `${model.endpoint}/${model.id}/resolve/${manifest.commit}/${file.path}`;
      await download(place, handle, file, signal, (bytes, again) => {
        resumed += again;
        show({ stage: "downloading", file: file.path, bytes: before + bytes, total, resumed });
      });
      file.whole = true;
      await writeManifest(folder, manifest);
    }
    before += file.size;
    files.set(file.path, await handle.getFile());
  }
  return new BlobFiles(model.id, files);
}

/** What the repository holds at the revision. */
async function listed(model: HubModel, signal: AbortSignal) {
  const { endpoint, id, revision } = model;
  const info = await asked(`${endpoint}/api/models/${id}/revision/${revision}`, `model ${id}`, signal);
  const { sha } = (await info.json()) as { sha: string };
  const tree = await asked(`${endpoint}/api/models/${id}/tree/${sha}`, `model ${id}`, signal);
  const entries = (await tree.json()) as TreeEntry[];
  const wanted = entries.filter((entry) => entry.type === "file" && WANTED.test(entry.path));
  const files: KeptFile[] = wanted.map(({ path, size, lfs }) => {
    return { path, size: lfs?.size ?? size, sha256: lfs?.oid ?? null, whole: false };
  });
  if (!files.some((file) => file.path.endsWith(".safetensors"))) {
    throw new Error(`${id} has no weights as safetensors, the only form that is read here`);
  }
  return { ...model, commit: sha, files };
}

/** What a server says of `what`, a model or a dataset. */
export async function asked(address: string, what: string, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Error(`${new URL(address).host} cannot be reached: is there a network?`);
  }
  if (response.status === 401 || response.status === 403 || response.status === 404) {
    throw new Error(`there is no public ${what} (the server says ${response.status})`);
  }
  if (!response.ok) throw new Error(`${address}: the server says ${response.status}`);
  return response;
}

/** Refuses before anything is downloaded for which there is no room. */
async function roomFor(folder: FileSystemDirectoryHandle, files: KeptFile[]): Promise<void> {
  const missing = files.map(async (file) => {
    return file.size - (await (await fileOf(folder, file.path)).getFile()).size;
  });
  const needs = (await Promise.all(missing)).reduce((sum, size) => sum + Math.max(size, 0), 0);
  const { quota, usage } = await navigator.storage.estimate();
  if (quota === undefined || usage === undefined || needs <= quota - usage) return;
  const [wants, offers] = [megabytes(needs), megabytes(quota - usage)];
  throw new Error(
    `the browser has room for ${offers} MB more of this page, and the model needs ${wants}; ${MAKE_ROOM}`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Streams one file, from where it broke off; `shown` hears of its bytes and of every new attempt. */
async function download(
  address: string,
  handle: FileSystemFileHandle,
  file: KeptFile,
  signal: AbortSignal,
  shown: (bytes: number, again: number) => void,
): Promise<void> {
  const access = await handle.createSyncAccessHandle();
  try {
    // More than there should be is another file's.
    if (access.getSize() > file.size) access.truncate(0);
    let failed = 0;
    while (access.getSize() < file.size) {
      signal.throwIfAborted();
      const there = access.getSize();
      try {
        await stream(address, access, signal, (bytes) => shown(bytes, 0));
      } catch (error) {
        if (signal.aborted) throw error;
        if (isFull(error)) {
          const [kept, size] = [megabytes(access.getSize()), megabytes(file.size)];
          throw new Error(`the browser has no room for more than ${kept} MB of the ${size} MB of ${file.path}; ${MAKE_ROOM}`);
        }
        // A connection that brought something on is not a failed one.
        failed = access.getSize() > there ? 0 : failed + 1;
        if (failed >= ATTEMPTS) {
          throw new Error(`${file.path} broke off ${ATTEMPTS} times; what is there is kept, try again later`);
        }
        await new Promise((done) => setTimeout(done, 250 * 2 ** failed));
        shown(access.getSize(), 1);
      }
    }
    check(access, file);
  } finally {
    access.close();
  }
}

async function stream(
  address: string,
  access: FileSystemSyncAccessHandle,
  signal: AbortSignal,
  shown: (bytes: number) => void,
): Promise<void> {
  const from = access.getSize();
  const headers = from > 0 ? { Range: `bytes=${from}-` } : undefined;
  const response = await fetch(address, { signal, ...(headers && { headers }) });
  if (!response.ok) throw new Error(`${address}: the server says ${response.status}`);
  // A server that does not know ranges sends everything again.
  let at = response.status === 206 ? from : 0;
  if (at === 0) access.truncate(0);
  const reader = (response.body ?? new Blob().stream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (access.write(value, { at }) !== value.length) {
      throw new DOMException("no room is left for the model", "QuotaExceededError");
    }
    at += value.length;
    shown(at);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}

/** Compares what was written with what the Hub says it is. */
function check(access: FileSystemSyncAccessHandle, file: KeptFile): void {
  if (file.sha256 === null) return;
  const hash = sha256.create();
  const chunk = new Uint8Array(1 << 20);
  for (let at = 0; at < file.size; at += chunk.length) {
    const read = access.read(chunk, { at });
    hash.update(chunk.subarray(0, read));
  }
  if (bytesToHex(hash.digest()) !== file.sha256) {
    access.truncate(0);
    throw new Error(`${file.path} is not what the Hub says it is, and was thrown away; try again`);
  }
}
