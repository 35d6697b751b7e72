// Colours after Okabe and Ito, which the colour-blind can tell apart.
export const BLUE = "#0072b2";
export const ORANGE = "#d55e00";
export const GREY = "#8a8f98";
/** Of lines in one chart, likeliest to be told apart first. */
export const LINES = [BLUE, ORANGE, "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f5aa8", "#a05a2c"];
