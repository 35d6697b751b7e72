// Colours and type. Series have the colours of Okabe and Ito, which people with any colour vision tell apart; in the dark the
// lighter of their two blues and oranges. Series differ by shape or dash as well.

const LIGHT = {
  page: "#ffffff",
  ink: "#1f2328",
  soft: "#59636e",
  grid: "#d8dee4",
  axis: "#8c959f",
  stripe: "#f3f5f7",
  series: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#59636e"],
};
const DARK = {
  page: "#0d1117",
  ink: "#e6edf3",
  soft: "#9aa4af",
  grid: "#2b323b",
  axis: "#6e7681",
  stripe: "#161b22",
  series: ["#56b4e9", "#e69f00", "#2bbf92", "#d98cb8", "#f0e442", "#9aa4af"],
};

export const SERIES = LIGHT.series.length;

/** The class of the n-th series; of the grey one where asked for. */
export function series(index) {
  return `s${(index % SERIES) + 1}`;
}
export const GREY = `s${SERIES}`;

export const STYLE = [
  'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:12px}',
  ".title{font-size:15px;font-weight:600}",
  ".small{font-size:11px}",
  ".middle{text-anchor:middle}",
  ".end{text-anchor:end}",
  ".strong{font-weight:600}",
  ".fill{fill:currentColor}",
  ".faint{fill:currentColor;fill-opacity:.18}",
  ".line{fill:none;stroke:currentColor;stroke-width:1.75;stroke-linejoin:round}",
  ".thin{fill:none;stroke:currentColor;stroke-width:1.25}",
  ".dashed{stroke-dasharray:6 4}",
  ".dotted{stroke-dasharray:1.5 3.5;stroke-linecap:round}",
  ".grid,.axis{fill:none;stroke-width:1}",
  colours(LIGHT),
  `@media (prefers-color-scheme:dark){${colours(DARK)}}`,
].join("");

function colours({ page, ink, soft, grid, axis, stripe, series }) {
  return [
    `.page{fill:${page}}`,
    `text{fill:${ink}}`,
    `.soft{fill:${soft}}`,
    `.grid{stroke:${grid}}`,
    `.axis{stroke:${axis}}`,
    `.stripe{fill:${stripe}}`,
    `.hollow{fill:${page};stroke:currentColor;stroke-width:1.5}`,
    `.pool{fill:${ink};stroke:${page};stroke-width:1}`,
    ...series.map((colour, index) => `.s${index + 1}{color:${colour}}`),
  ].join("");
}
