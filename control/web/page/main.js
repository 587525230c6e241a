// SPDX-License-Identifier: Apache-2.0
//
// The frame around the views: navigation, range, filter, live mode, and the state of the connection.
import {ApiError, call, connection, lost, startPulse, watch} from './api.js';
import {h, link, replace} from './dom.js';
import {FilterBar} from './filter.js';
import {failure, loading} from './parts.js';
import {showUser, signIn} from './sign_in.js';
import {address, change, current, go, navigation} from './state.js';
import {clock, kRanges, parseRange, rangeText, span} from './time.js';

const kViews = {
  '': ['Overview', () => import('./views/overview.js')],
  heatmap: ['Heatmap', () => import('./views/heatmap.js')],
  endings: ['Endings', () => import('./views/endings.js')],
  incidents: ['Incidents', () => import('./views/incidents.js')],
  services: ['Services', () => import('./views/services.js')],
  timeouts: ['Idle timeouts', () => import('./views/timeouts.js')],
  sensors: ['Sensors', () => import('./views/sensors.js')],
  event: [null, () => import('./views/event.js')],
  incident: [null, () => import('./views/incident.js')],
  service: [null, () => import('./views/service.js')],
};
const kUnder = {
  event: 'endings',
  incident: 'incidents',
  service: 'services'
};
const kLiveMs = 1000;        // at most one refresh a second
const kLiveIdleMs = 10_000;  // and one now and then, as the range moves on

const nav = h('nav', {class_: 'main-nav', 'aria-label': 'views'});
const main = h('main', {id: 'main', tabindex: -1});
const banner = h('div', {class_: 'banner', role: 'alert', hidden: true});
const rangeBox = h('div', {class_: 'range'});
const benignBox = h('input', {type: 'checkbox', id: 'benign', onchange: (e) => change({benign: e.target.checked})});
const liveButton = h('button', {type: 'button', class_: 'live', onclick: toggleLive}, h('i'), h('span', {}, 'Live'));
const userBox = h('span', {class_: 'user-box'});
const pulse = h('span', {class_: 'pulse up', title: 'connected'});
const bar = new FilterBar((q) => change({q, sel: null, page: null}), () => current().range);

function frame() {
  replace(
    document.getElementById('app'), h('a', {class_: 'skip', href: '#main'}, 'to the content'),
    h('header', {class_: 'top'},
      h('div', {class_: 'top-line'},
        link(
          '/', {class_: 'brand', 'aria-label': 'Resetscope'},
          h('img', {src: '/icon.svg', alt: '', width: 22, height: 22}), 'Resetscope'),
        nav, h('span', {class_: 'gap'}), userBox, pulse, liveButton, rangeBox,
        h('button', {
          type: 'button',
          class_: 'quiet theme',
          title: 'light or dark',
          'aria-label': 'light or dark',
          onclick: () => document.dispatchEvent(new Event('switch-theme'))
        },
          '◐')),
      h('div', {class_: 'filter-row'}, bar.element,
        h('label', { class_: 'check benign', for: 'benign' }, benignBox, 'benign too'))),
    banner, main);
}

function showRange(state) {
  const text = state.params.get('r') ?? '1h', known = kRanges.some(([id]) => id === text);
  const options = [
    ...(known ? [] : [[text, state.range.relative ? `last ${text}` : span(state.range.since, state.range.until)]]),
    ...kRanges.map(([id, name]) => [id, id === 'all' ? name : `last ${name}`]), ['own', 'from … to …']
  ];
  const moveBy = (by) => {
    const {since, until} = state.range, length = until - since;
    change({r: rangeText(since + by * length, until + by * length), live: null, sel: null});
  };
  replace(
    rangeBox,
    state.range.since !== null &&
      h('button',
        {type: 'button', class_: 'quiet', 'aria-label': 'earlier', title: 'earlier', onclick: () => moveBy(-1)}, '‹'),
    h('select', {
      'aria-label': 'range of time',
      onchange: (e) => (e.target.value === 'own' ? ownRange(state) : change({r: e.target.value, sel: null}))
    },
      options.map(([id, name]) => h('option', {value: id, selected: id === text}, name))),
    state.range.since !== null && !state.range.relative &&
      h('button', {type: 'button', class_: 'quiet', 'aria-label': 'later', title: 'later', onclick: () => moveBy(1)},
        '›'));
}

function ownRange(state) {
  const value = (ms) => new Date(ms ?? Date.now()).toISOString().slice(0, 19);
  const input = (label, ms) => h('input', {type: 'datetime-local', step: 1, 'aria-label': label, value: value(ms)});
  const from = input('from (UTC)', state.range.since ?? Date.now() - 3_600_000),
        to = input('to (UTC)', state.range.until);
  const take = () => {
    const r = `${new Date(`${from.value}Z`).toISOString()}..${new Date(`${to.value}Z`).toISOString()}`;
    if (!parseRange(r)) return to.setCustomValidity('the end must be after the beginning'), to.reportValidity();
    change({r, sel: null, live: null});
  };
  replace(
    rangeBox, from, '–', to, h('button', {type: 'button', onclick: take}, 'UTC, show'),
    h('button', {type: 'button', class_: 'quiet', 'aria-label': 'cancel', onclick: () => showRange(current())}, '×'));
}

// --- views ---

const kNobody = ' nobody';  // no view has such a name
let view = null, viewKey = null, asking = null, serial = 0;

function showFrame(state, under) {
  replace(
    nav,
    Object.entries(kViews)
      .filter(([, [text]]) => text)
      .map(
        ([id, [text]]) => link(
          address(`/${id}`), {class_: id === under ? 'on' : '', 'aria-current': id === under ? 'page' : false}, text)));
  showRange(state);
  bar.show(state.q);
  benignBox.checked = state.benign;
}

