// SPDX-License-Identifier: Apache-2.0
//
// ECharts, loaded when the first chart is drawn, and the plain charts: stacked areas over time, bars.
import {seriesColors, token} from './color.js';
import {h, replace} from './dom.js';
import {short, spaced} from './format.js';
import {roundTimes} from './grid.js';
import {clock, day} from './time.js';

let loaded;
export const echarts = () => (loaded ??= import('./vendor/echarts.js'));

const kFont = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
export const fontFamily = kFont;

// Charts follow their box and the theme; `draw` is called for both. Gone with their element.
export async function mount(box, draw) {
  const lib = await echarts();
  if (!box.isConnected) return null;
  const chart = lib.init(box, null, {renderer: 'canvas'});
  const again = () => box.isConnected && draw(chart);
  const watcher = new ResizeObserver(() => {
    if (!box.isConnected) return close();
    if (box.clientWidth === chart.getWidth() && box.clientHeight === chart.getHeight()) return;
    chart.resize();
    again();
  });
  watcher.observe(box);
  document.addEventListener('theme', again);
  function close() {
    watcher.disconnect();
    document.removeEventListener('theme', again);
    chart.dispose();
  }
  draw(chart);
  return {chart, close, again};
}

export const axisStyle = () => ({
  axisLine: {lineStyle: {color: token('border-strong')}},
  axisTick: {lineStyle: {color: token('border-strong')}},
  axisLabel: {color: token('muted'), fontFamily: kFont, fontSize: 11},
  splitLine: {lineStyle: {color: token('border')}},
});

export const timeLabel = (ms, days, seconds) => (days ? day(ms) : clock(ms, seconds));

// Readings under the pointer, in a line of our own below the chart: ECharts' tooltip writes HTML with inline style,
// which the page's policy forbids.
function follow(chart, read) {
  chart.getZr().on('mousemove', (event) => {
    const at = {x: event.offsetX, y: event.offsetY};
    read(chart.containPixel('grid', [at.x, at.y]) ? chart.convertFromPixel({seriesIndex: 0}, [at.x, at.y]) : null);
  });
  chart.getZr().on('globalout', () => read(null));
}

// data: {start, step, series: [{key, values}], key}, read again at each drawing; times in ms, one value a step. `key`
// gets the names with their colours. read(i): the step under the pointer, or null; pick(i): it was clicked.
export function areas(box, data) {
  let hooked = false, n = 0;
  return mount(box, (chart) => {
    const {start, step, series} = data;
    n = series[0]?.values?.length ?? 0;
    const days = step * n > 2 * 86_400_000, palette = seriesColors();
    const color = (i) => (series[i].key === 'other' ? token('other') : palette[i % palette.length]);
    if (data.key)
      replace(data.key, series.map((s, i) => h('span', {}, h('i', {style: {background: color(i)}}), spaced(s.key))));
    const starts = Array.from({length: n}, (_, i) => start + i * step);
    const round = roundTimes(starts, step, (chart.getWidth() - 58) / Math.max(1, n), 60);
    chart.setOption(
      {
        animation: false,
        textStyle: {fontFamily: kFont},
        grid: {left: 46, right: 12, top: 10, bottom: 24},
        xAxis: {
          type: 'category',
          data: starts,
          ...axisStyle(),
          splitLine: {show: false},
          axisTick: {show: false},
          axisLabel: {
            ...axisStyle().axisLabel,
            formatter: (v) => timeLabel(Number(v), days, Number(v) % 60_000 !== 0),
            interval: round
          }
        },
        yAxis: {
          type: 'value',
          min: 0,
          minInterval: 1,
          splitNumber: 3,
          ...axisStyle(),
          axisLine: {show: false},
          axisTick: {show: false},
          axisLabel: {...axisStyle().axisLabel, formatter: (v) => short(v)}
        },
        series: series.map((s, i) => ({
                             type: 'bar',
                             stack: 'all',
                             barCategoryGap: n > 60 ? '8%' : '18%',
                             data: s.values,
                             silent: true,
                             itemStyle: {color: color(i)},
                             emphasis: {disabled: true},
                           })),
      },
      true);
    if (hooked) return;
    hooked = true;
    let at = null;
    follow(chart, (place) => {
      at = place === null ? null : Math.max(0, Math.min(n - 1, Math.round(place[0])));
      data.read?.(at);
    });
    if (data.pick) chart.getZr().on('click', () => at !== null && data.pick(at));
  });
}

// bars: [{text, value, mark}]; `mark` ones stand out.
export function bars(box, {bars: list, read}) {
  let hooked = false;
  return mount(box, (chart) => {
    const palette = seriesColors();
    chart.setOption(
      {
        animation: false,
        textStyle: {fontFamily: kFont},
        grid: {left: 46, right: 12, top: 10, bottom: 26},
        xAxis: {
          type: 'category',
          data: list.map((b) => b.text),
          ...axisStyle(),
          splitLine: {show: false},
          axisTick: {show: false},
          axisLabel: {...axisStyle().axisLabel, hideOverlap: true}
        },
        yAxis: {
          type: 'value',
          min: 0,
          minInterval: 1,
          splitNumber: 3,
          ...axisStyle(),
          axisLine: {show: false},
          axisTick: {show: false},
          axisLabel: {...axisStyle().axisLabel, formatter: (v) => short(v)}
        },
        series: [{
          type: 'bar',
          barCategoryGap: '12%',
          silent: true,
          emphasis: {disabled: true},
          data: list.map((b) => ({value: b.value, itemStyle: {color: b.mark ? palette[1] : palette[0]}}))
        }],
      },
      true);
    if (hooked) return;
    hooked = true;
    follow(
      chart, (place) => read?.(place === null ? null : Math.max(0, Math.min(list.length - 1, Math.round(place[0])))));
  });
}
