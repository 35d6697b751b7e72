// Colours after Okabe and Ito, which the colour-blind can tell apart.
export const BLUE = "#0072b2";
export const ORANGE = "#d55e00";
export const GREEN = "#009e73";
export const GREY = "#8a8f98";
