// SPDX-License-Identifier: Apache-2.0
//
// What is on the page as a file: the numbers as CSV (RFC 4180), the picture as PNG with heading and legend.
import {fontFamily} from './charts.js';
import {ticks, token} from './color.js';
import {paintBar, paintSwatch, swatches, tickText} from './legend.js';

// A label that a spreadsheet would take for a formula is made text.
const guarded = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
export const csvField = (value) => {
  const text = typeof value === 'number' ? String(value) : guarded(String(value ?? ''));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
export const csv = (rows) =>
  new Blob([rows.map((row) => row.map(csvField).join(',')).join('\r\n') + '\r\n'], {type: 'text/csv'});

// Absent cells stay empty: no data is not zero.
export function gridRows(grid) {
  const head = [`${grid.dims[1]} \\ ${grid.dims[0]}`, ...grid.keys[0]];
  return [
    head,
    ...grid.keys[1].map(
      (label, y) => [label, ...grid.keys[0].map((_, x) => (Number.isNaN(grid.at(x, y)) ? '' : grid.at(x, y)))])
  ];
}

export function picture(map, {title, subtitle, scale}) {
  const r = 2, pad = 20 * r, head = 74 * r;
  const canvas = document.createElement('canvas');
  canvas.width = map.width + 2 * pad;
  canvas.height = map.height + head + pad;
  const context = canvas.getContext('2d');
  context.fillStyle = token('surface');
  context.fillRect(0, 0, canvas.width, canvas.height);
  const write = (text, x, y, size, color, weight = 400) => {
    context.font = `${weight} ${size * r}px ${fontFamily}`;
    context.fillStyle = color;
    context.fillText(text, x, y);
  };
  write(title, pad, pad + 12 * r, 17, token('text'), 600);
  write(subtitle, pad, pad + 32 * r, 12, token('muted'));
  const width = 200 * r, left = canvas.width - pad - width;
  paintBar(context, scale, left, pad, width, 11 * r);
  context.textAlign = 'center';
  for (const v of ticks(scale))
    write(tickText(scale, v), left + scale.place(v) * width, pad + 24 * r, 10, token('muted'));
  context.textAlign = 'left';
  let x = left;
  for (const s of swatches(scale)) {
    paintSwatch(context, s, x, pad + 32 * r, 11 * r);
    write(s.text, x + 16 * r, pad + 41 * r, 10, token('muted'));
    x += (24 + 6.2 * s.text.length) * r;
  }
  context.drawImage(map, pad, head);
  return new Promise((done) => canvas.toBlob(done, 'image/png'));
}
