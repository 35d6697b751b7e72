// A chart as a file: as it is drawn, on white paper and with its title, or the numbers behind it.

const INK = "#1d2127";
const PAPER = "#ffffff";
const FONT = "system-ui, sans-serif";
/** Height of the title's line, in pixels of the chart. */
const TITLE = 28;
/** Pixels of a PNG for each of the chart's. */
const SCALE = 2;

/** A row of the numbers behind a chart, by the names of its columns. */
export type Row = Record<string, string | number | null | undefined>;

interface Picture {
  text: string;
  width: number;
  height: number;
}

/** A chart as an SVG file's text. Colours of the page's theme become those of paper. */
function pictureOf(chart: SVGSVGElement, title: string): Picture {
  const [width, height] = [chart.width.baseVal.value, chart.height.baseVal.value];
  const inner = chart.cloneNode(true) as SVGSVGElement;
  inner.setAttribute("y", String(TITLE));
  const outer = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const size = { width, height: height + TITLE };
  for (const [name, value] of Object.entries({
    ...size,
    viewBox: `0 0 ${width} ${size.height}`,
    color: INK,
    "font-family": FONT,
    "font-size": 10,
  })) {
    outer.setAttribute(name, String(value));
  }
  const paper = document.createElementNS(outer.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ ...size, fill: PAPER })) paper.setAttribute(name, String(value));
  const said = document.createElementNS(outer.namespaceURI, "text");
  for (const [name, value] of Object.entries({ x: 8, y: 18, fill: INK, "font-size": 13, "font-weight": 600 })) {
    said.setAttribute(name, String(value));
  }
  said.textContent = title;
  outer.append(paper, said, inner);
  return { text: new XMLSerializer().serializeToString(outer), ...size };
}

/** The chart as SVG. */
export function svgFile(chart: SVGSVGElement, title: string): Blob {
  return new Blob([pictureOf(chart, title).text], { type: "image/svg+xml" });
}

/** The chart as PNG, at twice its size. */
export async function pngFile(chart: SVGSVGElement, title: string): Promise<Blob> {
  const { text, width, height } = pictureOf(chart, title);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob((blob) => {
      if (blob === null) failed(new Error("this browser makes no PNG of a chart"));
      else done(blob);
    }, "image/png");
  });
}

/** The numbers behind a chart as CSV (RFC 4180). */
export function csvFile(rows: Row[]): Blob {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: Row[string]): string => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names, ...rows.map((row) => names.map((name) => row[name]))];
  return new Blob([lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("")], { type: "text/csv" });
}
