// SPDX-License-Identifier: Apache-2.0
//
// Who limits silence to how long: the histogram of silences before an end, its peaks, the known default behind each and
// the keepalive to set.
import {call} from '../api.js';
import {bars} from '../charts.js';
import {h, link, replace} from '../dom.js';
import {count, endpoint, endpointName, percent, plural, spaced, word} from '../format.js';
import {chip, completeness, copyButton, empty, panel} from '../parts.js';
import {address} from '../state.js';
import {duration, moment, rangeOf, secondsOf, timeOf} from '../time.js';
import {addressOf, allOf} from '../words.js';

const kBuckets = 60;

export function make() {
  const head =
    h('div', {class_: 'view-head'}, h('h1', {}, 'Idle timeouts'),
      h('p', {class_: 'muted subtitle'},
        'Connections that end after the same silence, again and again: someone on the way limits it.'));
  const body = h('div'), foot = h('div');
  const element = h('div', {class_: 'view timeouts'}, head, body, foot);

  let shown = '';
  async function load(state, signal, {refresh = false} = {}) {
    const answer = await call('ListIdleTimeouts', {filter: state.q, range: rangeOf(state.range), limit: 40}, signal);
    const list = answer.timeouts ?? [], text = JSON.stringify(list);
    replace(foot, completeness(answer.completeness, {benign: true}));
    if (refresh && text === shown) return;  // live: its charts stay as they are
    shown = text;
    replace(
      body,
      list.length === 0 ?
        panel(
          'None learned in this range',
          empty(
            'No limit on silence has shown itself',
            h('p', {class_: 'muted'},
              'It takes some ten connections that end after the same silence. The heatmap shows what there is: '),
            h('p', {},
              link(
                address('/heatmap', {x: 'idle_time', y: 'service', benign: '1'}), {class_: 'button'},
                'silence × service')))) :
        list.map((t) => card(t, state, signal)));
  }

  function card(t, state, signal) {
    const value = secondsOf(t.value), keepalive = secondsOf(t.keepaliveToSet);
    const box = h('div', {class_: 'chart low'}), reading = h('p', {class_: 'reading muted'}, '');
    const server = t.server, a = addressOf(endpoint(server));
    const q = a?.port ? `server_ip = ${a.ip} and server_port = ${a.port}` : a ? `server_ip = ${a.ip}` : '';
    histogram(q, t, box, reading, state, signal);
    return h(
      'section', {class_: 'panel timeout'},
      h('div', {class_: 'timeout-text'},
        h('h2', {},
          link(
            address(`/service/${
              encodeURIComponent(server?.name ? `${endpointName(server)} (${endpoint(server)})` : endpoint(server))}`),
            {}, endpointName(server))),
        h('p', {class_: 'timeout-value'}, `${t.atMost ? 'at most ' : ''}${duration(value)}`,
          h('small', {class_: 'muted'}, secondsOf(t.spread) > 0 ? ` ± ${duration(secondsOf(t.spread))}` : '')),
        h('div', {class_: 'chips'}, t.knownDefault && chip(t.knownDefault, 'strong'),
          t.enforcedBy && chip(`by: ${spaced(word(t.enforcedBy, 'ORIGIN_'))}`), chip(spaced(word(t.ending, 'ENDING_'))),
          t.path && chip(t.path)),
        h('p', {}, t.advice ?? ''),
        keepalive > 0 &&
          h('div', {class_: 'command'},
            h('pre', {},
              `# on the clients, so that silence never lasts ${
                duration(value)}\nsysctl -w net.ipv4.tcp_keepalive_time=${Math.floor(keepalive)}`),
            copyButton(`sysctl -w net.ipv4.tcp_keepalive_time=${Math.floor(keepalive)}`)),
        t.disagreement && h('p', {class_: 'note'}, t.disagreement),
        h('p', {class_: 'muted small'},
          `${plural(t.samples ?? 0, 'sample')}${
            t.share > 0 ? `, ${percent(t.share)} of this path's idle endings` :
                          ''}${t.lastSeen ? `, last ${moment(timeOf(t.lastSeen))} UTC` : ''}`)),
      h('div', {class_: 'timeout-chart'}, h('h3', {}, 'Silence before the end'), box, reading));
  }

  async function histogram(q, t, box, reading, state, signal) {
    try {
      const top = await call(
        'Top', {by: ['DIMENSION_IDLE_TIME'], filter: allOf(q, 'idle >= 1s'), includeBenign: true, limit: kBuckets},
        signal);
      const value = secondsOf(t.value);
      const list = (top.rows ?? [])
                     .map((r) => ({from: Number.parseFloat(r.keys[0]), value: r.value}))
                     .sort((x, y) => x.from - y.from);
      fillIn(list);
      if (list.length === 0) return void (reading.textContent = 'No ending in the store has such a silence any more.');
      const inPeak = (i) => list[i].from <= value + 0.5 && (i + 1 >= list.length || list[i + 1].from > value + 0.5);
      reading.textContent = 'The marked bar holds the peak.';
      await bars(box, {
        bars: list.map((b, i) => ({text: duration(b.from), value: b.value, mark: inPeak(i)})),
        read: (i) => {
          reading.textContent =
            i === null ? 'The marked bar holds the peak.' : `from ${duration(list[i].from)}: ${count(list[i].value)}`;
        }
      });
    } catch (error) {
      if (error.name !== 'AbortError') reading.textContent = error.message;
    }
  }
  return {element, load, title: () => 'Idle timeouts'};
}

// Silences nobody had are part of the picture: every bucket from the decade of the first to the decade of the last.
function fillIn(list) {
  if (list.length === 0) return;
  const known = new Map(list.map((b) => [b.from, b.value])), last = list.at(-1).from;
  const first = Math.max(1, 10 ** Math.floor(Math.log10(Math.max(1, list[0].from))));
  list.length = 0;
  for (let decade = first; decade <= last; decade *= 10)
    for (let n = 1; n <= 9; ++n) list.push({from: n * decade, value: known.get(n * decade) ?? 0});
}
