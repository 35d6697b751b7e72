// Models from the Hugging Face Hub: streamed into the origin private file system, taken up again where they broke off.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { BlobFiles } from "./files";
import type { Download, HubModel } from "./messages";
import { type KeptFile, type Manifest, fileOf, folderOf, readManifest, writeManifest } from "./store";

/** What a model needs to run here. */
const WANTED =
  /^((config|adapter_config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|model\.safetensors\.index)\.json|chat_template\.jinja|\w[\w.-]*\.safetensors)$/;
/** What is read where there is no tokenizer.json. */
const VOCABULARY = /^(vocab\.json|merges\.txt)$/;
const ID = /^\w[\w.-]*(\/\w[\w.-]*)?$/;
/** A part of a split GGUF file: what its name begins with, how many there are, and how it ends. */
const PART = /^(.*)-\d{5}-of-(\d{5})(\.gguf)$/i;
const ATTEMPTS = 5;
const MAKE_ROOM = "delete a kept model, or drop a folder, which is not copied";

interface TreeEntry {
  type: string;
  path: string;
  size: number;
  lfs?: { oid: string; size: number };
}

/** What was last listed of each model that was looked at: what is downloaded then is what was shown. */
const looked = new Map<string, Manifest>();

/** What there is of a model on its server, or here where all of it is. */
export async function manifestOf(model: HubModel, known: Manifest | undefined, signal: AbortSignal): Promise<Manifest> {
  if (known?.files.every((file) => file.whole)) return known;
  const manifest = await listed(model, signal);
  looked.set(keyOf(model), manifest);
  return manifest;
}

/** Where a file of a model lies on its server. */
export function placeOf({ endpoint, id, commit }: Manifest, path: string): string {
  return `${endpoint}/${named(id).repository}/resolve/${commit}/${inAddress(path)}`;
}

function keyOf({ endpoint, id, revision }: HubModel): string {
  return `${endpoint} ${id} ${revision}`;
}

/** Downloads what is missing of a model and gives all of it. */
export async function hubFiles(
  model: HubModel,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<BlobFiles> {
  const folder = await folderOf(model);
  const known = await readManifest(folder);
  const manifest = looked.get(keyOf(model)) ?? (await manifestOf(model, known, signal));
  looked.delete(keyOf(model));
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
      await download(placeOf(manifest, file.path), handle, file, signal, (bytes, again) => {
        resumed += again;
        show({ stage: "downloading", file: file.path, bytes: before + bytes, total, resumed });
      });
      file.whole = true;
      await writeManifest(folder, manifest);
    }
    before += file.size;
    files.set(baseName(file.path), await handle.getFile());
  }
  return new BlobFiles(model.id, files);
}

/** The repository that an id names and, after a colon, the GGUF file of it that is meant. */
function named(id: string): { repository: string; gguf: string | undefined } {
  const [repository = "", ...file] = id.split(":");
  return { repository, gguf: file.length === 0 ? undefined : file.join(":") };
}

/** A GGUF file, or all parts of one that is split. */
function partsOf(gguf: string): string[] {
  const [, stem, count, end] = PART.exec(gguf) ?? [];
  if (stem === undefined || count === undefined || end === undefined) return [gguf];
  return Array.from(
    { length: Number(count) },
    (_, part) => `${stem}-${String(part + 1).padStart(5, "0")}-of-${count}${end}`,
  );
}

/** What the repository holds at the revision. */
async function listed(model: HubModel, signal: AbortSignal): Promise<Manifest> {
  const { endpoint, id, revision } = model;
  const { repository, gguf } = named(id);
  if (!ID.test(repository) || (gguf !== undefined && !isGguf(gguf))) {
    throw new Error(`“${id}” is no model id such as owner/name or owner/name:file.gguf`);
  }
  const place = `${endpoint}/api/models/${repository}`;
  const info = await asked(`${place}/revision/${revision}`, `model ${repository}`, signal);
  const sha = await commitOf(info);
  // Files of different size often lie in folders.
  const entries = await treeOf(`${place}/tree/${sha}?recursive=true`, `model ${repository}`, signal);
  if (gguf !== undefined)
    return { ...model, commit: sha, files: partsOf(gguf).map((part) => needed(entries, part, repository)) };
  const isThere = (path: string): boolean => entries.some((entry) => entry.path === path);
  const isWanted = ({ type, path }: TreeEntry): boolean =>
    type === "file" && (WANTED.test(path) || (VOCABULARY.test(path) && !isThere("tokenizer.json")));
  const wanted = entries.filter(isWanted);
  const files = wanted.map(asKept);
  if (!files.some((file) => file.path.endsWith(".safetensors"))) {
    const other = entries.find(({ path }) => isGguf(path));
    const hint = other === undefined ? "nor a GGUF file" : `but GGUF files: name one, such as ${id}:${other.path}`;
    throw new Error(`${id} has no weights as safetensors, ${hint}`);
  }
  return { ...model, commit: sha, files };
}

