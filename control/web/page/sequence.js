// SPDX-License-Identifier: Apache-2.0
//
// The timeline of a connection as a sequence diagram: two ends, arrows between them, gaps where nothing was said.
import {h, svg} from './dom.js';
import {endpoint, spaced, word} from './format.js';
import {duration, timeOf} from './time.js';

const kWide = 560, kLeft = 150, kRight = 450, kMiddle = 300, kRow = 34, kTop = 46;
const kGapS = 1;  // silence that is drawn as such
const kLabel = {
  syn: 'SYN',
  syn_retry: 'SYN again',
  syn_ack: 'SYN-ACK',
  established: 'established',
  first_data: 'first data',
  last_data: 'last data',
  fin: 'FIN',
  keepalive_probe: 'keepalive probe',
  retransmission: 'sent again',
  zero_window: 'window closed',
  rst: 'RST',
  challenge_ack: 'challenge ACK',
  data_after_rst: 'data after the RST',
  icmp: 'ICMP',
  gave_up: 'gave up',
  data_so_far: 'ACK only',
  silence: 'last packet before a silence'
};
const kBad = ['rst', 'icmp', 'gave_up', 'data_after_rst'];

export function sequence(e) {
  const steps =
    (e.timeline ?? [])
      .map(
        (s) =>
          ({at: timeOf(s.time), kind: word(s.kind, 'STEP_KIND_'), side: word(s.side, 'SIDE_'), text: s.text ?? ''}));
  if (steps.length === 0) return h('p', {class_: 'muted'}, 'Its packets are not on record.');
  const parts = [];
  let y = kTop;
  const start = steps[0].at;
  const forged = ['ORIGIN_MIDDLEBOX', 'ORIGIN_OFF_PATH'].includes(e.origin);
  const between = steps.some((step) => (step.kind === 'rst' && forged) || step.kind === 'icmp');
  steps.forEach((step, i) => {
    const gap = i === 0 ? 0 : (step.at - steps[i - 1].at) / 1000;
    if (gap >= kGapS) {
      parts.push(
        svg('rect', {x: kLeft - 5, y: y - 14, width: 10, height: 26, class_: 'seq-pause'}),
        svg('rect', {x: kRight - 5, y: y - 14, width: 10, height: 26, class_: 'seq-pause'}),
        svg('text', {x: kMiddle, y: y + 3, class_: 'seq-gap'}, `${duration(gap)} of silence`));
      y += kRow;
    }
    parts.push(...arrow(step, y, i === 0 ? '0' : `+${duration((step.at - start) / 1000)}`, forged));
    y += kRow;
  });
  const height = y + 6;
  const ends = [[kLeft, 'client', e.client], [kRight, 'server', e.server]];
  return h(
    'div', {class_: 'sequence'},
    svg(
      'svg', {viewBox: `0 0 ${kWide} ${height}`, role: 'img', 'aria-label': 'the connection as a sequence diagram'},
      svg(
        'defs', {},
        ['good', 'bad'].map(
          (k) => svg(
            'marker', {
              id: `head-${k}`,
              viewBox: '0 0 8 8',
              refX: 7,
              refY: 4,
              markerWidth: 7,
              markerHeight: 7,
              orient: 'auto-start-reverse'
            },
            svg('path', {d: 'M0 0.5 L7.5 4 L0 7.5 z', class_: `seq-head ${k}`})))),
      ends.map(
        ([x, name, end]) =>
          [svg('line', {x1: x, x2: x, y1: 26, y2: height - 4, class_: 'seq-life'}),
           svg('text', {x, y: 11, class_: 'seq-end'}, name),
           svg('text', {x, y: 23, class_: 'seq-address'}, endpoint(end))]),
      parts),
    between &&
      h('p', {class_: 'seq-note'}, h('i', {}, '◆'), ' sent by somebody between the two, whoever’s address it bears'),
    h('details', {}, h('summary', {}, 'as text'),
      h('ol', {},
        steps.map(
          (s) =>
            h('li', {}, h('span', {class_: 'mono muted'}, `+${duration((s.at - start) / 1000)}`), ' ',
              s.text || spaced(s.kind))))));
}

// `forged`: whether a reset was really sent by somebody in between, whoever's address it bears.
function arrow(step, y, when, forged) {
  const kind = kBad.includes(step.kind) ? 'bad' : 'good', label = kLabel[step.kind] ?? spaced(step.kind);
  const between = (step.kind === 'rst' && forged) || step.kind === 'icmp';
  const time = svg('text', {x: kLeft - 14, y: y + 3, class_: 'seq-time'}, when);
  const name = (dy) =>
    svg('text', {x: kMiddle, y: y + dy, class_: `seq-label ${kind}`}, svg('title', {}, step.text), label);
  if (step.kind === 'gave_up') return [time, cross(step.side === 'client' ? kLeft : kRight, y), name(3)];
  if (step.kind === 'established' || (step.side === 'unknown' && !between))
    return [time, svg('line', {x1: kLeft, x2: kRight, y1: y, y2: y, class_: 'seq-state'}), name(-5)];
  // An ICMP error is for the client, whose packet it quotes, unless it says otherwise.
  const toServer = step.side === 'client';
  const [from, to] = toServer ? [kLeft + 2, kRight - 3] : [kRight - 2, kLeft + 3];
  const line = (x1) =>
    svg('line', {x1, x2: to, y1: y - 2, y2: y + 4, class_: `seq-arrow ${kind}`, 'marker-end': `url(#head-${kind})`});
  if (!between) return [time, line(from), name(-6)];
  return [
    time, svg('line', {x1: from, x2: kMiddle, y1: y - 2, y2: y - 2, class_: 'seq-state'}), line(kMiddle),
    svg('path', {d: `M${kMiddle} ${y - 7} l5 5 l-5 5 l-5 -5 z`, class_: 'seq-between'}), name(-10)
  ];
}

const cross = (x, y) =>
  svg('path', {d: `M${x - 6} ${y - 6} L${x + 6} ${y + 6} M${x - 6} ${y + 6} L${x + 6} ${y - 6}`, class_: 'seq-cross'});
