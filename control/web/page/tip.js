// SPDX-License-Identifier: Apache-2.0
//
// What a cell says while the pointer or the keyboard is on it. Causes and origins are asked for when it stays.
import {call} from './api.js';
import {h, replace} from './dom.js';
import {percent, rate, spaced} from './format.js';
import {rangeOf} from './time.js';

const kStayMs = 140;
const kMostKnown = 400;  // cells remembered

export async function topOf(question, by, limit, signal) {
  const top = await call(
    'Top', {
      by: [by],
      metric: 'METRIC_ENDINGS',
      filter: question.filter,
      range: rangeOf(question.range),
      includeBenign: question.benign,
      limit
    },
    signal);
  return (top.rows ?? []).map((row) => ({key: row.keys[0], value: row.value ?? 0, share: row.share ?? 0}));
}

// Null when nobody counted the connections.
export async function failedPer1000(question, signal) {
  const top = await call(
    'Top', {
      by: ['DIMENSION_SERVICE'],
      metric: 'METRIC_PER_1000_CONNECTIONS',
      filter: question.filter,
      range: rangeOf(question.range),
      includeBenign: question.benign,
      limit: 1
    },
    signal);
  return (top.rows ?? []).length > 0 && top.total > 0 ? top.total : null;
}

export class Tip {
  constructor(host) {
    this.host = host;
    this.more = h('div', {class_: 'tip-more'});
    this.element = h('div', {class_: 'tip', role: 'status', hidden: true});
    this.known = new Map();
    host.append(this.element);
  }

  show(facts, box) {
    clearTimeout(this.timer);
    this.asking?.abort();
    replace(this.more);
    replace(
      this.element, facts.names.map((n) => h('div', {class_: 'tip-name'}, n)),
      h('div', {class_: 'tip-value'}, facts.value), facts.lines.map((l) => h('div', {}, l)), this.more,
      h('div', {class_: `tip-state ${facts.state}`}, facts.stateText));
    this.element.hidden = false;
    this.#place(box);
    if (facts.question && !facts.empty)
      this.timer = setTimeout(() => this.#details(facts.question, box), kStayMs);
    else if (!facts.question && !facts.empty)
      replace(this.more, h('div', {}, 'The sum of the smaller ones: click to show more of them.'));
  }

  hide() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.element.hidden = true;
  }

  async #details(question, box) {
    const key = JSON.stringify(question);
    this.asking = new AbortController();
    const {signal} = this.asking;
    try {
      if (!this.known.has(key)) {
        const got = await Promise.all([
          topOf(question, 'DIMENSION_CAUSE', 3, signal), topOf(question, 'DIMENSION_ORIGIN', 3, signal),
          failedPer1000(question, signal).catch(() => null)
        ]);
        if (this.known.size >= kMostKnown) this.known.clear();
        this.known.set(key, got);
      }
    } catch {
      return;  // the next cell has been pointed at, or the view will say what is wrong
    }
    if (signal.aborted) return;
    const [causes, origins, per1000] = this.known.get(key);
    const line = (name, rows) => rows.length > 0 &&
      h('div', {class_: 'tip-line'}, h('span', {}, name),
        rows.map((r) => `${spaced(r.key)} ${percent(r.share)}`).join(', '));
    replace(
      this.more, line('causes', causes), line('sent by', origins),
      per1000 !== null &&
        h('div', {class_: 'tip-line'}, h('span', {}, 'rate'), `${rate(per1000)} per 1,000 connections`));
    this.#place(box);
  }

  // Beside the cell, within the host.
  #place(box) {
    const {offsetWidth: w, offsetHeight: hh} = this.element;
    const right = box.left + box.width + 12 + w < this.host.clientWidth;
    const left = right ? box.left + box.width + 12 : Math.max(0, box.left - w - 12);
    const top = Math.max(-40, Math.min(box.top - 8, this.host.clientHeight - hh));
    Object.assign(this.element.style, {left: `${left}px`, top: `${top}px`});
  }
}
