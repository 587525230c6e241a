// SPDX-License-Identifier: Apache-2.0
//
// Ranges and times. All times are shown in UTC, as in logs and on the command line.

const kUnits = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86400
};
export const kRanges = [
  ['5m', '5 minutes'],
  ['15m', '15 minutes'],
  ['1h', 'hour'],
  ['6h', '6 hours'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['30d', '30 days'],
  ['all', 'all there is'],
];
export const kDefaultRange = '1h';

const iso = (ms) => new Date(ms).toISOString();

// "24h", "all" or "FROM..TO" -> {since, until} in ms (null: open), and its text. Null: not a range.
export function parseRange(text) {
  if (text === 'all') return {since: null, until: null, relative: true, text};
  const relative = /^(\d{1,5})([smhd])$/.exec(text);
  if (relative) {
    const length = Number(relative[1]) * kUnits[relative[2]] * 1000;
    if (length === 0) return null;
    const until = Date.now();
    return {since: Math.max(0, until - length), until, relative: true, text};
  }
  const [from, to, more] = text.split('..');
  const since = Date.parse(from), until = Date.parse(to);
  if (more !== undefined || Number.isNaN(since) || Number.isNaN(until) || until <= since || since < 0) return null;
  return {since, until, relative: false, text};
}

export const rangeText = (since, until) => `${iso(since)}..${iso(until)}`;

// As query.proto's TimeRange.
export const rangeOf = (range) => ({
  ...(range.since === null ? {} : {since: iso(range.since)}),
  ...(range.until === null ? {} : {until: iso(range.until)}),
});

// The period of the same length before; null when the range is open.
export function before(range) {
  if (range.since === null) return null;
  const length = range.until - range.since;
  return {since: range.since - length, until: range.since, relative: false};
}

const two = (n) => String(n).padStart(2, '0');
export function clock(ms, withSeconds = true) {
  const d = new Date(ms);
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${withSeconds ? ':' + two(d.getUTCSeconds()) : ''}`;
}
const kMonths = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
export const day = (ms) => `${new Date(ms).getUTCDate()} ${kMonths[new Date(ms).getUTCMonth()]}`;
export const date = (ms) => `${day(ms)} ${new Date(ms).getUTCFullYear()}`;

// "14:03:07", with the day when it is not today's, and the year when it is not this one.
export function moment(ms, withSeconds = true) {
  const now = new Date(), then = new Date(ms);
  const sameDay = now.toISOString().slice(0, 10) === then.toISOString().slice(0, 10);
  if (sameDay) return clock(ms, withSeconds);
  return `${now.getUTCFullYear() === then.getUTCFullYear() ? day(ms) : date(ms)} ${clock(ms, withSeconds)}`;
}

export function span(since, until) {
  const long = until - since >= 120_000;
  const sameDay = iso(since).slice(0, 10) === iso(until - 1).slice(0, 10);
  return sameDay ? `${date(since)} ${clock(since, !long)} – ${clock(until, !long)}` :
                   `${date(since)} ${clock(since, !long)} – ${date(until)} ${clock(until, !long)}`;
}

// RFC 3339 with up to nine digits -> ms with fraction.
export function timeOf(text) {
  if (!text) return NaN;
  const fraction = /\.(\d+)Z$/.exec(text);
  const whole = Date.parse(fraction ? text.replace(/\.\d+Z$/, 'Z') : text);
  return fraction ? whole + Number(`0.${fraction[1]}`) * 1000 : whole;
}

// protobuf's "12.5s" -> seconds.
export const secondsOf = (text) => (text ? Number.parseFloat(text) : 0);

// "240 ms", "12 s", "5 min 50 s", "2 h", "3 d"
export function duration(seconds) {
  const s = Math.abs(seconds);
  if (s === 0) return '0 s';
  if (s < 0.001) return `${Math.round(s * 1e6)} µs`;
  if (s < 1) return `${trim(s * 1000)} ms`;
  if (s < 60) return `${trim(s)} s`;
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const out = [];
  let rest = Math.round(s);
  for (const [size, name] of parts) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) out.push(`${n} ${name}`);
    if (out.length === 2) break;
  }
  return out.join(' ');
}
const trim = (n) => String(n >= 100 ? Math.round(n) : Number(n.toPrecision(3)));

export const ago = (ms) => {
  const s = (Date.now() - ms) / 1000;
  return s < 1 ? 'now' : `${duration(s < 60 ? Math.round(s) : Math.round(s / 60) * 60)} ago`;
};
