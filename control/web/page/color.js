// SPDX-License-Identifier: Apache-2.0
//
// Colours of cells. One function gives a value's colour to the cells and to the legend alike.

// Nine and ten equidistant points of matplotlib's maps, made for colour-blind readers and for print in grey.
const kMaps = {
  viridis: ['#440154', '#472d7b', '#3b528b', '#2c728e', '#21918c', '#28ae80', '#5ec962', '#addc30', '#fde725'],
  cividis:
    ['#00224e', '#123570', '#3b496c', '#575d6d', '#707173', '#8a8678', '#a59c74', '#c3b369', '#e1cc55', '#fee838'],
};
export const kPalettes = Object.keys(kMaps);
// Fewer than before, the same, more than before: blue to orange is told apart by all.
const kChange = {
  light: ['#08519c', '#6baed6', '#eef0f2', '#f0a04b', '#a63603'],
  dark: ['#8cc8ff', '#2f6fb0', '#262e38', '#b3651e', '#ffb866'],
};
export const kMostChange = 3;  // doublings: eight times as many is as far as the scale goes

const rgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
function along(points, t) {
  const at = Math.min(Math.max(t, 0), 1) * (points.length - 1);
  const i = Math.min(Math.floor(at), points.length - 2);
  const a = points[i], b = points[i + 1];
  return a.map((c, k) => Math.round(c + (b[k] - c) * (at - i)));
}

// A ramp is made once: kRamp + 1 pixels as ImageData has them (little-endian, 0xAABBGGRR), from its low end to its
// high.
const kRamp = 1024;  // finer than the eye, and than the screen's 256 steps of a channel
const ramps = new Map();
function ramp(name, points, from, to) {
  const key = `${name} ${from} ${to}`;
  if (!ramps.has(key)) {
    const parsed = points.map(rgb);
    ramps.set(key, Uint32Array.from({length: kRamp + 1}, (_, i) => {
      const [r, g, b] = along(parsed, from + (to - from) * i / kRamp);
      return (0xff000000 | b << 16 | g << 8 | r) >>> 0;
    }));
  }
  return ramps.get(key);
}
// '#rrggbb' as such a pixel.
export function pixelOf(hex) {
  const [r, g, b] = rgb(hex);
  return (0xff000000 | b << 16 | g << 8 | r) >>> 0;
}
const css = (pixel) => `rgb(${pixel & 0xff},${pixel >> 8 & 0xff},${pixel >> 16 & 0xff})`;

export const isDark = () => document.documentElement.dataset.theme === 'dark';
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const clamp = (t) => Math.min(Math.max(t, 0), 1);

// A logarithmic scale from `lo` to `hi`, both positive; zero has a colour of its own, and what lies outside takes the
// end's. The greater a value, the more it stands out from the page: the map runs the other way on a light one.
// pixel(v) and color(v) are the same colour, for cells and for the legend.
export function logScale(palette, lo, hi) {
  const name = kMaps[palette] ? palette : kPalettes[0];
  const pixels = isDark() ? ramp(name, kMaps[name], 0.12, 1) : ramp(name, kMaps[name], 0.95, 0);
  const zero = token('cell-zero'), zeroPixel = pixelOf(zero);
  const width = Math.log(hi / lo);
  const place = (v) => (width > 0 ? Math.log(v / lo) / width : 0.75);
  const pixel = (v) => (v <= 0 ? zeroPixel : pixels[Math.round(clamp(place(v)) * kRamp)]);
  return {
    lo,
    hi,
    zero,
    diverging: false,
    place,
    value: (t) => lo * Math.exp(width * t),
    pixel,
    color: (v) => (v <= 0 ? zero : css(pixel(v))),
  };
}

// Of doublings: -3 an eighth, 0 the same, 3 eight times.
export function changeScale() {
  const theme = isDark() ? 'dark' : 'light', pixels = ramp(`change ${theme}`, kChange[theme], 0, 1);
  const place = (d) => (d + kMostChange) / (2 * kMostChange);
  const pixel = (d) => pixels[Math.round(clamp(place(d)) * kRamp)];
  return {
    lo: -kMostChange,
    hi: kMostChange,
    diverging: true,
    place,
    value: (t) => (t * 2 - 1) * kMostChange,
    pixel,
    color: (d) => css(pixel(d)),
  };
}

// 1, 10, 100 ... within the scale, or 1, 2, 5 when it is short.
export function ticks(scale) {
  if (scale.diverging) return [-3, -2, -1, 0, 1, 2, 3];
  const decades = Math.log10(scale.hi / scale.lo);
  const steps = decades > 2.5 ? [1] : decades > 1 ? [1, 3] : [1, 2, 5];
  const out = [];
  for (let e = Math.floor(Math.log10(scale.lo)); e <= Math.ceil(Math.log10(scale.hi)); ++e)
    for (const s of steps) {
      const v = Number(`${s}e${e}`);
      if (v >= scale.lo * 0.999 && v <= scale.hi * 1.001) out.push(v);
    }
  return out.length > 0 ? out : [scale.hi];
}

// Categorical, for series: after Okabe and Ito, moved until a simulation of colour blindness tells each from each by
// four times what is just noticeable; tests/web/sight.mjs.
const kSeries = {
  light: ['#0072b2', '#d55e00', '#009e73', '#c15e9f', '#dc8d00', '#3fa0d6', '#784998', '#5f6b76'],
  dark: ['#33a5f8', '#f0843c', '#2cc295', '#d494ca', '#e6b93c', '#8fd0f5', '#ae87d0', '#8d919d'],
};
export const seriesColors = () => kSeries[isDark() ? 'dark' : 'light'];

// Diagonal lines: `spacing` px apart.
export function hatch(context, x, y, w, h, color, spacing = 5) {
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.beginPath();
  // On one raster over the whole map, so that neighbouring cells join.
  const first = Math.floor((x - h - y) / spacing) * spacing;
  for (let d = first - spacing; d <= x + w + y + h; d += spacing) {
    context.moveTo(d - y, y);
    context.lineTo(d - y - h, y + h);
  }
  context.stroke();
  context.restore();
}
