// SPDX-License-Identifier: Apache-2.0
//
// Where does it burn, since when, whose fault: one page that answers at a glance and leads everywhere else.
import {call} from '../api.js';
import {areas} from '../charts.js';
import {h, link, replace} from '../dom.js';
import {count, percent, rate, short, spaced, word} from '../format.js';
import {cause, completeness, empty, eventColumns, mark, panel, severityOf, table} from '../parts.js';
import {shortName} from '../grid.js';
import {address, change} from '../state.js';
import {incidentRow, isOpen} from './incidents.js';
import {ago, clock, date, duration, rangeOf, rangeText, secondsOf, span, timeOf} from '../time.js';
import {allOf, termOf} from '../words.js';

const kSeries = 7;
const kIncidents = 6;

export function make() {
  const tiles = h('div', {class_: 'tiles'}), chartBox = h('div', {class_: 'chart'}),
        reading = h('p', {class_: 'reading muted'});
  const key = h('div', {class_: 'key'});
  const services = h('div'), causes = h('div'), incidents = h('div'), sensors = h('div'), latest = h('div'),
        foot = h('div');
  const more = (href, text) => link(href, {class_: 'more'}, text);
  const moreLinks = [h('span'), h('span'), h('span'), h('span'), h('span')];
  const content =
    h('div', {class_: 'grid-2'},
      h('section', {class_: 'panel span-2'},
        h('div', {class_: 'panel-head'}, h('h2', {}, 'Endings by cause'), moreLinks[0]), key, chartBox, reading),
      h('section', {class_: 'panel'},
        h('div', {class_: 'panel-head'}, h('h2', {}, 'Services that fail most'), moreLinks[1]), services),
      h('section', {class_: 'panel'}, h('div', {class_: 'panel-head'}, h('h2', {}, 'Incidents'), moreLinks[2]),
        incidents),
      h('section', {class_: 'panel'}, h('div', {class_: 'panel-head'}, h('h2', {}, 'Causes'), moreLinks[3]), causes),
      h('section', {class_: 'panel'}, h('div', {class_: 'panel-head'}, h('h2', {}, 'Sensors'), moreLinks[4]), sensors),
      panel('Latest endings', latest));
  content.lastElementChild.classList.add('span-2');
  const start = h('div');
  const element =
    h('div', {class_: 'view overview'}, h('h1', {class_: 'only-read'}, 'Overview'), tiles, start, content, foot);

  const tile = (title, value, note, kind = '', href = null) => {
    const inner = [
      h('div', {class_: 'tile-title'}, title), h('div', {class_: 'tile-value'}, value),
      h('div', {class_: 'tile-note'}, note)
    ];
    return href ? link(href, {class_: `tile ${kind}`}, inner) : h('div', {class_: `tile ${kind}`}, inner);
  };

  async function load(state, signal) {
    const range = rangeOf(state.range), base = {filter: state.q, range, includeBenign: state.benign};
    const canCompare = state.range.since !== null;
    const [line, byCause, byService, byOrigin, open, sensorList, info, list] = await Promise.all([
      call('Timeline', {...base, splitBy: 'DIMENSION_CAUSE', limit: kSeries}, signal),
      call('Top', {...base, by: ['DIMENSION_CAUSE'], limit: 8, compare: canCompare}, signal),
      call('Top', {...base, by: ['DIMENSION_SERVICE'], limit: 8}, signal),
      call('Top', {...base, by: ['DIMENSION_ORIGIN'], limit: 5}, signal),
      call('ListIncidents', {filter: state.q, range, limit: 200}, signal), call('ListSensors', {}, signal),
      call('GetServerInfo', {}, signal), call('ListResets', {...base, pageSize: 12, last: true, brief: true}, signal)
    ]);
    const total = byCause.total ?? 0, sensorsUp = (sensorList.sensors ?? []).filter((s) => s.connected).length;
    const steps = line.series?.[0]?.values?.length ?? 0, stepS = secondsOf(line.step);
    const minutes = state.range.since === null ? steps * stepS / 60 : (state.range.until - state.range.since) / 60_000;
    const was = byCause.before?.yesterday;
    const newest =
      (open.incidents ?? []).toSorted((a, b) => isOpen(b) - isOpen(a) || timeOf(b.start) - timeOf(a.start));
    const problems = newest.filter(isOpen).length, top = byOrigin.rows?.[0];
    const c = byCause.completeness ?? {}, missed = Number(c.missedPackets ?? 0), seen = Number(c.receivedPackets ?? 0);
    replace(
      tiles,
      tile(
        'Endings', short(total),
        was === undefined ?
          (canCompare ? 'no data of these hours yesterday' : 'in all the store has') :
          was === 0 ?
          'none in the same hours yesterday' :
          `${total >= was ? '+' : '−'}${percent(Math.abs(total - was) / was)} against the same hours yesterday`,
        was !== undefined && total > was * 1.5 && total > 20 ? 'warn' : '', address('/endings')),
      tile('A minute', minutes > 0 ? rate(total / minutes) : '0', `over ${duration(Math.round(minutes) * 60)}`),
      tile(
        'Mostly sent by', top ? spaced(top.keys[0]) : '–',
        top ? `${percent(top.share ?? 0)} of the endings` : 'nothing ended', '',
        address('/heatmap', {x: 'time', y: 'origin'})),
      tile(
        'Open incidents', String(problems),
        problems        ? (newest[0].scope || 'see below') :
          newest.length ? `${newest.length} over in this range` :
                          'none in this range',
        problems ? 'bad' : 'good', address('/incidents')),
      tile(
        'Sensors', `${sensorsUp} of ${(sensorList.sensors ?? []).length}`,
        missed > 0 ? `${percent(missed / (seen + missed))} of packets missed` :
          sensorsUp === 0 ? 'connected now' :
                            'connected, no packets missed',
        missed > 0 || sensorsUp < (sensorList.sensors ?? []).length ? 'warn' : 'good', address('/sensors')));
    replace(moreLinks[0], more(address('/heatmap', {x: 'time', y: 'cause'}), 'as a heatmap'));
    replace(moreLinks[1], more(address('/services'), 'all services'));
    replace(moreLinks[2], more(address('/incidents'), 'all incidents'));
    replace(moreLinks[3], more(address('/heatmap', {x: 'cause', y: 'service'}), 'by service'));
    replace(moreLinks[4], more(address('/sensors'), 'health'));
    showStart(state, info, total);
    showLine(state, line);
    replace(
      services,
      (byService.rows ?? []).length === 0 ?
        h('p', {class_: 'muted'}, 'None.') :
        table(
          [
            {
              title: 'service',
              cell: (r) => link(
                address(`/service/${encodeURIComponent(r.keys[0])}`), {class_: 'key-text', title: r.keys[0]},
                shortName(r.keys[0]))
            },
            {title: 'mostly', cell: (r) => cause(word(r.topCause, 'CAUSE_')), class_: 'wide'},
            {title: 'endings', number: true, cell: (r) => count(r.value)},
            {title: 'share', number: true, cell: (r) => shareBar(r.share)},
          ],
          byService.rows));
    replace(
      causes,
      (byCause.rows ?? []).length === 0 ?
        h('p', {class_: 'muted'}, 'None.') :
        table(
          [
            {
              title: 'cause',
              cell: (r) =>
                link(address('/endings', {q: allOf(state.q, termOf('cause', r.keys[0]))}), {}, spaced(r.keys[0]))
            },
            {title: 'mostly sent by', cell: (r) => spaced(word(r.topOrigin, 'ORIGIN_')), class_: 'wide'},
            {title: 'endings', number: true, cell: (r) => count(r.value)},
            {
              title: 'yesterday',
              number: true,
              class_: 'wide',
              cell: (r) => (r.before?.yesterday === undefined ? '–' : count(r.before.yesterday))
            },
            {title: 'share', number: true, cell: (r) => shareBar(r.share)},
          ],
          byCause.rows));
    replace(
      incidents,
      newest.length === 0 ? h('p', {class_: 'muted'}, 'None: nothing that many endings have in common.') :
                            h('ul', {class_: 'incident-list'}, newest.slice(0, kIncidents).map(incidentRow)));
    replace(
      sensors,
      (sensorList.sensors ?? []).length === 0 ?
        h('p', {class_: 'muted'}, 'No sensor has reported yet.') :
        table(
          [
            {title: 'sensor', cell: (s) => [h('span', {class_: `pulse ${s.connected ? 'up' : 'down'}`}), s.name]},
            {title: 'received', number: true, cell: (s) => short(Number(s.receivedPackets ?? 0))},
            {title: 'missed', number: true, cell: (s) => short(Number(s.missedPackets ?? 0))},
            {title: 'last word', number: true, cell: (s) => (s.lastSeen ? ago(timeOf(s.lastSeen)) : 'never')},
          ],
          sensorList.sensors.slice(0, 8)));
    replace(
      latest,
      (list.events ?? []).length === 0 ?
        h('p', {class_: 'muted'}, 'None.') :
        table(eventColumns(), list.events.toReversed(), {rowClass: (e) => severityOf(e)}));
    replace(foot, completeness(byCause.completeness, state));
  }

  function showStart(state, info, total) {
    const events = Number(info.events ?? 0);
    content.hidden = tiles.hidden = events === 0;
    replace(
      start,
      events === 0 &&
        empty(
          'Nothing is stored yet',
          h('p', {}, 'Point a sensor at this control plane, and its endings appear here as they happen:'),
          h('pre', {}, 'resetscope-sensor --interface eth1 --export-server HOST:PORT'),
          h('p', {class_: 'muted'}, 'deploy/quickstart does it on a network of its own making.')),
      events > 0 && total === 0 && info.newest && state.range.since !== null &&
        Date.parse(info.newest) < state.range.since &&
        h('p', {class_: 'note'},
          `Nothing in this range. The store has ${span(Date.parse(info.oldest), Date.parse(info.newest) + 1)} UTC: `,
          link(address('/', {r: 'all'}), {}, 'show all of it')));
  }

  function showLine(state, line) {
    const start = timeOf(line.start), step = secondsOf(line.step) * 1000;
    const series = (line.series ?? []).map((s) => ({key: s.key || 'all', values: s.values ?? []}));
    chartBox.hidden = series.length === 0;
    const hint = 'Point at the chart to read it, click to go there.';
    reading.textContent = series.length === 0 ? 'Nothing ended in this range.' : hint;
    if (series.length === 0) return replace(key);
    shown = {start, step, series};
    if (chart) return void redraw();
    chart = areas(
      chartBox, shownProxy((i) => {
        if (i === null) return void (reading.textContent = hint);
        const {start: s0, step: st, series: list} = shown, at = s0 + i * st;
        const parts = list.filter((s) => s.values[i] > 0).map((s) => `${spaced(s.key)} ${count(s.values[i])}`);
        reading.textContent = `${date(at)} ${clock(at)}: ${parts.join(' · ') || 'nothing ended'}`;
      }, (i) => change({r: rangeText(shown.start + i * shown.step, shown.start + (i + 1) * shown.step), live: null})));
  }
  let chart = null, shown = null;
  const redraw = async () => (await chart)?.again();
  // The chart reads what is shown now, whenever it draws.
  const shownProxy = (read, pick) => ({
    get start() { return shown.start; },
    get step() { return shown.step; },
    get series() { return shown.series; },
    key,
    read,
    pick
  });
  const shareBar = (share) =>
    h('span', {class_: 'share-cell'},
      h('span', {class_: 'share-bar'}, h('i', {style: {width: `${(share ?? 0) * 100}%`}})),
      h('span', {class_: 'share-number'}, percent(share ?? 0)));

  return {element, load, title: () => 'Overview'};
}
