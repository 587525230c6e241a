// SPDX-License-Identifier: Apache-2.0
//
// The heatmap itself. ECharts draws axes and labels, anew only when they change; the cells are a canvas of our own
// above it, so that ten thousand of them change within a frame, and are there before the axes. Pointer, keyboard and
// brush end in the same three calls: point, pick, zoom.
import {Cells} from './cells.js';
import {axisStyle, fontFamily, mount} from './charts.js';
import {token} from './color.js';
import {h} from './dom.js';

const kLeastRow = 15, kMostRow = 30, kLeastRows = 150;  // px
const kTop = 6, kRight = 14, kLetter = 6.6, kMostColumn = 150;
const kBrush = 6;  // px of movement that make a click a brush

export class Heat {
  // handlers: point(cell | null, box), pick(cell), zoom({x0, x1, y0, y1}). A cell is {x, y}.
  constructor(handlers) {
    this.handlers = handlers;
    this.box = h('div', {class_: 'heat-canvas'});
    this.cells = h('canvas', {class_: 'heat-cells'});
    this.cursor = h('div', {class_: 'heat-cursor', hidden: true});
    this.chosen = h('div', {class_: 'heat-cursor chosen', hidden: true});
    this.band = h('div', {class_: 'heat-band', hidden: true});
    this.element =
      h('div', {class_: 'heat', tabindex: 0, role: 'application', 'aria-roledescription': 'heatmap'}, this.box,
        this.cells, this.chosen, this.cursor, this.band);
    this.painter = new Cells(this.cells);
    this.at = null;
    this.#keys();
    this.#pointer();
  }

  // model: {columns: [text], rows: [text], colors and marks: as cells.js takes them, row after row, label, names:
  // whether columns have names that each need room, labelled(columnPx) -> (i) -> whether column i gets a label}
  async show(model) {
    const first = !this.model;
    this.model = model;
    this.element.setAttribute('aria-label', model.label);
    const rows = Math.max(1, model.rows.length);
    this.rowHeight = Math.max(kLeastRow, Math.min(kMostRow, Math.floor(520 / rows)));
    this.#fit();
    const height = Math.max(kLeastRows, rows * this.rowHeight + kTop + this.bottom);
    if (this.box.style.height !== `${height}px`) this.box.style.height = `${height}px`;
    if (first) {
      this.#show();
      this.mounted = mount(this.box, (chart) => this.#draw(chart));
    } else
      (await this.mounted)?.again();
    await this.mounted;
    if (this.at && (this.at.x >= model.columns.length || this.at.y >= model.rows.length))
      this.leave();
    else if (this.at)
      this.#moveCursor();
  }

  // Axes and cells at twice their size.
  async picture() {
    const {chart} = await this.mounted;
    const canvas = chart.renderToCanvas({pixelRatio: 2, backgroundColor: token('surface')});
    const cells = document.createElement('canvas');
    this.#paint(new Cells(cells), 2);
    canvas.getContext('2d').setTransform(1, 0, 0, 1, 0, 0);
    canvas.getContext('2d').drawImage(cells, this.area.x * 2, this.area.y * 2);
    return canvas;
  }

  focusCell(cell) {
    this.at = cell;
    this.#moveCursor();
    this.handlers.point(cell, this.boxOf(cell));
  }
  leave() {
    this.at = null;
    this.cursor.hidden = true;
    this.handlers.point(null);
  }

  // Marks a cell for as long as it is the chosen one; null: none.
  select(cell) {
    this.pick = cell;
    this.chosen.hidden = cell === null;
    if (cell && this.area) this.#frame(this.chosen, cell);
  }

  // In px of the element.
  boxOf({x, y}) {
    const a = this.area;
    return {
      left: a.x + x * this.cellWidth,
      top: a.y + y * this.cellHeight,
      width: this.cellWidth,
      height: this.cellHeight
    };
  }

  cellAt(px, py) {
    const a = this.area;
    if (!a || px < a.x || py < a.y || px >= a.x + a.width || py >= a.y + a.height) return null;
    return {
      x: Math.min(this.model.columns.length - 1, Math.floor((px - a.x) / this.cellWidth)),
      y: Math.min(this.model.rows.length - 1, Math.floor((py - a.y) / this.cellHeight))
    };
  }

  // Room for the names: rows' at the left, columns' below, aslant when they do not fit side by side.
  #fit() {
    const {model} = this, wide = this.box.clientWidth || this.element.clientWidth || 800;
    const longest = (texts) => Math.max(4, ...texts.map((t) => t.length)) * kLetter;
    this.room = Math.max(90, Math.min(wide < 700 ? 120 : 236, 12 + longest(model.rows)));
    this.width = Math.max(40, Math.min(wide - this.room - kRight, model.columns.length * kMostColumn));
    this.slant = model.names && longest(model.columns) > this.width / model.columns.length - 6;
    this.bottom = this.slant ? Math.min(110, 24 + longest(model.columns) * 0.66) : 30;
  }