/** All that is listed. A Hub hands it out by the thousand, and says in a header where it goes on. */
async function treeOf(address: string, what: string, signal: AbortSignal): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const seen = new Set<string>();
  for (let next = address; ;) {
    seen.add(next);
    const part: Response = await asked(next, what, signal);
    entries.push(...(await answered(part, isTree)));
    const [, on] = /<([^>]*)>\s*;\s*rel="?next"?/.exec(part.headers.get("Link") ?? "") ?? [];
    if (on === undefined) return entries;
    next = new URL(on, next).href;
    const isElsewhere = new URL(next).origin !== new URL(address).origin;
    if (isElsewhere || seen.has(next))
      throw new Error(`the list of files of ${what} goes on at ${next}, which is no part of it`);
  }
}

function asKept({ path, size, lfs }: TreeEntry): KeptFile {
  return { path, size: lfs?.size ?? size, sha256: lfs?.oid ?? null, whole: false };
}

/** A file that the repository must have. */
function needed(entries: TreeEntry[], path: string, repository: string): KeptFile {
  const entry = entries.find((entry) => entry.type === "file" && entry.path === path);
  if (entry === undefined) throw new Error(`${repository} has no file ${path}`);
  return asKept(entry);
}

function isGguf(path: string): boolean {
  return path.toLowerCase().endsWith(".gguf");
}

/** A file's name without the folders that it lies in. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isTree(value: unknown): value is TreeEntry[] {
  const isEntry = (entry: Partial<TreeEntry> | null): boolean =>
    typeof entry?.path === "string" && isSize(entry.size) && (entry.lfs === undefined || isSize(entry.lfs.size));
  return Array.isArray(value) && value.every(isEntry);
}

/** The commit that a listing is of; a part of every later address. */
export async function commitOf(response: Response): Promise<string> {
  const isListing = (value: unknown): value is { sha: string } =>
    typeof value === "object" && value !== null && "sha" in value && /^\w+$/.test(String(value.sha));
  return (await answered(response, isListing)).sha;
}

/** What a server answered as JSON, if it is what a Hub answers. */
export async function answered<T>(response: Response, is: (value: unknown) => value is T): Promise<T> {
  let value: unknown;
  try {
    value = await response.clone().json();
  } catch {
    // A page, perhaps; said below.
  }
  if (is(value)) return value;
  const { host } = new URL(response.url);
  throw new Error(
    `${host} is no Hub: it answers with something else; is the endpoint right, and is there no page to sign in at between?`,
  );
}

/** A file's path as a part of an address; one that leads elsewhere is refused. */
export function inAddress(path: string): string {
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || /[\\:\p{Cc}]/u.test(path)) {
    throw new Error(`the server names a file ${JSON.stringify(path)}, which would not lie in its folder`);
  }
  return parts.map(encodeURIComponent).join("/");
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
  const access = await handle.createSyncAccessHandle().catch((cause: unknown) => {
    // One tab writes a file at a time.
    const isTaken = cause instanceof DOMException && cause.name === "NoModificationAllowedError";
    throw isTaken
      ? new Error(`another tab is downloading ${file.path}; open the model here when it has ended`, { cause })
      : cause;
  });
  try {
    // More than there should be is another file's.
    if (access.getSize() > file.size) access.truncate(0);
    let [failed, farthest] = [0, access.getSize()];
    while (access.getSize() < file.size) {
      signal.throwIfAborted();
      try {
        await stream(address, access, file.size, signal, (bytes) => shown(bytes, 0));
      } catch (error) {
        if (signal.aborted) throw error;
        if (isFull(error)) {
          const [kept, size] = [megabytes(access.getSize()), megabytes(file.size)];
          throw new Error(
            `the browser has no room for more than ${kept} MB of the ${size} MB of ${file.path}; ${MAKE_ROOM}`,
          );
        }
        if (error instanceof WrongLength) throw error;
        // A connection that brought more than there ever was is not a failed one: a server that does not know ranges begins
        // anew every time.
        failed = access.getSize() > farthest ? 0 : failed + 1;
        farthest = Math.max(farthest, access.getSize());
        if (failed >= ATTEMPTS) {
          const why = error instanceof Error ? error.message : String(error);
          throw new Error(`${file.path} broke off ${ATTEMPTS} times (${why}); what is there is kept, try again later`);
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

/** More came than the server had said. */
class WrongLength extends Error {}

async function stream(
  address: string,
  access: FileSystemSyncAccessHandle,
  size: number,
  signal: AbortSignal,
  shown: (bytes: number) => void,
): Promise<void> {
  const from = access.getSize();
  const headers = from > 0 ? { Range: `bytes=${from}-` } : undefined;
  const response = await fetch(address, { signal, ...(headers && { headers }) });
  if (!response.ok) throw new Error(`the server says ${response.status}`);
  const range = /^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "");
  if (response.status === 206 && range !== null && Number(range[1]) !== from) {
    throw new Error("the server sends another part than was asked for");
  }
  // A server that does not know ranges sends everything again.
  let at = response.status === 206 ? from : 0;
  if (at === 0) access.truncate(0);
  const reader = (response.body ?? new Blob().stream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > size) {
      await reader.cancel();
      access.truncate(0);
      throw new WrongLength(`${address}: more comes than the ${size} bytes that the server had announced`);
    }
    if (access.write(value, { at }) !== value.length) {
      throw new DOMException("no room is left for the model", "QuotaExceededError");
    }
    at += value.length;
    shown(at);
  }
  if (at < size) throw new Error(`${at} bytes came of the ${size} that the server had announced`);
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
