import type { DataReport, DeviceReport, Estimate, TaskResult } from "../generated/types";

/** A number with three to four digits that matter. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return "∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2);
  return size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

/** A number with its interval, marked where that is rough. */
export function withInterval(
  value: number | null | undefined,
  low: number | null | undefined,
  high: number | null | undefined,
  rough = false,
): string {
  if (low === null || low === undefined || high === null || high === undefined) {
    return figure(value);
  }
  return `${figure(value)} ${rough ? "~" : ""}[${figure(low)}, ${figure(high)}]`;
}

/** As `figure`, but with three decimals at most: where many numbers stand side by side. */
export function brief(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return figure(value);
  const size = Math.abs(value);
  return size < 10 && (size >= 5e-4 || size === 0) ? value.toFixed(3).replace("-", "−") : figure(value);
}

/** A number with its interval, briefly. */
export function briefly({ value, low, high }: Estimate): string {
  if (typeof low !== "number" || typeof high !== "number") return brief(value);
  return `${brief(value)} [${brief(low)}, ${brief(high)}]`;
}

/** A share in percent. */
export function percent(share: number | null | undefined): string {
  return typeof share === "number" ? `${(100 * share).toFixed(1)} %` : "–";
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0)} MB`;
}

/** Bytes in megabytes, or in gigabytes where they are many. */
export function amount(bytes: number): string {
  return bytes < 1e9 ? megabytes(bytes) : `${(bytes / 1e9).toFixed(1)} GB`;
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 10 ? `${value.toFixed(1)} s` : `${value.toFixed(0)} s`;
}

/** A count with separators between thousands. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

const KINDS = { cpu: "CPU", gpu: "GPU", software_gpu: "software GPU" };

/** A device for people. */
export function deviceName(device: DeviceReport): string {
  return `${KINDS[device.kind]}, ${device.name}`;
}

const ENGLISH = new Intl.NumberFormat("en");

/** Tokens and sequences of a text, with what they are of where that is more. */
export function textSize({ tokens, sequences, whole }: DataReport): string {
  const noun = sequences === 1 ? "sequence" : "sequences";
  if (!whole || whole.tokens <= tokens) return `${ENGLISH.format(tokens)} tokens in ${sequences} ${noun}`;
  const about = whole.is_estimate ? "about " : "";
  const of = (all: number): string => `${about}${ENGLISH.format(all)}`;
  const all = of(Math.max(whole.sequences, sequences));
  return `${ENGLISH.format(tokens)} tokens of ${of(whole.tokens)} in ${sequences} ${noun} of ${all}`;
}

/** How many items of a task were asked, with how many there are where that is more. */
export function askedOf({ items, of }: Pick<TaskResult, "items" | "of">): string {
  return of !== undefined && of > items ? `${ENGLISH.format(items)} of ${ENGLISH.format(of)}` : ENGLISH.format(items);
}

/** Numbers of layers in order, runs of three and more by their ends: "3, 12 to 19". */
export function layerList(layers: readonly number[]): string {
  const sorted = layers.toSorted((one, other) => one - other);
  const runs: [number, number][] = [];
  for (const layer of sorted) {
    const last = runs.at(-1);
    if (last !== undefined && layer === last[1] + 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  const named = runs.flatMap(([first, last]) => {
    if (last - first >= 2) return [`${first} to ${last}`];
    return first === last ? [String(first)] : [String(first), String(last)];
  });
  return named.join(", ");
}
