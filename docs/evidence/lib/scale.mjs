// From numbers to pixels, and which numbers to write at an axis.

/** A linear scale from `domain` to `range`; what lies outside is drawn at its end. */
export function linear([from, to], [start, end], count = 5) {
  const at = (value) => start + ((clamp(value, from, to) - from) / (to - from)) * (end - start);
  return { at, ticks: roundTicks(from, to, count), write: (tick) => String(tick).replace("-", "−") };
}

/** A scale by powers of ten. */
export function logarithmic([from, to], [start, end], count = 5) {
  const [low, high] = [Math.log10(from), Math.log10(to)];
  const at = (value) => start + ((Math.log10(clamp(value, from, to)) - low) / (high - low)) * (end - start);
  const powers = range(Math.ceil(low - 1e-9), Math.floor(high + 1e-9));
  const every = Math.max(1, Math.ceil(powers.length / (count + 1)));
  const ticks = powers.filter((power) => power % every === 0).map((power) => 10 ** power);
  return { at, ticks, write: writePower };
}

/** A scale that is even around 0, up to about `unit`, and goes by powers further out. */
export function symmetric([from, to], [start, end], unit) {
  const bent = (value) => Math.asinh(value / unit);
  const at = (value) => start + ((bent(clamp(value, from, to)) - bent(from)) / (bent(to) - bent(from))) * (end - start);
  const steps = Math.max(-from, to) > 20 * unit ? [1, 10, 100, 1000] : [1, 3, 10, 30];
  const sizes = steps.map((step) => tidy(step * unit));
  const ticks = [...sizes.map((size) => -size).reverse(), 0, ...sizes].filter((tick) => tick >= from && tick <= to);
  return { at, ticks, write: (tick) => String(tick).replace("-", "−") };
}

/** Whole powers of ten around all values. */
export function powersAround(values) {
  const logs = values.map((value) => Math.log10(value));
  const low = Math.floor(Math.min(...logs));
  return [10 ** low, 10 ** Math.max(low + 1, Math.ceil(Math.max(...logs)))];
}

/** Round numbers around all values. */
export function roundAround(values, count = 4) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = roundStep(high - low || 1, count);
  return [Math.floor(low / step) * step, Math.max(Math.ceil(high / step), Math.floor(low / step) + 1) * step].map(tidy);
}

/** Layers to name at an axis: some eight, evenly, the first with them. */
export function layerTicks(layers, count = 8) {
  const step = [1, 2, 4, 5, 10, 20, 40].find((each) => layers / each <= count) ?? Math.ceil(layers / count);
  return range(0, layers - 1).filter((layer) => layer % step === 0);
}

function roundTicks(from, to, count) {
  const step = roundStep(to - from, count);
  return range(Math.ceil(from / step - 1e-9), Math.floor(to / step + 1e-9)).map((index) => tidy(index * step));
}

function roundStep(width, count) {
  const rough = width / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((step) => step * power >= rough * 0.999) ?? 10);
}

function writePower(value) {
  if (value >= 1e5 || value < 1e-3) {
    const digits = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
    return `10${[...String(Math.round(Math.log10(value)))].map((digit) => digits[digit]).join("")}`;
  }
  return value >= 1000 ? value.toLocaleString("en-US") : String(tidy(value));
}

function tidy(value) {
  return Number(value.toPrecision(12));
}

function clamp(value, from, to) {
  return Math.min(Math.max(value, Math.min(from, to)), Math.max(from, to));
}

export function range(from, to) {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
