// SPDX-License-Identifier: Apache-2.0
//
// The legend, painted by the same function as the cells, with the ends where colours are clamped.
import {hatch, ticks, token} from './color.js';
import {h, replace} from './dom.js';
import {short} from './format.js';

const kWidth = 240, kHeight = 12;
const kApart = 0.13;  // of the width, between a clamped end and the next tick

export function paintBar(context, scale, x, y, width, height) {
  for (let i = 0; i < width; ++i) {
    context.fillStyle = scale.color(scale.value((i + 0.5) / width));
    context.fillRect(x + i, y, 1, height);
  }
}

export const tickText = (scale, v) =>
  (scale.diverging ? (v === 0 ? 'same' :
                        v > 0 ? `×${2 ** v}` :
                                `÷${2 ** -v}`) :
                                short(v));

export const swatches = (scale) =>
  [...(scale.diverging ? [] : [{kind: 'zero', text: 'zero', color: scale.zero}]),
   {kind: 'none', text: 'no data', color: token('cell-none'), hatch: token('hatch')},
   {
     kind: 'partial',
     text: 'incomplete',
     color: scale.color(scale.value(scale.diverging ? 0.85 : 0.5)),  // not of the middle, which is pale
     hatch: token('hatch-over')
   },
];

export function paintSwatch(context, swatch, x, y, size) {
  context.fillStyle = swatch.color;
  context.fillRect(x, y, size, size);
  if (swatch.hatch) hatch(context, x, y, size, size, swatch.hatch, 4);
  context.strokeStyle = token('border-strong');
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
}

function canvas(width, height, paint) {
  const ratio = window.devicePixelRatio || 1;
  const element = h('canvas', {
    width: Math.round(width * ratio),
    height: Math.round(height * ratio),
    style: {width: `${width}px`, height: `${height}px`}
  });
  const context = element.getContext('2d');
  context.scale(ratio, ratio);
  paint(context);
  return element;
}

// clamp(lo, hi): null is "as the data are".
export class Legend {
  constructor(clamp) {
    const field = (label, side) => h('input', {
      type: 'text',
      inputmode: 'decimal',
      class_: 'clamp',
      'aria-label': label,
      placeholder: 'auto',
      title: `${label}: values beyond it take this end's colour`,
      onchange: () => clamp(...['lo', 'hi'].map((s) => {
        const v = Number(this.fields[s].value);
        return this.fields[s].value.trim() && v > 0 && Number.isFinite(v) ? v : null;
      })),
      dataset: {side}
    });
    this.fields = {lo: field('lower end of the colours', 'lo'), hi: field('upper end of the colours', 'hi')};
    this.scale = h('div', {class_: 'legend-scale'});
    this.rest = h('div', {class_: 'legend-rest'});
    this.element = h('div', {class_: 'legend'}, this.rest, this.fields.lo, this.scale, this.fields.hi);
  }

  show(scale, extent, given) {
    const {lo, hi, palette} = given;
    const key = JSON.stringify([scale.lo, scale.hi, scale.diverging, extent, lo, hi, palette, token('surface')]);
    if (key === this.shown) return;
    this.shown = key;
    for (const side of ['lo', 'hi']) {
      this.fields[side].hidden = scale.diverging;
      if (document.activeElement !== this.fields[side]) this.fields[side].value = given[side] ?? '';
    }
    const bar = canvas(kWidth, kHeight, (context) => paintBar(context, scale, 0, 0, kWidth, kHeight));
    bar.className = 'legend-bar';
    const below = !scale.diverging && extent[0] < scale.lo, above = !scale.diverging && extent[1] > scale.hi;
    // A clamped end is told with its value; other ticks make room for it.
    const ends = [...(below ? [[scale.lo, '≤ ']] : []), ...(above ? [[scale.hi, '≥ ']] : [])];
    const free =
      ticks(scale).filter((v) => ends.every(([end]) => Math.abs(scale.place(v) - scale.place(end)) > kApart));
    const marks = [...free.map((v) => [v, '']), ...ends].map(
      ([v, sign]) => h(
        'span', {style: {left: `${Math.max(0, Math.min(1, scale.place(v))) * kWidth}px`}}, sign + tickText(scale, v)));
    replace(this.scale, bar, h('div', {class_: 'legend-ticks'}, marks));
    replace(
      this.rest,
      swatches(scale).map(
        (s) =>
          h('span', {class_: 'swatch', dataset: {kind: s.kind}},
            canvas(13, 13, (context) => paintSwatch(context, s, 0, 0, 13)), s.text)));
  }
}
