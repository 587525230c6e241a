// SPDX-License-Identifier: Apache-2.0
//
// One incident: what, since when, how far, why we think so, and what to do.
import {ApiError, call} from '../api.js';
import {areas} from '../charts.js';
import {h, link, replace} from '../dom.js';
import {count, percent, plural, spaced, word} from '../format.js';
import {incidentAdvice} from '../incident_advice.js';
import {chip, copyButton, eventColumns, panel, severityOf, table} from '../parts.js';
import {address, itemOf} from '../state.js';
import {clock, moment, rangeText, secondsOf, timeOf} from '../time.js';

import {isOpen, kindOf, lasted} from './incidents.js';

const kMargin = 0.25;         // of its length, shown before and after it
const kLeastMargin = 30_000;  // ms

export function make() {
  const element = h('div', {class_: 'view incident'});

  let shown = '';
  async function load(state, signal, {refresh = false} = {}) {
    const id = itemOf(state.path);
    const all = await call('ListIncidents', {limit: 1000}, signal);
    const i = (all.incidents ?? []).find((one) => one.id === id);
    if (!i) throw new ApiError('NOT_FOUND', `there is no incident ${id}`, 404);
    const start = timeOf(i.start), end = i.end ? timeOf(i.end) : Date.now();
    const exact = {since: i.start, until: new Date(Math.ceil(end) + 1).toISOString()};
    const margin = Math.max(kLeastMargin, (end - start) * kMargin), from = Math.max(0, start - margin),
          to = end + margin;
    const base = {filter: i.filter ?? '', includeBenign: true};
    const [line, list] = await Promise.all([
      call(
        'Timeline', {
          ...base,
          range: {since: new Date(from).toISOString(), until: new Date(to).toISOString()},
          splitBy: 'DIMENSION_CAUSE',
          limit: 6
        },
        signal),
      call('ListResets', {...base, range: exact, pageSize: 25, brief: true}, signal)
    ]);
    const text = JSON.stringify([i, list.events]);
    if (refresh && text === shown) return;  // live: its chart stays as it is
    shown = text;
    const first = list.events?.[0];
    const advice = first ? (await call('GetReset', {id: first.id}, signal)).advice : null;
    const into = {q: i.filter ?? '', r: rangeText(Math.floor(from), Math.ceil(to)), benign: '1', live: null};
    const todo = incidentAdvice[word(i.kind, 'INCIDENT_KIND_')] ??
      {causes: true, text: 'See what its endings have in common: the evidence above, and the advice on one of them.'};
    const box = h('div', {class_: 'chart'}), key = h('div', {class_: 'key'}),
          reading = h('p', {class_: 'reading muted'}, 'Point at the chart to read it.');
    replace(
      element,
      h('div', {class_: 'panel headline'},
        h('p', {class_: 'muted'}, link(address('/incidents'), {}, 'Incidents'), ` / ${i.id}`),
        h('h1', {class_: 'sentence'}, i.summary ?? ''),
        h('div', {class_: 'chips'}, chip(kindOf(i), 'strong'),
          chip(isOpen(i) ? 'open' : 'over', isOpen(i) ? 'open' : ''), chip(`${percent(i.confidence ?? 0)} sure`),
          (i.topCauses ?? []).map((c) => chip(spaced(word(c, 'CAUSE_'))))),
        h('dl', {class_: 'facts across'},
          [
            ['where', i.scope ?? ''], ['since', `${moment(start)} UTC`], [isOpen(i) ? 'so far' : 'lasted', lasted(i)],
            ['endings', count(i.endings ?? 0)], ['clients', count(i.clients ?? 0)], ['services', count(i.servers ?? 0)],
            i.share > 0 && ['of its connections', percent(i.share)], ['seen by', (i.sensors ?? []).join(', ')]
          ].filter(Boolean)
            .map(([n, v]) => h('div', {}, h('dt', {}, n), h('dd', {}, v))))),
      h('div', {class_: 'grid-event'},
        h('div', {class_: 'column'},
          h('section', {class_: 'panel'}, h('h2', {}, 'Its endings over time'), key, box, reading),
          panel(
            'Its endings, first ones first',
            table(eventColumns({brief: true}), list.events ?? [], {rowClass: severityOf}),
            h('p', {class_: 'links'},
              link(address('/endings', into), {class_: 'button'}, `All ${plural(i.endings ?? 0, 'ending')}`),
              link(address('/heatmap', {...into, x: 'time', y: 'service'}), {class_: 'button'}, 'Heatmap')))),
        h('div', {class_: 'column'},
          panel(
            'Why we think so',
            h('ul', {class_: 'plain'}, (i.evidence ?? []).map((f) => h('li', {}, f.text ?? f.name)))),
          panel(
            'What to do', h('p', {}, todo.text),
            todo.causes && advice &&
              [
                h('h3', {}, `About ${advice.title || 'its endings'}`), h('p', {}, advice.usualFix || advice.meaning),
                (advice.checkFirst ?? []).map((t) => h('div', {class_: 'command'}, h('pre', {}, t), copyButton(t)))
              ]),
          panel(
            'As a filter', h('div', {class_: 'command'}, h('pre', {}, i.filter ?? ''), copyButton(i.filter ?? ''))))));
    const stepMs = secondsOf(line.step) * 1000, begin = timeOf(line.start);
    const series = (line.series ?? []).map((s) => ({key: s.key || 'all', values: s.values ?? []}));
    if (series.length > 0)
      await areas(box, {
        start: begin,
        step: stepMs,
        series,
        key,
        read: (at) => {
          reading.textContent = at === null ? 'Point at the chart to read it.' :
                                              `${clock(begin + at * stepMs)}: ${
                                                series.filter((s) => s.values[at] > 0)
                                                  .map((s) => `${spaced(s.key)} ${count(s.values[at])}`)
                                                  .join(' · ') ||
                                                'nothing'}`;
        }
      });
  }
  return {element, load, title: () => 'Incident'};
}
