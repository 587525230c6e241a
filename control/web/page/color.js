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
  const a = rgb(points[i]), b = rgb(points[i + 1]);
  return `rgb(${a.map((c, k) => Math.round(c + (b[k] - c) * (at - i))).join(',')})`;
}

export const isDark = () => document.documentElement.dataset.theme === 'dark';
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// A logarithmic scale from `lo` to `hi`, both positive; zero has a colour of its own, and what lies outside takes the
// end's. The greater a value, the more it stands out from the page: the map runs the other way on a light one.
export function logScale(palette, lo, hi) {
  const map = kMaps[palette] ?? kMaps.viridis;
  const dark = isDark(), zero = token('cell-zero');
  const width = Math.log(hi / lo);
  const place = (v) => (width > 0 ? Math.log(v / lo) / width : 0.75);
  const cache = new Map();
  return {
    lo,
    hi,
    zero,
    diverging: false,
    place,
    value: (t) => lo * Math.exp(width * t),
    color(v) {
      if (v <= 0) return zero;
      let found = cache.get(v);
      if (!found)
        cache.set(v, found = along(map, dark ? 0.12 + 0.88 * clamp(place(v)) : 0.95 - 0.95 * clamp(place(v))));
      return found;
    },
  };
}
const clamp = (t) => Math.min(Math.max(t, 0), 1);

// Of doublings: -3 an eighth, 0 the same, 3 eight times.
export function changeScale() {
  const points = kChange[isDark() ? 'dark' : 'light'];
  return {
    lo: -kMostChange,
    hi: kMostChange,
    diverging: true,
    place: (d) => (d + kMostChange) / (2 * kMostChange),
    value: (t) => (t * 2 - 1) * kMostChange,
    color: (d) => along(points, (d + kMostChange) / (2 * kMostChange)),
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

// Categorical, for series: Okabe and Ito's, told apart by colour-blind readers, in lightness for both themes.
const kSeries = {
  light: ['#0072b2', '#d55e00', '#009e73', '#b5559a', '#c79200', '#3fa0d6', '#7a5195', '#5f6b76'],
  dark: ['#4aa8e0', '#f0843c', '#2cc295', '#d98bc2', '#e6b93c', '#8fd0f5', '#b08ad0', '#93a1b0'],
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
