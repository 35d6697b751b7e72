// The user's datasets: files of any kind, and those of the Hugging Face Hub. What the lab does not read itself, Parquet,
// is handed to it as JSON lines.
import { Session } from "../generated/layerlab_web";
import type { NamedText } from "../generated/types";
import { answered, asked, commitOf, inAddress } from "./hub";
import type { DatasetSource, Download } from "./messages";

/** The branch in which the Hub keeps every dataset as Parquet files. */
const PARQUET = "refs%2Fconvert%2Fparquet";
const MAGIC = [...new TextEncoder().encode("PAR1")];
const ATTEMPTS = 5;

/** A dataset as the lab reads it. */
export async function datasetText(
  source: DatasetSource,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<NamedText> {
  if (source.kind === "hub") return hubText(source.id.trim(), source.endpoint, show, signal);
  const { name, blob } = source;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const isNamedParquet = name.toLowerCase().endsWith(".parquet");
  if (MAGIC.every((byte, place) => bytes[place] === byte)) {
    // The name says how a dataset is read: what was Parquet is JSON lines now.
    return { name: isNamedParquet ? name : `${name}.parquet`, contents: await jsonLines(name, bytes.buffer) };
  }
  // What it is instead is told, if it can be: a Git LFS pointer, perhaps.
  const contents = Session.textOf(name, bytes);
  if (isNamedParquet) throw new Error(`${name} is not a whole Parquet file: it does not begin as one`);
  return { name, contents };
}

async function hubText(
  id: string,
  endpoint: string,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<NamedText> {
  const repository = id.split(/[:@]/, 1)[0] ?? id;
  const listing = `${endpoint}/api/datasets/${repository}/revision/${PARQUET}`;
  const info = await asked(listing, `dataset ${repository} with Parquet files`, signal);
  const sha = await commitOf(info.clone());
  const { siblings } = await answered(info, isListing);
  const { name, files } = Session.chosenSplit(
    id,
    siblings.map(({ rfilename }) => rfilename),
  );
  const lines: string[] = [];
  for (const file of files) {
    const place = `${endpoint}/datasets/${repository}/resolve/${sha}/${inAddress(file)}`;
    lines.push(await jsonLines(name, await download(place, file, show, signal)));
  }
  return { name, contents: lines.join("\n") };
}

function isListing(value: unknown): value is { siblings: { rfilename: string }[] } {
  const isFile = (file: { rfilename?: unknown } | null): boolean => typeof file?.rfilename === "string";
  const { siblings } = (value ?? {}) as { siblings?: unknown };
  return Array.isArray(siblings) && siblings.every(isFile);
}

/** One file, taken up where it broke off. */
async function download(
  address: string,
  file: string,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  let [chunks, bytes, resumed]: [Uint8Array<ArrayBuffer>[], number, number] = [[], 0, 0];
  let farthest = 0;
  for (let failed = 0; ;) {
    try {
      const headers = bytes > 0 ? { Range: `bytes=${bytes}-` } : undefined;
      const response = await fetch(address, { signal, ...(headers && { headers }) });
      if (!response.ok) throw new Error(`${address}: the server says ${response.status}`);
      // A server that does not know ranges sends everything again.
      if (response.status !== 206) [chunks, bytes] = [[], 0];
      const total = bytes + Number(response.headers.get("Content-Length"));
      const reader = (response.body ?? new Blob().stream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return await new Blob(chunks).arrayBuffer();
        chunks.push(value);
        bytes += value.length;
        show({ stage: "downloading", file, bytes, total, resumed });
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // A connection that brought more than there ever was is not a failed one.
      failed = bytes > farthest ? 0 : failed + 1;
      farthest = Math.max(farthest, bytes);
      if (failed >= ATTEMPTS) throw new Error(`${file} broke off ${ATTEMPTS} times; try again later`);
      resumed += 1;
      await new Promise((done) => setTimeout(done, 250 * 2 ** failed));
    }
  }
}

/** Texts of Parquet are UTF-8; a byte that is not is no reason to make up a character. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The rows of a Parquet file, however it is packed. Its readers are fetched with the first. */
async function jsonLines(name: string, bytes: ArrayBuffer): Promise<string> {
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import("hyparquet"),
    import("hyparquet-compressors"),
  ]);
  const parsers = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && UTF8.decode(bytes) };
  let rows: Record<string, unknown>[];
  try {
    const file = { byteLength: bytes.byteLength, slice: (from: number, to?: number) => bytes.slice(from, to) };
    rows = await parquetReadObjects({ file, compressors, parsers });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const codec = /unsupported compression codec: (\w+)/.exec(message)?.[1];
    if (codec !== undefined) throw new Error(`${name} is packed by ${codec}, which is not read`);
    throw new Error(`${name} is not a whole Parquet file: ${message}`);
  }
  return rows.map((row) => JSON.stringify(row, plain)).join("\n");
}

/** Whole numbers of 64 bits as JSON has them; those that JavaScript's numbers cannot tell apart as texts. */
function plain(_: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
