// SPDX-License-Identifier: Apache-2.0
//
// What became of each service's connections.
import {call} from '../api.js';
import {h, link, replace} from '../dom.js';
import {csv} from '../export.js';
import {bytes, count, endpoint, endpointName, rate, spaced, word} from '../format.js';
import {shortName} from '../grid.js';
import {cause, completeness, empty, save, table} from '../parts.js';
import {address} from '../state.js';
import {rangeOf} from '../time.js';

// As a line of a heatmap or a list calls it: "name @ site (address)", else the address.
export const keyOf = (s) =>
  (s.key            ? s.key :
     s.server?.name ? `${endpointName(s.server)} (${endpoint(s.server)})` :
                      endpoint(s.server));
const kParts =
  [['closedCleanly', 'closed cleanly'], ['reset', 'reset'], ['refused', 'refused'], ['timedOut', 'timed out']];

export function fate(s) {
  const sum = kParts.reduce((n, [k]) => n + Number(s[k] ?? 0), 0);
  if (sum === 0) return h('span', {class_: 'muted'}, '–');
  return h(
    'span', {class_: 'fate', title: kParts.map(([k, t]) => `${count(s[k] ?? 0)} ${t}`).join(', ')},
    kParts.filter(([k]) => Number(s[k] ?? 0) > 0)
      .map(([k]) => h('i', {class_: k, style: {flexGrow: String(Number(s[k] ?? 0) / sum)}})));
}

export function make() {
  const head = h('div', {class_: 'view-head'}), body = h('div', {class_: 'panel flush'}), foot = h('div');
  const element = h('div', {class_: 'view services'}, head, body, foot);
  async function load(state, signal) {
    const answer = await call('ListServices', {filter: state.q, range: rangeOf(state.range), limit: 500}, signal);
    const list = answer.services ?? [];
    replace(
      head, h('h1', {}, 'Services'),
      h('p', {class_: 'muted subtitle'}, 'What became of each service’s connections. Rates are per 1,000 attempted.'),
      h('span', {class_: 'gap'}),
      h('div', {class_: 'key fate-key'}, kParts.map(([k, t]) => h('span', {}, h('i', {class_: k}), t))),
      h('button', {
        type: 'button',
        onclick: () => save('resetscope-services.csv', csv([
                              [
                                'service', 'attempted', 'established', 'closed_cleanly', 'reset', 'refused',
                                'timed_out', 'failed_per_1000', 'lost_bytes'
                              ],
                              ...list.map(
                                (s) =>
                                  [keyOf(s),
                                   ...['attempted', 'established', 'closedCleanly', 'reset', 'refused', 'timedOut'].map(
                                     (k) => Number(s[k] ?? 0)),
                                   s.failedPer_1000 ?? s.failedPer1000 ?? 0, Number(s.lostBytes ?? 0)])
                            ]))
      },
        'CSV'));
    replace(
      body,
      list.length === 0 ?
        empty(
          'No service was seen in this range',
          h('p', {class_: 'muted'}, 'Sensors report each service every ten seconds while they see its connections.')) :
        table(
          [
            {
              title: 'service',
              cell: (s) => link(
                address(`/service/${encodeURIComponent(keyOf(s))}`), {class_: 'key-text', title: keyOf(s)},
                plainName(s)),
              sort: keyOf
            },
            {title: 'failed / 1,000', number: true, cell: (s) => rate(failed(s)), sort: failed},
            {
              title: 'attempted',
              number: true,
              cell: (s) => count(s.attempted ?? 0),
              sort: (s) => Number(s.attempted ?? 0)
            },
            {title: 'what became of them', cell: fate, class_: 'fate-cell'},
            {title: 'reset', number: true, cell: (s) => count(s.reset ?? 0), sort: (s) => Number(s.reset ?? 0)},
            {title: 'refused', number: true, cell: (s) => count(s.refused ?? 0), sort: (s) => Number(s.refused ?? 0)},
            {
              title: 'timed out',
              number: true,
              cell: (s) => count(s.timedOut ?? 0),
              sort: (s) => Number(s.timedOut ?? 0)
            },
            {
              title: 'lost',
              number: true,
              cell: (s) => (Number(s.lostBytes ?? 0) ? bytes(s.lostBytes) : ''),
              sort: (s) => Number(s.lostBytes ?? 0),
              class_: 'wide'
            },
            {
              title: 'mostly',
              cell: (s) => (s.topCause ? cause(word(s.topCause, 'CAUSE_')) : ''),
              sort: (s) => spaced(word(s.topCause, 'CAUSE_')),
              class_: 'wide'
            },
          ],
          list));
    replace(foot, completeness(answer.completeness, {benign: true}));
  }
  return {element, load, title: () => 'Services'};
}
const plainName = (s) => (keyOf(s).startsWith('@ ') || !keyOf(s).includes(' (') ? shortName(keyOf(s)) : keyOf(s));
export const failed = (s) => s.failedPer1000 ?? s.failedPer_1000 ?? 0;
