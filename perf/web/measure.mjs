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
await page.goto(setup.base + week);
await shown(page);
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
for (const [name, act] of Object.entries(acts)) figures[name] = await interaction(page, act);
await page.goto(`${setup.base}${week}`);
await shown(page);
const spot = await page.evaluate(() => {
  const heat = document.querySelector('.heat'), box = heat.getBoundingClientRect(),
        [l, t, w, hh] = JSON.parse(heat.dataset.area);
  return {x: box.left + l + 20.5 * w, y: box.top + t + 3.5 * hh};
});
figures.page_cell_ms = await interaction(page, () => page.mouse.click(spot.x, spot.y));
await page.goto(`${setup.base}/?r=7d`);
await shown(page);
figures.page_overview_ms = await page.evaluate(() => performance.now());

// Ten thousand cells repainted once a second: what the frames between two repaints cost.
await page.goto(`${setup.base}/heatmap?r=6h&n=100`);
await shown(page);
const live = await page.evaluate(async ([seconds]) => {
  const {Heat} = await import('/heat.js');
  const {logScale} = await import('/color.js');
  const heat = new Heat({point() {}, pick() {}, zoom() {}});
  document.querySelector('main').replaceChildren(heat.element);
  const scale = logScale('viridis', 1, 1000), n = 100;
  const names = (word) => Array.from({length: n}, (_, i) => `${word} ${i}`);
  const frames = [], paints = [];
  let last = 0, running = true;
  const frame = (now) => {
    if (last) frames.push(now - last);
    last = now;
    if (running) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  for (let s = 0; s < seconds; ++s) {
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
    paints.push(performance.now() - began);
    await new Promise((done) => setTimeout(done, 1000 - (performance.now() - began)));
  }
  running = false;
  return {frames, paints};
}, [kLiveS]);
figures.page_repaint_10k_cells_ms = median(live.paints);
figures.page_longest_frame_ms = Math.max(...live.frames);
figures.page_dropped_frames = live.frames.reduce((n, f) => n + Math.max(0, Math.round(f / kFrameMs) - 1), 0);
process.stdout.write(JSON.stringify(figures) + '\n');
await browser.close();
