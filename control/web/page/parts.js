// SPDX-License-Identifier: Apache-2.0
//
// Pieces that several views share: states of a view, marks, tables, lists of endings.
import {h, link} from './dom.js';
import {count, endpoint, endpointName, percent, plural, spaced, word} from './format.js';
import {address} from './state.js';
import {duration, moment, secondsOf, timeOf} from './time.js';

export const severityOf = (event) => word(event.severity, 'SEVERITY_');
export const causeOf = (event) => word(event.cause, 'CAUSE_');
export const originOf = (event) => word(event.origin, 'ORIGIN_');

export const mark = (severity) => h('span', {class_: `mark-dot ${severity}`, title: severity}, '');
export const chip = (text, kind = '') => h('span', {class_: `chip ${kind}`}, text);
export const cause = (name) => h('span', {class_: 'cause'}, spaced(name));

export const panel = (title, ...content) => h('section', {class_: 'panel'}, h('h2', {}, title), ...content);

// While nothing is known yet; shows only when it takes a moment (CSS delays it).
export const loading = () => h('div', {class_: 'state loading', role: 'status'}, h('div', {class_: 'bar'}), 'Loading…');

export const empty = (title, ...advice) =>
  h('div', {class_: 'state empty', role: 'status'}, h('h2', {}, title), ...advice);

export function failure(error, again) {
  const hints = {
    INVALID_ARGUMENT: 'Mend the filter or the range above, then press Enter.',
    DEADLINE_EXCEEDED: 'The question takes too long to answer. Choose a shorter range or a narrower filter.',
    NOT_FOUND: 'It may be older than what the store keeps.',
    UNAVAILABLE: 'The page tries again by itself and shows the answer as soon as the control plane is back.',
    PERMISSION_DENIED: 'Ask whoever runs the control plane for the right to read it.',
    RESOURCE_EXHAUSTED: 'Too much was asked at once. Close other pages of this control plane, or wait a moment.',
  };
  return h(
    'div', {class_: 'state failed', role: 'alert'}, h('h2', {}, error.code === 'NOT_FOUND' ? 'Not found' : 'No answer'),
    h('p', {}, error.message), h('p', {class_: 'muted'}, hints[error.code] ?? 'The log of the control plane has more.'),
    again && h('button', {type: 'button', onclick: again}, 'Try again'));
}

const classOf = (c) => [c.number && 'number', c.class_].filter(Boolean).join(' ');
// columns: [{title, cell(row), number, class_, sort(row)}]
export function table(columns, rows, {caption, rowClass, className = ''} = {}) {
  const body = h('tbody');
  const fill = (list) => body.replaceChildren(...list.map(
    (row) => h('tr', {class_: rowClass?.(row)}, columns.map((c) => h('td', {class_: classOf(c)}, c.cell(row))))));
  let by = null, down = true;
  const heads = columns.map(
    (c) =>
      h('th', {class_: classOf(c), scope: 'col'},
        c.sort ? h('button', {
          type: 'button',
          class_: 'sort',
          onclick: (e) => {
            down = by === c ? !down : true;
            by = c;
            const key = c.sort;
            fill([...rows].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0) * (down ? -1 : 1)));
            heads.forEach((th) => th.removeAttribute('aria-sort'));
            e.target.closest('th').setAttribute('aria-sort', down ? 'descending' : 'ascending');
          }
        },
                   c.title) :
                 c.title));
  fill(rows);
  return h(
    'div', {class_: 'table-box'},
    h('table', {class_: className}, caption && h('caption', {}, caption), h('thead', {}, h('tr', {}, heads)), body));
}

export const eventLink = (event, ...content) => link(address(`/event/${event.id}`), {class_: 'event-link'}, ...content);

export function place(e) {
  const named = endpointName(e), plain = endpoint(e);
  return named === plain ? h('span', {class_: 'mono'}, plain) : h('span', {title: plain}, named);
}

export const endpointsOf = (e) =>
  `${endpoint(e.client)} → ${endpointName(e.server)}${Number(e.count ?? 1) > 1 ? ` · ${count(e.count)}×` : ''}`;

export const eventColumns = ({brief = false} = {}) =>
  [{
    title: 'time (UTC)',
    class_: 'when',
    sort: (e) => timeOf(e.time),
    cell: (e) => eventLink(e, moment(timeOf(e.time)))
  },
   {title: 'client', cell: (e) => place(e.client), sort: (e) => endpoint(e.client)},
   {title: 'server', cell: (e) => place(e.server), sort: (e) => endpointName(e.server)},
   {
     title: 'cause',
     class_: 'nowrap',
     sort: causeOf,
     cell: (e) => [mark(severityOf(e)), eventLink(e, cause(causeOf(e)))]
   },
   {title: 'sent by', cell: (e) => spaced(originOf(e)), sort: originOf},
   ...(brief ? [] : [{title: 'stage', cell: (e) => spaced(word(e.stage, 'STAGE_')), class_: 'wide'}]),
   ...(brief ? [] : [{
     title: 'silence',
     class_: 'number wide',
     sort: (e) => secondsOf(e.idle),
     cell: (e) => (secondsOf(e.idle) >= 1 ? duration(secondsOf(e.idle)) : '')
   }]),
   {title: 'sure', number: true, sort: (e) => e.confidence ?? 0, cell: (e) => percent(e.confidence ?? 0)},
   {title: 'count', number: true, sort: (e) => Number(e.count ?? 1), cell: (e) => count(e.count ?? 1)},
   ...(!brief ? [{title: 'sensor', cell: (e) => e.sensor ?? '', class_: 'wide'}] : []),
];

// How much of the traffic is behind the answer, in one line; the notes below it.
export function completeness(c, {benign} = {}) {
  if (!c) return null;
  const seen = Number(c.receivedPackets ?? 0), missed = Number(c.missedPackets ?? 0), lost = Number(c.lostEvents ?? 0);
  const expected = c.sensorsExpected ?? 0, reporting = c.sensorsReporting ?? 0;
  const bad = missed > 0 || lost > 0 || reporting < expected;
  const parts = [`${reporting} of ${plural(expected, 'sensor')} reporting`];
  if (seen + missed > 0)
    parts.push(missed === 0 ? 'no packets missed' : `${percent(missed / (seen + missed))} of packets missed`);
  if (lost > 0) parts.push(`${plural(lost, 'ending')} lost on the way`);
  const hidden = Number(c.hiddenBenign ?? 0);
  return h(
    'footer', {class_: `completeness ${bad ? 'gaps' : ''}`}, h('span', {class_: 'dot'}),
    h('span', {}, parts.join(' · ')),
    !benign &&
      h('span', {class_: 'hidden-benign', dataset: {hidden}},
        hidden > 0 ?
          [
            `${plural(hidden, 'benign ending')} hidden `,
            link(address(location.pathname, {benign: '1'}, true), {}, 'show')
          ] :
          'no benign endings hidden'),
    (c.notes ?? []).length > 0 && h('ul', {}, c.notes.map((n) => h('li', {}, n))));
}

export function copyButton(text) {
  const button =
    h('button', {
      type: 'button',
      class_: 'copy',
      'aria-label': `copy: ${text}`,
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(text);
          button.textContent = 'copied';
        } catch {
          button.textContent = 'select it and press Ctrl-C';
        }
        setTimeout(() => {
          button.textContent = 'copy';
        }, 1500);
      }
    },
      'copy');
  return button;
}

export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  const a = h('a', {href: url, download: name});
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
