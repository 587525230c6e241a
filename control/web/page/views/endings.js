// SPDX-License-Identifier: Apache-2.0
//
// Endings one by one, newest first, page by page.
import {call} from '../api.js';
import {h, link, replace} from '../dom.js';
import {csv} from '../export.js';
import {count, endpoint, plural} from '../format.js';
import {causeOf, completeness, empty, eventColumns, originOf, save, severityOf, table} from '../parts.js';
import {address} from '../state.js';
import {moment, rangeOf, secondsOf, span, timeOf} from '../time.js';

const kPage = 200;

export function make() {
  const head = h('div', {class_: 'view-head'}), list = h('div', {class_: 'panel flush'}),
        pages = h('p', {class_: 'pages'}), foot = h('div');
  const element = h('div', {class_: 'view endings'}, head, list, pages, foot);

  // The newest first: each page ends where the one before began.
  async function load(state, signal) {
    const until = state.get('page') ? Number(state.get('page')) : null;
    const range = until ? {...state.range, until} : state.range;
    const base = {filter: state.q, includeBenign: state.benign};
    const [answer, top] = await Promise.all([
      call('ListResets', {...base, range: rangeOf(range), pageSize: kPage, last: true, brief: true}, signal),
      call('Top', {...base, range: rangeOf(state.range), by: ['DIMENSION_ENDING'], limit: 5}, signal)
    ]);
    const events = (answer.events ?? []).toReversed();
    replace(
      head, h('h1', {}, 'Endings'),
      h('p', {class_: 'muted subtitle', dataset: {total: top.total ?? 0}},
        `${plural(top.total ?? 0, 'ending')}${
          (top.rows ?? []).map((r) => ` · ${count(r.value)} ${r.keys[0].replaceAll('_', ' ')}`).join('')}`,
        state.range.since !== null && ` · ${span(state.range.since, state.range.until)} UTC`),
      h('span', {class_: 'gap'}),
      link(address('/heatmap', {x: 'time', y: 'service'}), {class_: 'button'}, 'Heatmap of these'),
      h('button', {type: 'button', onclick: () => exportRows(events)}, 'CSV'));
    replace(
      list,
      events.length === 0 ?
        empty(
          'Nothing ended that way in this range',
          h('p', {}, 'Choose a longer range',
            state.q && [', or ', link(address('/endings', {q: null}), {}, 'remove the filter')], '.')) :
        table(eventColumns(), events, {rowClass: severityOf}));
    const oldest = events.length === kPage ? Math.ceil(timeOf(events.at(-1).time)) : null;
    replace(
      pages, until && link(address('/endings', {page: null}), {class_: 'button'}, 'Newest'), ' ',
      oldest && link(address('/endings', {page: oldest}), {class_: 'button'}, `Older than ${moment(oldest)}`));
    replace(foot, completeness(answer.completeness, state));
  }

  const exportRows = (events) =>
    save('resetscope-endings.csv', csv([
           [
             'time', 'id', 'client', 'server', 'name', 'ending', 'cause', 'origin', 'stage', 'severity', 'confidence',
             'idle_seconds', 'count', 'sensor', 'summary'
           ],
           ...events.map(
             (e) =>
               [e.time, e.id, endpoint(e.client), endpoint(e.server), e.server?.name ?? '', e.ending, causeOf(e),
                originOf(e), e.stage, severityOf(e), e.confidence ?? 0, secondsOf(e.idle), Number(e.count ?? 1),
                e.sensor ?? '', e.summary ?? ''])
         ]));

  return {element, load, title: () => 'Endings'};
}
