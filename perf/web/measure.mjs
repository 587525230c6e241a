// SPDX-License-Identifier: Apache-2.0
//
// How fast the page is in Chromium, by Chromium's own clock: node measure.mjs '{"base", "library"}' prints one JSON
// object of figures. The store behind it is fill_store's week.
const setup = JSON.parse(process.argv[2]);
const {chromium} = await import(setup.library);
const kRounds = 5;
const kLiveS = 6;
const kFrameMs = 1000 / 60;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'
  ]
});
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const shown = (page) => page.waitForFunction(
  () => document.querySelector('main')?.dataset.loaded && !document.querySelector('main.asking'), null,
  {timeout: 30_000, polling: 'raf'});

// From the start of the navigation until the heatmap's cells are on the screen.
async function paint(path) {
  const times = [], firsts = [];
  for (let i = 0; i < kRounds; ++i) {
    const context = await browser.newContext({viewport: {width: 1440, height: 900}});
    const page = await context.newPage();
    await page.goto(setup.base + path);
    await page.waitForFunction(
      () => document.querySelector('.heat')?.dataset.painted, null, {timeout: 30_000, polling: 'raf'});
    times.push(await page.evaluate(() => Number(document.querySelector('.heat').dataset.painted)));
    firsts.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime));
    await context.close();
  }
  return {first: median(firsts), cells: median(times)};
}

// From an input until the page shows its answer, in the page's own time.
async function interaction(page, act) {
  const turn = await page.evaluate(() => {
    window.began = performance.now();
    return document.querySelector('main').dataset.loaded;
  });
  await act();
  await page.waitForFunction(
    (old) => document.querySelector('main').dataset.loaded !== old && (window.ended = performance.now()), turn,
    {timeout: 30_000, polling: 'raf'});
  await shown(page);
  return page.evaluate(() => window.ended - window.began);
}

const figures = {};
const week = '/heatmap?r=7d&n=200';
const {first, cells} = await paint(week);
figures.page_first_paint_ms = first;
figures.page_week_by_200_services_ms = cells;

const context = await browser.newContext({viewport: {width: 1440, height: 900}});
const page = await context.newPage();
const select = (label, value) => () => page.locator(`select[aria-label="${label}"]`).selectOption(value);
const acts = {
  page_metric_ms: select('metric', 'resets'),
  page_colours_ms: select('colours', 'cividis'),
  page_rows_ms: select('rows', '50'),
  page_causes_ms: () => page.locator('.tabs a', {hasText: 'Why, when'}).click(),
  page_matrix_ms: () => page.locator('.tabs a', {hasText: 'Between'}).click(),
  page_filter_ms: async () => {
    await page.locator('#filter').fill('origin = server');
    await page.keyboard.press('Enter');
  },
};
const cell = async () => {
  const spot = await page.evaluate(() => {
    const heat = document.querySelector('.heat'), box = heat.getBoundingClientRect(),
          [l, t, w, hh] = JSON.parse(heat.dataset.area);
    return {x: box.left + l + 20.5 * w, y: box.top + t + 3.5 * hh};
  });
  return interaction(page, () => page.mouse.click(spot.x, spot.y));
};
const took = {
  page_cell_ms: []
};
for (let i = 0; i < kRounds; ++i) {
  await page.goto(setup.base + week);
  await shown(page);
  for (const [name, act] of Object.entries(acts)) (took[name] ??= []).push(await interaction(page, act));
  await page.goto(setup.base + week);
  await shown(page);
  took.page_cell_ms.push(await cell());
}
for (const [name, times] of Object.entries(took)) {
  figures[name] = median(times);
  figures[name.replace('_ms', '_worst_ms')] = Math.max(...times);
}
await page.goto(`${setup.base}/?r=7d`);
await shown(page);
figures.page_overview_ms = await page.evaluate(() => performance.now());

