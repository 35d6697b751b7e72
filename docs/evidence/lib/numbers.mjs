// How numbers are written, in tables and figures alike.
import { isNumber } from "./statistics.mjs";

const NONE = "–";

/** With so many decimals and a true minus sign. */
export function fixed(value, decimals = 2) {
  if (!isNumber(value)) return NONE;
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** A share in percent: one decimal, and of less than 1 % two digits. */
export function percent(share) {
  if (!isNumber(share)) return NONE;
  const value = 100 * share;
  if (value !== 0 && Math.abs(value) < 0.001) return "< 0.001";
  return Math.abs(value) >= 1 || value === 0 ? fixed(value, 1) : significant(value, 2);
}

/** With so many digits, never with an exponent. */
export function significant(value, digits = 3) {
  if (!isNumber(value)) return NONE;
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  const [whole, ...rest] = rounded.toFixed(decimals).replace("-", "−").split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/gu, ","), ...rest].join(".");
}

/** `value [low, high]`; without the bracket where there is no interval. */
export function withInterval({ value, low, high }, write = fixed) {
  if (!isNumber(value)) return NONE;
  return isNumber(low) && isNumber(high) ? `${write(value)} [${write(low)}, ${write(high)}]` : write(value);
}

/** The same in points of percent, which may be negative. */
export function points(share) {
  if (!isNumber(share)) return NONE;
  const text = fixed(100 * share, 1);
  return Number(text.replace("−", "-")) > 0 ? `+${text}` : text;
}
