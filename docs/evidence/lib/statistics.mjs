// The few statistics that reports do not hold already.

/** Ranks from 1 on; equal values share the mean of their ranks. */
export function meanRanks(values) {
  const order = values.map((_, index) => index).sort((a, b) => values[a] - values[b]);
  const ranks = new Array(values.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && values[order[to]] === values[order[from]]) to += 1;
    for (const index of order.slice(from, to)) ranks[index] = (from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

/** Spearman's rank correlation over the places where both have a value; null where it is undefined. */
export function spearman(first, second) {
  const both = first.map((_, index) => index).filter((index) => isNumber(first[index]) && isNumber(second[index]));
  if (both.length < 2) return null;
  return pearson(meanRanks(both.map((index) => first[index])), meanRanks(both.map((index) => second[index])));
}

function pearson(first, second) {
  const [a, b] = [mean(first), mean(second)];
  const sum = (of) => first.reduce((total, _, index) => total + of(first[index] - a, second[index] - b), 0);
  const scale = Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y));
  return scale === 0 ? null : sum((x, y) => x * y) / scale;
}

/** Null of nothing. */
export function mean(values) {
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0) / values.length;
}

/** The share of `first` that is also in `second`, two lists of as many. */
export function overlap(first, second) {
  return first.filter((item) => second.includes(item)).length / first.length;
}

/** Every two of a list. */
export function pairs(list) {
  return list.flatMap((first, index) => list.slice(index + 1).map((second) => [first, second]));
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