// Frames of the page while `act` goes on: how many were due and did not come, and the longest wait for one.
async function frames(seconds, act) {
  const began = await page.evaluate(() => {
    window.frames = [];
    const frame = (now) => {
      window.frames.push(now);
      window.watching = requestAnimationFrame(frame);
    };
    window.watching = requestAnimationFrame(frame);
    return performance.now();
  });
  await act(seconds);
  const gaps = await page.evaluate(() => {
    cancelAnimationFrame(window.watching);
    return window.frames.slice(1).map((now, i) => now - window.frames[i]);
  });
  const lasted = await page.evaluate((from) => performance.now() - from, began);
  return {
    dropped: gaps.reduce((n, gap) => n + Math.max(0, Math.round(gap / kFrameMs) - 1), 0) * seconds * 1000 / lasted,
    longest: Math.max(...gaps)
  };
}
const wait = (seconds) => page.waitForTimeout(seconds * 1000);

// A hundred services by a hundred steps of time, asked for and painted anew every second, as in live mode: the stream
// is played here, so that there is something new each second. Beside it the same page left alone: what drops frames
// then is the machine.
await page.route(
  '**/api/v1/WatchResets**',
  (route) => route.fulfill(
    {contentType: 'text/event-stream', body: `retry: 900\nid: 1\ndata: ${JSON.stringify({event: {count: '1'}})}\n\n`}));
const hundred = '/heatmap?r=17h&n=100';  // in steps of ten minutes
await page.setViewportSize({width: 1440, height: 900});
await page.goto(setup.base + hundred);
await shown(page);
await wait(1);
const cdp = await context.newCDPSession(page);
await cdp.send('Performance.enable');
// Seconds that the page's main thread has worked: next to no part of it is other programs'.
const worked = async () =>
  (await cdp.send('Performance.getMetrics')).metrics.find((one) => one.name === 'TaskDuration').value;
let before = await worked();
const idle = await frames(kLiveS, wait);
const idleWork = await worked() - before;
await page.goto(`${setup.base}${hundred}&live=1`);
await shown(page);
await wait(2);
let refreshed = 0;
const count = (request) => refreshed += request.url().endsWith('/Heatmap') ? 1 : 0;
page.on('request', count);
before = await worked();
const live = await frames(kLiveS, wait);
page.off('request', count);
figures.page_live_refresh_ms = (await worked() - before - idleWork) * 1000 / refreshed;
if (refreshed < kLiveS - 2) throw new Error(`the live map was asked for ${refreshed} times in ${kLiveS} s`);
figures.page_live_cells = await page.evaluate(() => {
  const [, , w, h] = JSON.parse(document.querySelector('.heat').dataset.area);
  const cells = document.querySelector('.heat-cells').getBoundingClientRect();
  return Math.round(cells.width / w) * Math.round(cells.height / h);
});
figures.page_idle_dropped_frames = idle.dropped;
figures.page_live_dropped_frames = live.dropped;
figures.page_live_longest_frame_ms = live.longest;

// Ten thousand cells that all change, once a second.
let paints = [];
const repainted = await frames(kLiveS, async (seconds) => {
  paints = await page.evaluate(async ([rounds]) => {
    const {Heat} = await import('/heat.js');
    const {logScale} = await import('/color.js');
    const heat = new Heat({point() {}, pick() {}, zoom() {}});
    document.querySelector('main').replaceChildren(heat.element);
    const scale = logScale('viridis', 1, 1000), n = 100;
    const names = (word) => Array.from({length: n}, (_, i) => `${word} ${i}`);
    const took = [];
    for (let i = 0; i < rounds; ++i) {
      const values = Float64Array.from({length: n * n}, () => Math.random() * 1000);
      const began = performance.now();
      await heat.show({
        columns: names('column'),
        rows: names('row'),
        label: 'speed',
        names: false,
        colors: Uint32Array.from(values, (v) => scale.pixel(Math.round(v))),
        marks: new Uint8Array(n * n)
      });
      took.push(performance.now() - began);
      await new Promise((done) => setTimeout(done, 1000 - (performance.now() - began)));
    }
    return took;
  }, [seconds]);
});
figures.page_repaint_10k_cells_ms = median(paints);
figures.page_dropped_frames = repainted.dropped;
figures.page_longest_frame_ms = repainted.longest;
process.stdout.write(JSON.stringify(figures) + '\n');
await browser.close();
