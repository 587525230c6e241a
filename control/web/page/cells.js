// SPDX-License-Identifier: Apache-2.0
//
// The cells of a heatmap on a canvas. Colours go into an image of one pixel a cell, which the canvas scales up in one
// step, hatching is a pattern laid over rows of equal cells, and only the part that has changed is painted again: ten
// thousand cells cost a few milliseconds, and a live map hardly anything.
import {pixelOf, token} from './color.js';

export const kPlain = 0, kPartial = 1, kNone = 2;  // marks

const kGapFrom = 5;  // px: narrower cells stand without a gap
const kHatch = 5;    // px between two lines
const kLine = 1;     // px

// Diagonal lines that join from tile to tile; `size` in pixels of the canvas.
function tile(color, size, line) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const context = canvas.getContext('2d');
  context.strokeStyle = color;
  context.lineWidth = line;
  for (const by of [-size, 0, size]) {
    context.beginPath();
    context.moveTo(by - size, 2 * size);
    context.lineTo(by + 2 * size, -size);
    context.stroke();
  }
  return canvas;
}

export class Cells {
  constructor(canvas) {
    this.canvas = canvas;
    this.small = document.createElement('canvas');
  }

  // model: {columns: n, rows: n, colors: Uint32Array of pixels, marks: Uint8Array}; width and height in CSS px.
  paint(model, width, height, ratio) {
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    const look = ['hatch', 'hatch-over', 'cell-none'].map(token);
    const key = JSON.stringify([model.columns, model.rows, size, ratio, look]);
    const part = key === this.key ? this.#changed(model) : {x0: 0, y0: 0, x1: model.columns - 1, y1: model.rows - 1};
    if (key !== this.key) this.#begin(model, size);
    this.key = key;
    if (!part) return;
    const blank = pixelOf(look[2]);
    for (let i = 0; i < this.pixels.length; ++i) {
      this.pixels[i] = model.marks[i] === kNone ? blank : model.colors[i];
      this.marks[i] = model.marks[i];
    }
    this.smallContext.putImageData(this.image, 0, 0);
    this.#paintPart(part, look, ratio);
  }

  #begin(model, [width, height]) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext('2d');
    this.small.width = model.columns;
    this.small.height = model.rows;
    this.smallContext = this.small.getContext('2d');
    this.image = this.smallContext.createImageData(model.columns, model.rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.marks = new Uint8Array(this.pixels.length);
    this.edges = [[model.columns, width], [model.rows, height]].map(
      ([n, px]) => Int32Array.from({length: n + 1}, (_, i) => Math.round(i * px / n)));
  }

  // The smallest rectangle that holds all cells that differ from what is on the canvas; null: none do.
  #changed(model) {
    let x0 = Infinity, y0 = Infinity, x1 = -1, y1 = -1;
    for (let y = 0, i = 0; y < model.rows; ++y)
      for (let x = 0; x < model.columns; ++x, ++i) {
        if (model.marks[i] === this.marks[i] && (model.marks[i] === kNone || model.colors[i] === this.pixels[i]))
          continue;
        x0 = Math.min(x0, x);
        x1 = Math.max(x1, x);
        y0 = Math.min(y0, y);
        y1 = y;
      }
    return x1 < 0 ? null : {x0, y0, x1, y1};
  }

  #paintPart({x0, y0, x1, y1}, [line, lineOver], ratio) {
    const {context, edges: [xs, ys]} = this, columns = xs.length - 1;
    const left = xs[x0], top = ys[y0], width = xs[x1 + 1] - left, height = ys[y1 + 1] - top;
    context.clearRect(left, top, width, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.small, x0, y0, x1 - x0 + 1, y1 - y0 + 1, left, top, width, height);
    const size = Math.round(kHatch * ratio);
    for (const [mark, color] of [[kNone, line], [kPartial, lineOver]]) {
      context.fillStyle = context.createPattern(tile(color, size, kLine * ratio), 'repeat');
      for (let y = y0; y <= y1; ++y)
        for (let x = x0, from = -1; x <= x1 + 1; ++x) {
          const here = x <= x1 && this.marks[y * columns + x] === mark;
          if (here && from < 0) from = x;
          if (here || from < 0) continue;
          context.fillRect(xs[from], ys[y], xs[x] - xs[from], ys[y + 1] - ys[y]);
          from = -1;
        }
    }
    const gap = Math.max(1, Math.floor(ratio)), least = kGapFrom * ratio;
    if (xs[1] - xs[0] > least)
      for (let x = x0 + 1; x <= x1 + 1; ++x) context.clearRect(xs[x] - gap, top, gap, height);
    if (ys[1] - ys[0] > least)
      for (let y = y0 + 1; y <= y1 + 1; ++y) context.clearRect(left, ys[y] - gap, width, gap);
  }
}
