// SPDX-License-Identifier: Apache-2.0
//
// Two dimensions at a glance. Click goes down (site, network, host, then the endings of one cell), a brush zooms.
import {call} from '../api.js';
import {CellPanel} from '../cell_panel.js';
import {kNone, kPartial} from '../cells.js';
import {changeScale, kPalettes, logScale} from '../color.js';
import {h, link, replace} from '../dom.js';
import {csv, gridRows, picture} from '../export.js';
import {bytes, count, percent, rate, short} from '../format.js';
import {aligned, Change, Grid, roundTimes} from '../grid.js';
import {Heat} from '../heat.js';
import {Legend} from '../legend.js';
import {completeness, empty, save} from '../parts.js';
import {address, change, go} from '../state.js';
import {before, rangeOf, rangeText, span} from '../time.js';
import {Tip} from '../tip.js';
import {allOf, dimension, kDimensions, kMetrics, metric, termOf} from '../words.js';

const kPresets = [
  {text: 'When', x: 'time', y: 'service', title: 'time × service'},
  {text: 'Between', x: 'server_network', y: 'client_network', title: 'client network × server network'},
  {text: 'Why, when', x: 'time', y: 'cause', title: 'time × cause'},
  {text: 'Why, where', x: 'cause', y: 'service', title: 'service × cause'},
  {text: 'Silence', x: 'idle_time', y: 'service', title: 'silence before the end × service'},
];
// From the whole network down to two hosts.
const kLevels = [
  {text: 'sites', x: 'site', y: 'client_network'},
  {text: 'networks', x: 'server_network', y: 'client_network'},
  {text: 'hosts', x: 'server_ip', y: 'client_ip'},
];
const kRowChoices = [10, 20, 50, 100, 200, 400];
const kMostLines = 400;   // query.proto, HeatmapRequest
const kMostColumns = 40;  // of other things than time: a label needs room
const kColumnPx = 8;
const kTimePx = 76;       // between two times on the axis
const kFreshMs = 20_000;  // an answer is as good as a new one for so long, but in live mode

const unitOf = (name, v) => (v === 1 ? kMetrics[name].unit.replace(/s$/, '') : kMetrics[name].unit);
export const valueText = (name, v) => (name === 'lost_bytes' ? bytes(v) : Number.isInteger(v) ? count(v) : rate(v));

function settings(state) {
  const pick = (name, known, otherwise) => (Object.hasOwn(known, state.get(name)) ? state.get(name) : otherwise);
  const x = pick('x', kDimensions, 'time'), y = pick('y', kDimensions, x === 'service' ? 'time' : 'service');
  const positive = (name) => (Number(state.get(name)) > 0 ? Number(state.get(name)) : null);
  return {
    x,
    y: y === x ? (x === 'service' ? 'cause' : 'service') : y,
    metric: pick('m', kMetrics, 'endings'),
    rows: Math.min(kMostLines, Math.max(2, Math.round(positive('n') ?? 20))),
    palette: kPalettes.includes(state.get('pal')) ? state.get('pal') : kPalettes[0],
    compare: state.get('cmp') === '1',
    lo: positive('lo'),
    hi: positive('hi'),
    table: state.get('table') === '1',
    sel: state.get('sel'),
  };
}

const select = (label, options, value, onchange) =>
  h('label', {class_: 'field'}, h('span', {}, label),
    h('select', {'aria-label': label, onchange: (e) => onchange(e.target.value)},
      options.map(([id, text]) => h('option', {value: id, selected: id === value}, text))));

