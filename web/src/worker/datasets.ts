// The user's datasets: files of any kind, and those of the Hugging Face Hub. What the lab does not read itself, Parquet,
// is handed to it as JSON lines.
import { gunzipSync } from "fflate";
import { decompress } from "fzstd";
import type { Compressors } from "hyparquet";
import { Session } from "../generated/layerlab_web";
import type { NamedText } from "../generated/types";
import { asked } from "./hub";
import type { DatasetSource, Download } from "./messages";

/** The branch in which the Hub keeps every dataset as Parquet files. */
const PARQUET = "refs%2Fconvert%2Fparquet";
const MAGIC = "PAR1";
const ATTEMPTS = 5;

/** What Hub files are packed with besides Snappy, which the reader knows. */
const COMPRESSORS: Compressors = {
  GZIP: (packed) => gunzipSync(packed),
  ZSTD: (packed) => decompress(packed),
};

/** A dataset as the lab reads it. */
export async function datasetText(
  source: DatasetSource,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<NamedText> {
  if (source.kind === "hub") return hubText(source.id.trim(), source.endpoint, show, signal);
  const { name, blob } = source;
  const isParquet = name.toLowerCase().endsWith(".parquet") || (await blob.slice(0, 4).text()) === MAGIC;
  return { name, contents: isParquet ? await jsonLines(name, await blob.arrayBuffer()) : await blob.text() };
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
  const { sha, siblings } = (await info.json()) as { sha: string; siblings: { rfilename: string }[] };
  const { name, files } = Session.chosenSplit(id, siblings.map(({ rfilename }) => rfilename));
  const lines: string[] = [];
  for (const file of files) {
    const place = `${endpoint}/datasets/${repository}/resolve/${sha}/${file}`;
    lines.push(await jsonLines(name, await download(place, file, show, signal)));
  }
  return { name, contents: lines.join("\n") };
}

/** One file, taken up where it broke off. */
async function download(
  address: string,
  file: string,
  show: (download: Download) => void,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  let [chunks, bytes, resumed]: [Uint8Array<ArrayBuffer>[], number, number] = [[], 0, 0];
  for (let failed = 0; ; ) {
    const before = bytes;
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
        if (done) return new Blob(chunks).arrayBuffer();
        chunks.push(value);
        bytes += value.length;
        show({ stage: "downloading", file, bytes, total, resumed });
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // A connection that brought something on is not a failed one.
      failed = bytes > before ? 0 : failed + 1;
      if (failed >= ATTEMPTS) throw new Error(`${file} broke off ${ATTEMPTS} times; try again later`);
      resumed += 1;
      await new Promise((done) => setTimeout(done, 250 * 2 ** failed));
    }
  }
}

/** The rows of a Parquet file. Its reader is fetched with the first. */
async function jsonLines(name: string, bytes: ArrayBuffer): Promise<string> {
  const { parquetReadObjects } = await import("hyparquet");
  let rows: Record<string, unknown>[];
  try {
    const file = { byteLength: bytes.byteLength, slice: (from: number, to?: number) => bytes.slice(from, to) };
    rows = await parquetReadObjects({ file, compressors: COMPRESSORS });
  } catch (error) {
    throw new Error(`${name} is not a whole Parquet file: ${error instanceof Error ? error.message : String(error)}`);
  }
  return rows.map((row) => JSON.stringify(row, plain)).join("\n");
}

/** Whole numbers of 64 bits as JSON has them. */
function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
