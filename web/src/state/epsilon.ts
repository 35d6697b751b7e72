// The sparsity threshold as the lab writes it: a number in the activation's units, or `rel:` and a share of the RMS.

export interface Threshold {
  relative: boolean;
  value: number;
}

export function parseThreshold(written: string): Threshold {
  const relative = written.startsWith("rel:");
  const value = Number(relative ? written.slice(4) : written);
  return { relative, value: Number.isFinite(value) && value > 0 ? value : 0.05 };
}

export function writeThreshold({ relative, value }: Threshold): string {
  const short = Number(value.toPrecision(3));
  return relative ? `rel:${short}` : String(short);
}