export function make() {
  const heat =
    new Heat({point: (cell, box) => point(cell, box), pick: (cell) => pickCell(cell), zoom: (area) => zoom(area)});
  const legend = new Legend((lo, hi) => change({lo, hi}));
  const tip = new Tip(heat.element);
  const panel = new CellPanel(() => change({sel: null}));
  const tabs = h('nav', {class_: 'tabs', 'aria-label': 'heatmaps'}), controls = h('div', {class_: 'controls'}),
        levels = h('div'), files = h('div', {class_: 'controls files'});
  const title = h('h1'), subtitle = h('p', {class_: 'muted subtitle'}), notice = h('div');
  const tableBox = h('div'), foot = h('div');
  const body =
    h('div', {class_: 'heat-body'},
      h('div', {class_: 'panel heat-panel'},
        h('div', {class_: 'heat-head'}, h('div', {}, title, subtitle), legend.element), notice, heat.element, tableBox),
      panel.element);
  const element =
    h('div', {class_: 'view heatmap'}, h('div', {class_: 'heat-bar'}, tabs, levels, h('span', {class_: 'gap'}), files),
      controls, body, foot);
  let shown = null;

  function showControls(s) {
    const level = kLevels.findIndex((l) => l.x === s.x && l.y === s.y);
    const preset = kPresets.find((p) => (p.x === s.x && p.y === s.y) || (p.text === 'Between' && level >= 0));
    replace(
      tabs,
      kPresets.map(
        (p) => link(
          address('/heatmap', {
            x: p.x,
            y: p.y,
            m: s.metric === 'endings' ? null : s.metric,
            pal: s.palette === kPalettes[0] ? null : s.palette,
            cmp: s.compare
          }),
          {class_: p === preset ? 'on' : '', title: p.title, 'aria-current': p === preset ? 'page' : false}, p.text)));
    const dims = Object.entries(kDimensions);
    replace(
      levels,
      level >= 0 &&
        h('div', {class_: 'segments', role: 'group', 'aria-label': 'how close'},
          kLevels.map(
            (l, i) => link(
              address('/heatmap', {x: l.x, y: l.y, sel: null}, true), {class_: i === level ? 'on' : ''}, l.text))));
    replace(
      controls, select('x', dims, s.x, (x) => change({x, y: x === s.y ? s.x : s.y, sel: null})),
      select('y', dims, s.y, (y) => change({y, x: y === s.x ? s.y : s.x, sel: null})),
      select(
        'metric', Object.entries(kMetrics).map(([id, m]) => [id, m.text]), s.metric,
        (m) => change({m, lo: null, hi: null})),
      select(
        'rows', [...new Set([...kRowChoices, s.rows])].sort((a, b) => a - b).map((n) => [String(n), String(n)]),
        String(s.rows), (n) => change({n})),
      select('colours', kPalettes.map((p) => [p, p]), s.palette, (pal) => change({pal})),
      h('label', {class_: 'check', title: 'with the period of the same length before'},
        h('input', {type: 'checkbox', checked: s.compare, onchange: (e) => change({cmp: e.target.checked})}),
        'compare with the period before'));
    replace(
      files,
      h('button', {type: 'button', 'aria-pressed': String(s.table), onclick: () => change({table: !s.table})}, 'table'),
      h('button', {type: 'button', onclick: () => save('resetscope-heatmap.csv', csv(gridRows(shown.grid)))}, 'CSV'),
      h('button', {type: 'button', onclick: exportPicture}, 'PNG'));
  }

  async function exportPicture() {
    const canvas = await heat.picture();
    save(
      'resetscope-heatmap.png',
      await picture(canvas, {title: title.textContent, subtitle: subtitle.textContent, scale: shown.scale}));
  }

  function paint() {
    const {grid, comparison, s} = shown;
    const scale = shown.scale = comparison ? changeScale() : (() => {
      const [lo, hi] = grid.extent(), from = Math.min(s.lo ?? lo, s.hi ?? hi);
      return logScale(s.palette, from, Math.max(s.hi ?? hi, from));
    })();
    const colors = new Uint32Array(grid.values.length), marks = new Uint8Array(grid.values.length);
    for (let y = 0, i = 0; y < grid.rows; ++y)
      for (let x = 0; x < grid.columns; ++x, ++i) {
        const v = comparison ? comparison.doublings(x, y) : grid.values[i];
        if (Number.isNaN(v) || Number.isNaN(grid.values[i])) {
          marks[i] = kNone;
          continue;
        }
        colors[i] = scale.pixel(v);
        if (grid.partial[i] || grid.isPending(x, y)) marks[i] = kPartial;
      }
    legend.show(scale, grid.extent(), s);
    return heat.show({
      columns: grid.keys[0].map((_, i) => grid.text(0, i)),
      rows: grid.keys[1].map((_, i) => grid.text(1, i)),
      names: s.x !== 'time',
      labelled: s.x === 'time' ? (px) => roundTimes(grid.starts, grid.stepMs, px, kTimePx) : null,
      label: `${title.textContent}, ${grid.columns} columns, ${grid.rows} rows; arrow keys move, Enter goes down`,
      colors,
      marks,
    });
  }
  const repaint = () => shown && element.isConnected && shown.grid.rows > 0 && paint();
  document.addEventListener('theme', repaint);

  function showTable() {
    const {grid, s} = shown;
    if (!s.table) return replace(tableBox);
    const state = {none: 'no data', partial: 'incomplete', pending: 'not complete yet'};
    replace(
      tableBox,
      h('div', {class_: 'table-box numbers'},
        h('table', {}, h('caption', {}, `${title.textContent}; empty: no data, *: incomplete`),
          h('thead', {},
            h('tr', {}, h('th'),
              grid.keys[0].map((k, x) => h('th', {scope: 'col', title: k, class_: 'number'}, grid.text(0, x))))),
          h('tbody', {},
            grid.keys[1].map(
              (k, y) => h('tr', {}, h('th', {scope: 'row', title: k}, grid.text(1, y)), grid.keys[0].map((_, x) => {
                const v = grid.at(x, y), st = grid.state(x, y);
                return h(
                  'td', {class_: `number ${v === 0 ? 'zero' : ''}`, title: state[st]},
                  Number.isNaN(v) ? '' : valueText(s.metric, v) + (st ? '*' : ''));
              })))))));
  }

  // --- what a cell says ---

  function facts(cell) {
    const {grid, comparison, s} = shown;
    const v = grid.at(cell.x, cell.y), state = grid.state(cell.x, cell.y);
    const lines = [];
    if (comparison && !Number.isNaN(v)) {
      const b = comparison.before(cell.x, cell.y);
      lines.push(
        Number.isNaN(b) ? 'nothing to compare with: nobody watched then' :
                          `${valueText(s.metric, b)} in the period before${
                            b > 0 ? ` (${v >= b ? '+' : '−'}${percent(Math.abs(v - b) / b)})` : ''}`);
    }
    if (s.metric !== 'per_1000_connections' && v > 0 && grid.total > 0)
      lines.push(`${percent(v / grid.total)} of all shown`);
    if (s.metric !== 'per_1000_connections' && s.metric !== 'lost_bytes' && v > 0 && grid.stepMs > 0)
      lines.push(`${rate(v / (grid.stepMs / 60_000))} per minute`);
    const words = {
      none: 'No data: no sensor watched here.',
      pending: 'Not complete yet: this period is still running.',
      partial: 'Incomplete: a sensor was blind or silent here.',
      '': 'Complete: every sensor watched throughout.'
    };
    return {
      names: [grid.text(1, cell.y, true), grid.text(0, cell.x, true)],
      value: Number.isNaN(v) ? 'no data' :
                               `${valueText(s.metric, v)}${s.metric === 'lost_bytes' ? '' : ` ${unitOf(s.metric, v)}`}`,
      lines,
      state,
      stateText: words[state],
      question: question(cell),
      empty: !(v > 0),
    };
  }

  // The requests about a cell's endings have this filter and range; null for "other".
  function question(cell) {
    const {grid, state} = shown, terms = grid.terms(cell.x, cell.y);
    return terms && {filter: allOf(state.q, ...terms), range: grid.cellRange(cell.x, cell.y), benign: state.benign};
  }

  function point(cell, box) {
    if (!cell || !shown) return tip.hide();
    tip.show(facts(cell), box);
  }

  function pickCell(cell) {
    const {grid, s, state} = shown;
    heat.leave();
    if (grid.isOther(0, cell.x) || grid.isOther(1, cell.y))
      return change({n: Math.min(kMostLines, s.rows * 2), sel: null});
    const level = kLevels.findIndex((l) => l.x === s.x && l.y === s.y);
    if (level >= 0 && level < kLevels.length - 1) {
      const terms = grid.terms(cell.x, cell.y);
      const next = kLevels[level + 1];
      return go(
        address('/heatmap', {x: next.x, y: next.y, q: allOf(state.q, ...terms), sel: null, lo: null, hi: null}, true));
    }
    change({sel: `${grid.keys[0][cell.x]}|${grid.keys[1][cell.y]}`});
  }

  function zoom(area) {
    const {grid, state} = shown, changes = {sel: null, lo: null, hi: null}, terms = [];
    for (const [side, from, to] of [[0, area.x0, area.x1], [1, area.y0, area.y1]]) {
      const n = grid.keys[side].length;
      if (from === 0 && to === n - 1) continue;
      if (grid.dims[side] === 'time')
        changes.r = rangeText(grid.starts[from], grid.starts[to] + grid.stepMs);
      else {
        const lines = [];
        for (let i = from; i <= to; ++i)
          if (!grid.isOther(side, i)) lines.push(i);
        const each = lines.map((i) => termOf(grid.dims[side], grid.keys[side][i])).filter(Boolean);
        if (each.length > 0)
          terms.push(
            each.length === 1 ? each[0] : `(${each.map((t) => (t.includes(' and ') ? `(${t})` : t)).join(' or ')})`);
      }
    }
    if (terms.length > 0) changes.q = allOf(state.q, ...terms);
    if (changes.r && state.live) changes.live = null;
    go(address('/heatmap', changes, true), {keepScroll: true});
  }
  // --- loading ---

  async function ask(s, state, range, signal, all) {
    const columns = s.x === 'time' ? Math.max(24, Math.min(160, Math.floor((body.clientWidth - 290) / kColumnPx))) :
      all                          ? kMostLines :
                                     Math.min(kMostColumns, Math.max(s.rows, 20));
    const rows = s.y === 'time' ? 60 : all ? kMostLines : s.rows;
    const asked = s.x === 'time' || s.y === 'time' ? aligned(range, s.x === 'time' ? columns : rows) : range;
    const map = await call(
      'Heatmap', {
        x: dimension(s.x),
        y: dimension(s.y),
        metric: metric(s.metric),
        filter: state.q,
        range: rangeOf(asked),
        includeBenign: state.benign,
        columns,
        rows
      },
      signal);
    return new Grid(map, [s.x, s.y], asked);
  }

  // What the user only looks at otherwise (colours, the chosen cell, the table) needs no new answer.
  let known = null, controlsOf = '';
  const dataKey = (s, state) =>
    JSON.stringify([s.x, s.y, s.metric, s.rows, s.compare, state.q, state.benign, state.get('r'), body.clientWidth]);

  async function load(state, signal, {refresh = false} = {}) {
    const s = settings(state);
    if (controlsOf !== location.href) showControls(s);
    controlsOf = location.href;
    const key = dataKey(s, state);
    if (refresh || known?.key !== key || Date.now() - known.at > kFreshMs)
      known = {key, at: Date.now(), ...await fetched(s, state, signal)};
    const {grid, comparison, note} = known;
    await showAll(s, state, grid, comparison, note, signal);
  }

  async function fetched(s, state, signal) {
    const grid = await ask(s, state, state.range, signal, false);
    let comparison = null, note = '';
    if (s.compare) {
      const earlier = before(grid.range);
      if (earlier)
        comparison = new Change(grid, await ask(s, state, earlier, signal, true));
      else
        note = 'Choose a range with a beginning to compare it with the period before.';
    }
    return {grid, comparison, note};
  }

  async function showAll(s, state, grid, comparison, note, signal) {
    shown = {grid, comparison, s, state, scale: null};
    const heading =
      kPresets.find((p) => p.x === s.x && p.y === s.y)?.title ?? `${kDimensions[s.x]} × ${kDimensions[s.y]}`;
    title.textContent = heading[0].toUpperCase() + heading.slice(1);
    const named = kMetrics[s.metric].text, totals = s.metric === 'lost_bytes' ? bytes(grid.total) : short(grid.total);
    const when = grid.range.since === null ? 'all there is' : `${span(grid.range.since, grid.range.until)} UTC`;
    subtitle.textContent =
      [`${named}: ${totals}`, when, ...(comparison ? ['against the period before'] : [])].join(' · ');
    subtitle.dataset.total = String(grid.total);
    const nothing = grid.rows === 0 || grid.columns === 0;
    heat.element.hidden = legend.element.hidden = nothing;
    replace(notice, note && h('p', {class_: 'note'}, note), nothing && await nothingHere(state, grid));
    if (!nothing)
      await paint();
    else
      tip.hide();
    showTable();
    replace(foot, completeness(grid.map.completeness, state));
    await showPanel(signal);
  }

  async function nothingHere(state, grid) {
    const info = await call('GetServerInfo', {});
    const hidden = Number(grid.map.completeness?.hiddenBenign ?? 0);
    const away = info.newest && state.range.since !== null &&
      (Date.parse(info.newest) < state.range.since || Date.parse(info.oldest) > state.range.until);
    return empty(
      Number(info.events ?? 0) === 0 ? 'No endings are stored yet' : 'Nothing ended that way in this range',
      hidden > 0 &&
        h('p', {}, `${count(hidden)} benign endings are hidden. `,
          link(address('/heatmap', {benign: '1'}, true), {}, 'Show them')),
      state.q && h('p', {}, link(address('/heatmap', {q: null}, true), {}, 'Remove the filter')),
      away &&
        h('p', {}, `The store has ${span(Date.parse(info.oldest), Date.parse(info.newest) + 1)} UTC. `,
          link(address('/heatmap', {r: 'all'}, true), {}, 'Show all of it')),
      Number(info.events ?? 0) === 0 &&
        h('p', {}, 'Point a sensor at this control plane: ',
          h('code', {}, 'resetscope-sensor --interface eth1 --export-server …')),
      !away && !hidden && Number(info.events ?? 0) > 0 &&
        h('p', {class_: 'muted'}, 'That is good news, or the range is too short.'));
  }

  async function showPanel(signal) {
    const {grid, s, state} = shown;
    const bar = s.sel.indexOf('|');
    const x = grid.keys[0].indexOf(s.sel.slice(0, bar)), y = grid.keys[1].indexOf(s.sel.slice(bar + 1));
    const cell = s.sel && bar >= 0 && x >= 0 && y >= 0 ? {x, y} : null;
    heat.select(cell);
    if (!cell) return panel.hide();
    await panel.show(facts({x, y}), state, signal);
  }

  return {
    element,
    load,
    title: () => title.textContent,
    leave: () => {
      tip.hide();
      document.removeEventListener('theme', repaint);
    }
  };
}