async function show({keepScroll = false, quiet = false, fresh = false} = {}) {
  const state = current(), turn = ++serial;
  const name = state.path.split('/')[1];
  asking?.abort();
  asking = new AbortController();
  const entry = Object.hasOwn(kViews, name) ? kViews[name] : null;
  const under = kUnder[name] ?? name, key = kUnder[name] ? state.path : name;
  // A live map is shown anew every second: what the address alone decides is left as it is then.
  if (!quiet) showFrame(state, under);
  follow(state);
  if (!entry) return replace(main, failure(new ApiError('NOT_FOUND', `there is no page ${state.path}`, 404)));
  try {
    if (viewKey !== key) {
      view?.leave?.();
      const made = (await entry[1]()).make(state);
      if (turn !== serial) return;
      view = made;
      viewKey = key;
      main.classList.add('fresh');
      replace(main, loading(), view.element);
    } else if (main.firstElementChild !== view?.element) {
      replace(main, view.element);
    }
    if (!quiet) main.classList.add('asking');
    await view.load(state, asking.signal, {refresh: quiet || fresh});
    if (turn !== serial) return;
    if (main.firstElementChild !== view.element || main.childElementCount > 1) replace(main, view.element);
    document.title = `${view.title?.() ?? entry[0]} · Resetscope`;
    bar.complain(state.rangeError);
    main.dataset.loaded = String(turn);
  } catch (error) {
    if (turn !== serial || error.name === 'AbortError') return;
    if (!(error instanceof ApiError)) {
      console.error(error);
      error = new ApiError('INTERNAL', `the page itself failed: ${error.message}`, 500);
    }
    if (error.code === 'UNAUTHENTICATED') return nobody(error, turn);
    bar.complain(error.message.startsWith('filter') ? error.message : '');
    // What is on the page stays, marked as old, while the control plane is away.
    if (!error.away || main.childElementCount === 0 || main.classList.contains('fresh')) {
      replace(main, failure(error, () => show({fresh: true})));
      viewKey = null;
    }
    main.dataset.loaded = String(turn);
  } finally {
    if (turn === serial) main.classList.remove('asking', 'fresh');
    if (!keepScroll && !quiet && turn === serial) window.scrollTo(0, 0);
  }
}

// Nothing of what was shown stays: it was for whoever was signed in.
function nobody(error, turn = ++serial) {
  asking?.abort();
  stopStream();
  main.classList.remove('asking', 'fresh');
  if (viewKey !== kNobody) {
    view?.leave?.();
    view = null;
    viewKey = kNobody;
    replace(main, signIn(error, again));
    document.title = 'Resetscope';
  }
  showUser(userBox, again);
  main.dataset.loaded = String(turn);
}

function again() {
  viewKey = null;
  showUser(userBox, again);
  show({fresh: true});
}

// --- live ---

let stream = null, streamKey = '', dirty = false, lastShown = 0, news = 0, ticker = 0;

function toggleLive() {
  const state = current();
  change({live: !state.live, ...(!state.live && !state.range.relative ? {r: null} : {})});
}

function follow(state) {
  liveButton.setAttribute('aria-pressed', String(state.live));
  const key = state.live && !document.hidden ? JSON.stringify([state.q, state.benign]) : '';
  if (key === streamKey) return;
  stopStream();
  streamKey = key;
  if (!key) return;
  news = 0;
  stream = watch('WatchResets', {filter: state.q, includeBenign: state.benign}, (item) => {
    if (!item.event) return;
    news += Number(item.event.count ?? 1);
    dirty = true;
    view?.arrived?.(item.event);
  });
  ticker = setInterval(() => {
    const now = performance.now();
    if (document.hidden || !connection.up || main.classList.contains('asking')) return;
    if ((!dirty || now - lastShown < kLiveMs) && now - lastShown < kLiveIdleMs) return;
    liveButton.title = `${news} endings since live mode began`;
    dirty = false;
    lastShown = now;
    show({keepScroll: true, quiet: true});
  }, kLiveMs / 4);
}

function stopStream() {
  streamKey = '';
  stream?.close();
  stream = null;
  clearInterval(ticker);
}

// --- events of the page ---

document.addEventListener('click', (event) => {
  const a = event.target.closest?.('a[href]');
  if (
    !a || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey ||
    a.hasAttribute('download'))
    return;
  const url = new URL(a.href);
  if (url.origin !== location.origin || a.getAttribute('href').startsWith('#')) return;
  event.preventDefault();
  go(url.pathname + url.search, {keepScroll: url.pathname === location.pathname});
});
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest?.('input, select, textarea');
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    bar.input.focus();
  }
});
navigation.addEventListener('go', (event) => show({keepScroll: event.keepScroll}));
window.addEventListener('popstate', () => show({keepScroll: true}));
document.addEventListener('visibilitychange', () => {
  follow(current());
  if (!document.hidden) startPulse();
});
window.addEventListener('offline', lost);
connection.addEventListener('away', () => {
  pulse.className = 'pulse down';
  pulse.title = 'the control plane does not answer';
  main.classList.add('old');
  banner.hidden = false;
  replace(
    banner,
    `The control plane has not answered since ${
      clock(Date.now())} UTC. What you see is from before; the page tries again by itself. `,
    h('span', {class_: 'muted'}, 'On its machine: systemctl status resetscope-control'));
});
connection.addEventListener('back', () => {
  pulse.className = 'pulse up';
  pulse.title = 'connected';
  main.classList.remove('old');
  banner.hidden = true;
  show({keepScroll: true, fresh: true});
});

connection.addEventListener('nobody', (event) => viewKey !== kNobody && nobody(event.error));

frame();
show();
showUser(userBox, again);
startPulse();
call('GetServerInfo', {}).catch(() => {});