  #paint(painter, ratio) {
    const {columns, rows, colors, marks} = this.model;
    painter.paint(
      {columns: columns.length, rows: rows.length, colors, marks}, this.area.width, this.area.height, ratio);
  }

  // Places and paints the cells.
  #show() {
    const {model} = this;
    this.#fit();
    const area = {x: this.room, y: kTop, width: this.width, height: model.rows.length * this.rowHeight};
    this.area = area;
    this.cellWidth = area.width / model.columns.length;
    this.cellHeight = this.rowHeight;
    const place = JSON.stringify([area.x, area.y, this.cellWidth, this.cellHeight]);
    if (this.element.dataset.area !== place) {
      this.element.dataset.area = place;
      Object.assign(
        this.cells.style,
        {left: `${area.x}px`, top: `${area.y}px`, width: `${area.width}px`, height: `${area.height}px`});
    }
    this.#paint(this.painter, window.devicePixelRatio || 1);
    this.element.dataset.painted = String(performance.now());
    if (this.width !== this.drawnWidth && this.at && this.drawnWidth)
      this.leave();  // what was under the pointer is elsewhere
    this.drawnWidth = this.width;
    if (this.at) this.#moveCursor();
    if (this.pick) this.select(this.pick);
  }

  #draw(chart) {
    this.#show();
    const {model, room, area} = this, style = axisStyle();
    const key = JSON.stringify([model.columns, model.rows, area, this.slant, chart.getHeight(), token('surface')]);
    if (key === this.drawnAxes) return;
    this.drawnAxes = key;
    const label = {...style.axisLabel, fontFamily};
    const each = Math.max(1, Math.ceil((this.slant ? 15 : model.names ? 1 : 62) / this.cellWidth));
    const labelled = model.labelled?.(this.cellWidth) ?? ((i) => i % each === 0);
    chart.setOption(
      {
        animation: false,
        grid: {left: area.x, top: area.y, width: area.width, height: area.height},
        xAxis: {
          type: 'category',
          data: model.columns,
          ...style,
          splitLine: {show: false},
          axisTick:
            {show: !model.names, alignWithLabel: true, interval: labelled, lineStyle: {color: token('border-strong')}},
          axisLabel: {
            ...label,
            interval: labelled,
            rotate: this.slant ? 40 : 0,
            width: 130,
            overflow: 'truncate',
            hideOverlap: false
          }
        },
        yAxis: {
          type: 'category',
          data: model.rows,
          inverse: true,
          ...style,
          splitLine: {show: false},
          axisTick: {show: false},
          axisLine: {show: false},
          axisLabel: {...label, color: token('text'), interval: 0, width: room - 14, overflow: 'truncate'}
        },
        series: [],
      },
      true);
  }

  #moveCursor() {
    this.cursor.hidden = false;
    this.#frame(this.cursor, this.at);
  }

  #frame(element, cell) {
    const box = this.boxOf(cell);
    Object.assign(element.style, {
      left: `${box.left - 1}px`,
      top: `${box.top - 1}px`,
      width: `${Math.max(3, box.width + 1)}px`,
      height: `${box.height + 1}px`
    });
  }

  #keys() {
    const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    this.element.addEventListener('keydown', (event) => {
      if (!this.model || event.ctrlKey || event.metaKey || event.altKey) return;
      const {columns, rows} = this.model;
      if (moves[event.key]) {
        const [dx, dy] = moves[event.key];
        const from = this.at ?? {x: dx < 0 ? columns.length : -1, y: dy < 0 ? rows.length : dy > 0 ? -1 : 0};
        const to = (v, n) => Math.max(0, Math.min(n - 1, v));
        this.focusCell({x: to(from.x + dx, columns.length), y: to(from.y + dy, rows.length)});
        const box = this.boxOf(this.at), page = this.element.getBoundingClientRect();
        const top = page.top + box.top;
        if (top < 130 || top > window.innerHeight - 60) window.scrollBy(0, top - window.innerHeight / 2);
      } else if (event.key === 'Home' || event.key === 'End') {
        this.focusCell({x: event.key === 'Home' ? 0 : columns.length - 1, y: this.at?.y ?? 0});
      } else if (event.key === 'Enter' || event.key === ' ') {
        if (this.at) this.handlers.pick(this.at);
      } else if (event.key === 'Escape') {
        if (!this.at) return;
        this.leave();
      } else {
        return;
      }
      event.preventDefault();
    });
    this.element.addEventListener('blur', () => !this.element.matches(':hover') && this.leave());
  }

  #pointer() {
    let from = null;
    const place = (event) => {
      const page = this.element.getBoundingClientRect();
      return {x: event.clientX - page.left, y: event.clientY - page.top};
    };
    const clampInto = (p) => ({
      x: Math.max(this.area.x, Math.min(this.area.x + this.area.width - 1, p.x)),
      y: Math.max(this.area.y, Math.min(this.area.y + this.area.height - 1, p.y))
    });
    this.element.addEventListener('pointerdown', (event) => {
      const p = place(event);
      if (event.button === 0 && this.cellAt(p.x, p.y)) {
        from = p;
        this.element.setPointerCapture(event.pointerId);
      }
    });
    this.element.addEventListener('pointermove', (event) => {
      const p = place(event);
      if (from && Math.hypot(p.x - from.x, p.y - from.y) > kBrush) {
        const q = clampInto(p);
        this.band.hidden = false;
        Object.assign(this.band.style, {
          left: `${Math.min(from.x, q.x)}px`,
          top: `${Math.min(from.y, q.y)}px`,
          width: `${Math.abs(q.x - from.x)}px`,
          height: `${Math.abs(q.y - from.y)}px`
        });
        return;
      }
      const cell = this.cellAt(p.x, p.y);
      this.element.classList.toggle('over-cell', cell !== null);
      if (!cell) return this.at && this.leave();
      if (!this.at || this.at.x !== cell.x || this.at.y !== cell.y) this.focusCell(cell);
    });
    this.element.addEventListener('pointerup', (event) => {
      if (!from) return;
      const start = from, p = clampInto(place(event));
      from = null;
      const brushed = !this.band.hidden;
      this.band.hidden = true;
      const a = this.cellAt(start.x, start.y), b = this.cellAt(p.x, p.y);
      if (!a || !b) return;
      if (!brushed) return this.handlers.pick(a);
      this.handlers.zoom(
        {x0: Math.min(a.x, b.x), x1: Math.max(a.x, b.x), y0: Math.min(a.y, b.y), y1: Math.max(a.y, b.y)});
    });
    this.element.addEventListener('pointercancel', () => {
      from = null;
      this.band.hidden = true;
    });
    this.element.addEventListener('pointerleave', () => !from && this.at && this.leave());
  }
}
