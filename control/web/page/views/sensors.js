// SPDX-License-Identifier: Apache-2.0
//
// Every sensor: what it receives, what it misses.
import {call} from '../api.js';
import {h, replace} from '../dom.js';
import {bytes, count, percent, short} from '../format.js';
import {empty, panel, table} from '../parts.js';
import {ago, clock, duration, secondsOf, timeOf} from '../time.js';

export function make() {
  const body = h('div');
  const element =
    h('div', {class_: 'view sensors'},
      h('div', {class_: 'view-head'}, h('h1', {}, 'Sensors'),
        h('p', {class_: 'muted subtitle'},
          'What they receive and what they miss. No answer here is better than what its sensors saw.')),
      body);

  async function load(_state, signal) {
    const list = (await call('ListSensors', {}, signal)).sensors ?? [];
    replace(
      body,
      list.length === 0 ?
        panel(
          'None',
          empty(
            'No sensor has reported yet',
            h('pre', {}, 'resetscope-sensor --interface eth1 --export-server HOST:PORT'))) :
        [
          panel(
            'All sensors',
            table(
              [
                {
                  title: 'sensor',
                  cell: (s) => [h('span', {class_: `pulse ${s.connected ? 'up' : 'down'}`}), h('b', {}, s.name)],
                  sort: (s) => s.name
                },
                {
                  title: 'state',
                  cell: (s) =>
                    (s.connected ? 'connected' : `silent, last ${s.lastSeen ? ago(timeOf(s.lastSeen)) : 'never'}`)
                },
                {title: 'ports', cell: (s) => (s.ports ?? []).join(', '), class_: 'wide'},
                {
                  title: 'received',
                  number: true,
                  cell: (s) => short(Number(s.receivedPackets ?? 0)),
                  sort: (s) => Number(s.receivedPackets ?? 0)
                },
                {title: '', number: true, cell: (s) => bytes(s.receivedBytes), class_: 'wide'},
                {title: 'missed', number: true, cell: (s) => missed(s), sort: (s) => Number(s.missedPackets ?? 0)},
                {
                  title: 'blind',
                  number: true,
                  cell: (s) => duration(Number(s.blindSeconds ?? 0)),
                  sort: (s) => Number(s.blindSeconds ?? 0)
                },
                {title: 'flows', number: true, cell: (s) => flows(s)},
                {
                  title: 'endings',
                  number: true,
                  cell: (s) => short(Number(s.events ?? 0)),
                  sort: (s) => Number(s.events ?? 0)
                },
                {
                  title: 'lost',
                  number: true,
                  cell: (s) => count(Number(s.lostEvents ?? 0) + Number(s.ringDroppedEvents ?? 0))
                },
                {
                  title: 'clock',
                  number: true,
                  cell:
                    (s) => (Math.abs(secondsOf(s.clockSkew)) >= 0.001 ? duration(secondsOf(s.clockSkew)) : 'in step'),
                  class_: 'wide'
                },
                {title: 'version', cell: (s) => s.version ?? '', class_: 'wide'},
              ],
              list)),
          list.filter((s) => (s.losses ?? []).length > 0)
            .map(
              (s) =>
                panel(
                  `${s.name}: seconds with losses`,
                  table(
                    [
                      {title: 'second (UTC)', cell: (l) => clock(timeOf(l.second))},
                      {title: 'missed at a port', number: true, cell: (l) => count(l.missedPackets ?? 0)},
                      {title: 'between workers', number: true, cell: (l) => count(l.handoverDroppedPackets ?? 0)},
                      {title: 'no room for the flow', number: true, cell: (l) => count(l.tableFullPackets ?? 0)},
                      {title: 'given up', number: true, cell: (l) => count(l.evictedFlows ?? 0)},
                      {title: 'endings lost', number: true, cell: (l) => count(l.ringDroppedEvents ?? 0)},
                    ],
                    s.losses))),
          list.map(
            (s) =>
              h('details', {class_: 'panel'}, h('summary', {}, `${s.name}: all counters`),
                h('dl', {class_: 'facts counters'},
                  Object.entries(s.counters ?? {})
                    .filter(([, v]) => v !== '0')
                    .sort()
                    .map(([k, v]) => [h('dt', {class_: 'mono'}, k), h('dd', {}, count(v))]))))
        ]);
  }
  const missed = (s) => {
    const m = Number(s.missedPackets ?? 0), all = m + Number(s.receivedPackets ?? 0);
    return m === 0 ? '0' : `${short(m)} (${percent(m / all)})`;
  };
  const flows = (s) =>
    (Number(s.flowCapacity ?? 0) > 0 ?
       `${short(Number(s.flows ?? 0))} (${percent(Number(s.flows ?? 0) / Number(s.flowCapacity))})` :
       short(Number(s.flows ?? 0)));
  return {element, load, title: () => 'Sensors'};
}
