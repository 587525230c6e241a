// SPDX-License-Identifier: Apache-2.0
//
// What is behind many endings: restarts, scans, overload, failovers ...
import {call} from '../api.js';
import {h, link, replace} from '../dom.js';
import {count, percent, plural, spaced, word} from '../format.js';
import {chip, completeness, empty, panel, table} from '../parts.js';
import {address} from '../state.js';
import {duration, moment, rangeOf, timeOf} from '../time.js';

export const kindOf = (i) => spaced(word(i.kind, 'INCIDENT_KIND_'));
export const isOpen = (i) => i.state === 'INCIDENT_STATE_OPEN';
export const lasted = (i) =>
  duration(Math.max(1, Math.round(((i.end ? timeOf(i.end) : Date.now()) - timeOf(i.start)) / 1000)));

export const incidentRow = (i) =>
  h('li', {},
    link(
      address(`/incident/${i.id}`), {class_: 'incident-row'}, chip(kindOf(i), isOpen(i) ? 'open' : ''),
      h('span', {class_: 'incident-text'}, i.summary ?? i.scope ?? ''),
      h('small', {class_: 'muted'}, `since ${moment(timeOf(i.start), false)} · ${plural(i.endings ?? 0, 'ending')}`)));

export function make() {
  const head =
    h('div', {class_: 'view-head'}, h('h1', {}, 'Incidents'),
      h('p', {class_: 'muted subtitle'}, 'Endings that have something in common, told from the packets alone.'));
  const body = h('div'), foot = h('div');
  const element = h('div', {class_: 'view incidents'}, head, body, foot);

  async function load(state, signal) {
    const answer = await call('ListIncidents', {filter: state.q, range: rangeOf(state.range), limit: 200}, signal);
    const all = answer.incidents ?? [];
    const columns = [
      {title: 'what', cell: (i) => link(address(`/incident/${i.id}`), {}, chip(kindOf(i), isOpen(i) ? 'open' : ''))},
      {title: 'where', cell: (i) => i.scope ?? '', class_: 'where'},
      {title: 'since (UTC)', class_: 'when', cell: (i) => moment(timeOf(i.start)), sort: (i) => timeOf(i.start)},
      {title: 'lasted', number: true, cell: lasted},
      {title: 'endings', number: true, cell: (i) => count(i.endings ?? 0), sort: (i) => Number(i.endings ?? 0)},
      {title: 'clients', number: true, cell: (i) => count(i.clients ?? 0), class_: 'wide'},
      {title: 'sure', number: true, cell: (i) => percent(i.confidence ?? 0), sort: (i) => i.confidence ?? 0},
      {
        title: 'in a sentence',
        cell: (i) => link(address(`/incident/${i.id}`), {class_: 'quiet-link'}, i.summary ?? ''),
        class_: 'wide sentence-cell'
      },
    ];
    const newest = all.toSorted((a, b) => timeOf(b.start) - timeOf(a.start));
    const open = newest.filter(isOpen), closed = newest.filter((i) => !isOpen(i));
    replace(
      body,
      all.length === 0 ? panel(
                           'None in this range',
                           empty(
                             'Nothing that many endings have in common',
                             h('p', {class_: 'muted'},
                               'Single endings stand under Endings; choose a longer range to see older incidents.'))) :
                         [
                           open.length > 0 && panel(`Open (${open.length})`, table(columns, open)),
                           closed.length > 0 && panel(`Over (${closed.length})`, table(columns, closed))
                         ]);
    replace(foot, completeness(answer.completeness, {benign: true}));
  }
  return {element, load, title: () => 'Incidents'};
}
