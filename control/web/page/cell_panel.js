// SPDX-License-Identifier: Apache-2.0
//
// The endings behind one cell, beside the heatmap: what they come from, and the newest of them.
import {call} from './api.js';
import {h, link, replace} from './dom.js';
import {percent, spaced} from './format.js';
import {cause, causeOf, endpointsOf, eventLink, failure, loading, mark, severityOf} from './parts.js';
import {address} from './state.js';
import {moment, rangeOf, rangeText, timeOf} from './time.js';
import {topOf} from './tip.js';

const kShown = 30;

export class CellPanel {
  constructor(close) {
    this.close = close;
    this.element = h('aside', {
      class_: 'panel cell-panel',
      'aria-label': 'the chosen cell',
      hidden: true,
      onkeydown: (e) => e.key === 'Escape' && close()
    });
  }
  hide() { this.element.hidden = true; }

  async show(facts, state, signal) {
    const q = facts.question, key = JSON.stringify([q, facts.value]);
    const head = [
      h('div', {class_: 'cell-head'},
        h('div', {}, facts.names.map((n, i) => h(i === 0 ? 'h2' : 'div', {class_: i ? 'muted' : ''}, n))),
        h('button', {type: 'button', class_: 'quiet', 'aria-label': 'close', onclick: this.close}, '×')),
      h('div', {class_: 'cell-value'}, facts.value), facts.lines.map((l) => h('div', {class_: 'muted'}, l)),
      facts.state && h('div', {class_: 'muted'}, facts.stateText)
    ];
    if (key === this.key && !this.element.hidden) return;
    this.element.hidden = false;
    if (!q || facts.empty) {
      this.key = key;
      return replace(
        this.element, head,
        !facts.empty && h('p', {class_: 'muted'}, 'The filter language has no words for this cell.'));
    }
    if (this.key === undefined) replace(this.element, head, loading());
    try {
      const [causes, list] = await Promise.all([
        topOf(q, 'DIMENSION_CAUSE', 6, signal),
        call(
          'ListResets', {
            filter: q.filter,
            range: rangeOf(q.range),
            includeBenign: q.benign,
            pageSize: kShown,
            last: true,
            brief: true
          },
          signal)
      ]);
      const events = (list.events ?? []).toReversed();
      const into = {
        q: q.filter,
        r: q.range.since === null ? 'all' : rangeText(q.range.since, q.range.until),
        live: null
      };
      replace(
        this.element, head, h('h3', {}, 'Causes'),
        h('div', {class_: 'shares'},
          causes.map(
            (c) =>
              h('div', {class_: 'share'},
                link(
                  address('/endings', {...into, q: `${q.filter}${q.filter ? ' and ' : ''}cause = ${c.key}`}), {},
                  spaced(c.key)),
                h('span', {class_: 'share-bar'}, h('i', {style: {width: `${c.share * 100}%`}})),
                h('span', {class_: 'number'}, percent(c.share))))),
        h('h3', {}, 'Endings, newest first'),
        h('ul', {class_: 'event-list'},
          events.map(
            (e) =>
              h('li', {},
                eventLink(
                  e, h('span', {class_: 'when'}, moment(timeOf(e.time))), mark(severityOf(e)), cause(causeOf(e)),
                  h('small', {}, endpointsOf(e)))))),
        h('p', {}, link(address('/endings', into), {class_: 'button'}, 'All of them'), ' ',
          link(address('/heatmap', {...into, x: 'time', y: 'cause'}), {class_: 'button'}, 'Causes over time')));
      this.key = key;
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      replace(this.element, head, failure(error));
    }
  }
}
