// SPDX-License-Identifier: Apache-2.0
//
// One service: its endings over time by cause and by origin, its clients, its idle timeouts, its latest endings.
import {ApiError, call} from '../api.js';
import {areas} from '../charts.js';
import {h, link, replace} from '../dom.js';
import {count, percent, rate, short, spaced} from '../format.js';
import {completeness, eventColumns, panel, severityOf, table} from '../parts.js';
import {address, change, itemOf} from '../state.js';
import {clock, date, duration, rangeOf, rangeText, secondsOf, timeOf} from '../time.js';
import {allOf, termOf} from '../words.js';
import {failed, fate} from './services.js';

export function make() {
  const head = h('div'), foot = h('div'), clients = h('div'), idle = h('div'), latest = h('div');
  const charts = ['cause', 'origin'].map((by) => ({
                                           by,
                                           box: h('div', {class_: 'chart'}),
                                           key: h('div', {class_: 'key'}),
                                           reading: h('p', {class_: 'reading muted'}),
                                           data: null,
                                           mounted: null
                                         }));
  const element =
    h('div', {class_: 'view service'}, head,
      h('div', {class_: 'grid-2'},
        charts.map(
          (c) =>
            h('section', {class_: 'panel'},
              h('h2', {}, c.by === 'cause' ? 'Why, over time' : 'Sent by whom, over time'), c.key, c.box, c.reading)),
        panel('Clients', clients), panel('Limits on silence', idle), panel('Latest endings', latest)),
      foot);
  element.querySelector('.grid-2').lastElementChild.classList.add('span-2');

  async function load(state, signal) {
    const name = itemOf(state.path), term = termOf('service', name);
    if (!term) throw new ApiError('NOT_FOUND', `“${name}” is no service: an address with a port is`, 404);
    const q = allOf(state.q, term), range = rangeOf(state.range),
          base = {filter: q, range, includeBenign: state.benign};
    const [byCause, byOrigin, top, timeouts, services, list] = await Promise.all([
      call('Timeline', {...base, splitBy: 'DIMENSION_CAUSE', limit: 7}, signal),
      call('Timeline', {...base, splitBy: 'DIMENSION_ORIGIN', limit: 7}, signal),
      call('Top', {...base, by: ['DIMENSION_CLIENT_NETWORK'], limit: 8}, signal),
      call('ListIdleTimeouts', {filter: q, limit: 10}, signal),
      call('ListServices', {filter: term, range, limit: 1}, signal),
      call('ListResets', {...base, pageSize: 25, last: true, brief: true}, signal)
    ]);
    const s = services.services?.[0];
    replace(
      head,
      h('div', {class_: 'panel headline'}, h('p', {class_: 'muted'}, link(address('/services'), {}, 'Services')),
        h('h1', {class_: 'sentence'}, name),
        s ? h('dl', {class_: 'facts across'},
              [
                ['connections', short(Number(s.attempted ?? 0))], ['failed / 1,000', rate(failed(s))],
                ['closed cleanly', short(Number(s.closedCleanly ?? 0))], ['reset', short(Number(s.reset ?? 0))],
                ['refused', short(Number(s.refused ?? 0))], ['timed out', short(Number(s.timedOut ?? 0))]
              ].map(([n, v]) => h('div', {}, h('dt', {}, n), h('dd', {}, v)))) :
            h('p', {class_: 'muted'}, 'No sensor counted its connections in this range.'),
        s && fate(s)));
    charts.forEach((c, i) => draw(c, [byCause, byOrigin][i]));
    replace(
      clients,
      (top.rows ?? []).length === 0 ?
        h('p', {class_: 'muted'}, 'None.') :
        table(
          [
            {
              title: 'client network',
              cell: (r) => link(
                address('/endings', {q: allOf(q, termOf('client_network', r.keys[0]))}), {class_: 'mono'}, r.keys[0])
            },
            {title: 'endings', number: true, cell: (r) => count(r.value)},
            {title: 'share', number: true, cell: (r) => percent(r.share ?? 0)}
          ],
          top.rows));
    replace(
      idle,
      (timeouts.timeouts ?? []).length === 0 ?
        h('p', {class_: 'muted'}, 'None known: its connections do not end after the same silence.') :
        h('ul', {class_: 'plain'},
          timeouts.timeouts.map(
            (t) =>
              h('li', {}, h('b', {}, `${t.atMost ? 'at most ' : ''}${duration(secondsOf(t.value))}`),
                ` ${t.path ?? ''} `, h('span', {class_: 'muted'}, t.advice ?? '')))));
    replace(
      latest,
      (list.events ?? []).length === 0 ? h('p', {class_: 'muted'}, 'None in this range.') :
                                         table(eventColumns(), list.events.toReversed(), {rowClass: severityOf}),
      h('p', {class_: 'links'}, link(address('/endings', {q}), {class_: 'button'}, 'All of them'),
        link(address('/heatmap', {q, x: 'time', y: 'cause'}), {class_: 'button'}, 'Causes over time')));
    replace(foot, completeness(byCause.completeness, state));
  }

  function draw(c, line) {
    const series = (line.series ?? []).map((s) => ({key: s.key || 'all', values: s.values ?? []}));
    c.box.hidden = series.length === 0;
    c.reading.textContent =
      series.length === 0 ? 'Nothing ended in this range.' : 'Point at the chart to read it, click to go there.';
    const next = {start: timeOf(line.start), step: secondsOf(line.step) * 1000, series};
    if (series.length === 0) return;
    if (c.data) {
      Object.assign(c.data, next);
      return void c.mounted.then((m) => m?.again());
    }
    c.data = {
      ...next,
      key: c.key,
      read(i) {
        if (i === null) return;
        const at = c.data.start + i * c.data.step;
        c.reading.textContent = `${date(at)} ${clock(at)}: ${
          c.data.series.filter((s) => s.values[i] > 0)
            .map((s) => `${spaced(s.key)} ${count(s.values[i])}`)
            .join(' · ') ||
          'nothing ended'}`;
      },
      pick: (i) =>
        change({r: rangeText(c.data.start + i * c.data.step, c.data.start + (i + 1) * c.data.step), live: null})
    };
    c.mounted = areas(c.box, c.data);
  }
  return {element, load, title: () => 'Service'};
}
