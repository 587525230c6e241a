// SPDX-License-Identifier: Apache-2.0
//
// A heatmap's numbers: the server's cells as a grid, beside those of the period before, and what a line stands for.
import {kMostChange} from './color.js';
import {spaced} from './format.js';
import {clock, day, duration, secondsOf, span, timeOf} from './time.js';
import {idleEnd, termOf} from './words.js';

// Widths of time buckets in seconds, as the server chooses them: ranges begin on a whole one.
const kSteps = [10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800];

// A moving range, begun on a whole bucket so that its first column is a whole one.
export function aligned(range, columns) {
  if (!range.relative || range.since === null) return range;
  const length = (range.until - range.since) / 1000;
  const step = (kSteps.find((s) => length / s <= columns - 1) ?? kSteps.at(-1)) * 1000;
  return {...range, since: Math.floor(range.since / step) * step};
}

// "payments-db @ fra1 (10.7.3.9:5432)" -> "payments-db @ fra1"; what has only a site keeps its address.
export function shortName(label) {
  const parts = /^(.*) \(([^()\s]+)\)$/.exec(label);
  if (!parts) return label;
  return parts[1].startsWith('@ ') ? `${parts[2]} ${parts[1]}` : parts[1];
}

// Which of the columns of time get a label, so that labels stand on round times.
const kTicks = [10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
export function roundTimes(starts, stepMs, columnPx, labelPx) {
  const every =
    (kTicks.find((t) => t * 1000 >= stepMs && (t * 1000 / stepMs) * columnPx >= labelPx) ?? kTicks.at(-1)) * 1000;
  return (i) => starts[i] % every === 0;
}

// Silences that nobody kept, between the shortest and the longest that somebody did, are part of the picture: "6s",
// "10s" -> "6s", "7s", "8s", "9s", "10s".
function wholeSilences(labels) {
  const out = [];
  for (const label of labels) {
    const from = Number.parseFloat(label);
    for (let last = out.at(-1); last !== undefined; last = out.at(-1)) {
      const next = idleEnd(Number.parseFloat(last));
      if (next >= from) break;
      out.push(`${next}s`);
    }
    out.push(label);
  }
  return out;
}

export class Grid {
  constructor(map, dims, range) {
    this.dims = dims;
    this.map = map;
    this.range = range;
    const given = [map.xLabels ?? [], map.yLabels ?? []], cut = [map.xOther, map.yOther];
    this.keys = given.map((labels, i) => (dims[i] === 'idle_time' && !cut[i] ? wholeSilences(labels) : labels));
    // Where the server's lines stand among ours.
    const [xs, ys] = given.map((labels, i) => labels.map((label) => this.keys[i].indexOf(label)));
    this.columns = this.keys[0].length;
    this.rows = this.keys[1].length;
    this.values = new Float64Array(this.columns * this.rows).fill(NaN);
    this.partial = new Uint8Array(this.columns * this.rows);
    this.stepMs = secondsOf(map.step) * 1000;
    this.total = map.total ?? 0;
    for (const cell of map.cells ?? []) {
      const at = ys[cell.y ?? 0] * this.columns + xs[cell.x ?? 0];
      this.values[at] = cell.value ?? 0;
      if (cell.incomplete) this.partial[at] = 1;
    }
    if (xs.length < this.columns) this.#fill(xs, (x, y) => y * this.columns + x, this.columns, this.rows);
    if (ys.length < this.rows) this.#fill(ys, (y, x) => y * this.columns + x, this.rows, this.columns);
    const now = Date.now(), side = dims.indexOf('time');
    this.pending = side < 0 ? null : this.keys[side].map((label) => timeOf(label) + this.stepMs > now);
    this.starts = side < 0 ? null : this.keys[side].map(timeOf);
  }

  // Lines of ours are zero where those of the server say that somebody watched.
  #fill(theirs, place, lines, others) {
    for (let other = 0; other < others; ++other) {
      const seen = theirs.map((i) => place(i, other)).find((at) => !Number.isNaN(this.values[at]));
      if (seen === undefined) continue;
      for (let i = 0; i < lines; ++i) {
        const at = place(i, other);
        if (theirs.includes(i) || !Number.isNaN(this.values[at])) continue;
        this.values[at] = 0;
        this.partial[at] = this.partial[seen];
      }
    }
  }

  at(x, y) { return this.values[y * this.columns + x]; }
  state(x, y) {
    if (Number.isNaN(this.at(x, y))) return 'none';
    if (this.isPending(x, y)) return 'pending';
    return this.partial[y * this.columns + x] ? 'partial' : '';
  }
  isPending(x, y) { return this.pending !== null && this.pending[this.dims[0] === 'time' ? x : y]; }
  isOther(side, i) {
    return Boolean(side === 0 ? this.map.xOther : this.map.yOther) && i === this.keys[side].length - 1;
  }

  extent() {
    let lo = Infinity, hi = 0;
    for (const v of this.values)
      if (v > 0) {
        lo = Math.min(lo, v);
        hi = Math.max(hi, v);
      }
    return hi > 0 ? [lo, hi] : [1, 1];
  }

  // As people read it on the axis; `full`: in a heading.
  text(side, i, full = false) {
    const label = this.keys[side][i];
    if (label === undefined) return '';
    switch (this.dims[side]) {
      case 'time': {
        const at = timeOf(label);
        if (full) return span(at, at + this.stepMs);
        const long = this.stepMs * this.keys[side].length > 2 * 86_400_000;
        return long ? (this.stepMs >= 86_400_000 ? day(at) : `${day(at)} ${clock(at, false)}`) :
                      clock(at, at % 60_000 !== 0);
      }
      case 'idle_time': {
        if (this.isOther(side, i)) return label;
        const from = Number.parseFloat(label);
        return from === 0 ? 'under 1 s' : duration(from);
      }
      case 'service':
      case 'server_ip':
      case 'client_ip':
        return full && !label.startsWith('@ ') ? label : shortName(label);
      case 'cause':
      case 'origin':
      case 'stage':
      case 'family':
      case 'ending':
        return spaced(label);
      default:
        return label;
    }
  }

  // The filter a cell stands for; null: "other", or no field of the language names it.
  terms(x, y) {
    const out = [];
    for (const [side, i] of [[0, x], [1, y]]) {
      if (this.dims[side] === 'time') continue;
      if (this.isOther(side, i)) return null;
      const term = termOf(this.dims[side], this.keys[side][i]);
      if (term === null) return null;
      out.push(term);
    }
    return out;
  }

  cellRange(x, y) {
    if (!this.starts) return this.range;
    const since = this.starts[this.dims[0] === 'time' ? x : y];
    return {
      since: Math.max(since, this.range.since ?? 0),
      until: Math.min(since + this.stepMs, this.range.until ?? Infinity),
      relative: false
    };
  }
}

