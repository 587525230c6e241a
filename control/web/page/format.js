// SPDX-License-Identifier: Apache-2.0
//
// Numbers and words as people read them.

const whole = new Intl.NumberFormat('en-US', {maximumFractionDigits: 0});
const fine = new Intl.NumberFormat('en-US', {maximumSignificantDigits: 3});

export const count = (n) => whole.format(Number(n ?? 0));
export const rate = (n) => (Number.isInteger(n) || n >= 1000 ? whole : fine).format(n);
export const percent = (share) =>
  (share > 0 && share < 0.001   ? '<0.1%' :
     share < 1 && share > 0.999 ? '>99.9%' :
                                  `${fine.format(Math.round(share * 1000) / 10)}%`);

// "12.3k": for axes, tiles and legends.
export function short(n) {
  const v = Math.abs(n);
  for (const [size, mark] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
    if (v >= size) return `${Number((n / size).toPrecision(3))}${mark}`;
  return v !== 0 && v < 0.01 ? n.toExponential(0) : String(Number(n.toPrecision(3)));
}

export function bytes(n) {
  let v = Number(n ?? 0);
  for (const unit of ['B', 'KiB', 'MiB', 'GiB'])
    if (v < 1024)
      return `${Number(v.toPrecision(v < 10 ? 2 : 3))} ${unit}`;
    else
      v /= 1024;
  return `${Number(v.toPrecision(3))} TiB`;
}

// CAUSE_PORT_CLOSED -> port_closed; absent -> unknown.
export const word = (value, prefix) => (value ? value.slice(prefix.length).toLowerCase() : 'unknown');
export const spaced = (text) => text.replaceAll('_', ' ');
export const plural = (n, one, many) => `${count(n)} ${Number(n) === 1 ? one : many ?? one + 's'}`;

export function endpoint(e) {
  if (!e) return '';
  const ip = e.ip?.includes(':') && e.port ? `[${e.ip}]` : e.ip ?? '';
  return e.port ? `${ip}:${e.port}` : ip;
}
export const endpointName = (e) => (e?.name ? (e.site ? `${e.name} @ ${e.site}` : e.name) : endpoint(e));
// As a line of a heatmap names it, from which its address can be read again.
export const endpointLabel = (e) =>
  (endpointName(e) === endpoint(e) ? endpoint(e) : `${endpointName(e)} (${endpoint(e)})`);
