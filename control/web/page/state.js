// SPDX-License-Identifier: Apache-2.0
//
// What the page shows is its address: path and query hold all of it, so that links, reloads and the back button work.
import {kDefaultRange, parseRange} from './time.js';

// Carried along from view to view.
const kCommon = ['r', 'q', 'benign', 'live'];

export function current() {
  const params = new URLSearchParams(location.search);
  const text = params.get('r') ?? kDefaultRange;
  const range = parseRange(text);
  return {
    path: location.pathname,
    params,
    range: range ?? parseRange(kDefaultRange),
    rangeError: range ? '' : `"${text}" is no range of time`,
    q: params.get('q') ?? '',
    benign: params.get('benign') === '1',
    live: params.get('live') === '1',
    get: (name, otherwise = '') => params.get(name) ?? otherwise,
  };
}

// What stands after a view's name: "/event/abc" -> "abc".
export function itemOf(path) {
  const part = path.split('/')[2] ?? '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;  // typed by hand: taken as it stands, and not found
  }
}

// The address of a view: the common parameters as they are, changed by `changes` (null or '' removes one). `keep`:
// also the view's own parameters, for the same path.
export function address(path, changes = {}, keep = false) {
  const now = new URLSearchParams(location.search), next = new URLSearchParams();
  for (const [name, value] of now)
    if (keep || kCommon.includes(name)) next.set(name, value);
  for (const [name, value] of Object.entries(changes))
    if (value === null || value === undefined || value === '' || value === false)
      next.delete(name);
    else
      next.set(name, value === true ? '1' : String(value));
  // Readable links: these need no escape in a query (RFC 3986 section 3.4).
  const query = next.toString().replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',');
  return path + (query ? `?${query}` : '');
}

export const navigation = new EventTarget();

export function go(href, {replace = false, keepScroll = false} = {}) {
  if (href === location.pathname + location.search) replace = true;
  history[replace ? 'replaceState' : 'pushState'](null, '', href);
  navigation.dispatchEvent(Object.assign(new Event('go'), {keepScroll}));
}

// Changes the current view's own parameters.
export const change = (changes, options) =>
  go(address(location.pathname, changes, true), {keepScroll: true, ...options});