// Doublings against the period before, by place in time and by label elsewhere. NaN: unknown in one of the two.
export class Change {
  constructor(now, then) {
    this.now = now;
    this.then = then;
    this.places =
      [0, 1].map((side) => (now.dims[side] === 'time' ? null : new Map(then.keys[side].map((k, i) => [k, i]))));
    this.floor = 0.5;  // of a count: from nothing to one is a doubling and a half
  }

  before(x, y) {
    if (this.now.isOther(0, x) || this.now.isOther(1, y)) return NaN;
    const at = [x, y].map((i, side) => {
      if (!this.places[side]) return i < this.then.keys[side].length ? i : undefined;
      return this.places[side].get(this.now.keys[side][i]);
    });
    // A line that is not in a complete list had nothing; whether it was watched, its neighbours know.
    if (at[0] === undefined || at[1] === undefined) {
      if (
        (at[0] === undefined && (this.then.map.xOther || !this.places[0])) ||
        (at[1] === undefined && (this.then.map.yOther || !this.places[1])))
        return NaN;
      return this.watched(at);
    }
    return this.then.at(at[0], at[1]);
  }
  watched([x, y]) {
    if (this.then.columns === 0 || this.then.rows === 0) return this.then.map.completeness?.sensorsReporting ? 0 : NaN;
    return Number.isNaN(this.then.at(x ?? 0, y ?? 0)) ? NaN : 0;
  }

  doublings(x, y) {
    const a = this.now.at(x, y), b = this.before(x, y);
    return Math.max(-kMostChange, Math.min(kMostChange, Math.log2((a + this.floor) / (b + this.floor))));
  }
}
