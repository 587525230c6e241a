// SPDX-License-Identifier: Apache-2.0
//
// What the page's tests share: a browser, the host that runs the programs, and how a test is reported.
import {createInterface} from 'node:readline';

export const setup = JSON.parse(process.argv[2]);
const {chromium} = await import(setup.library);

const lines = createInterface({input: process.stdin});
const answers = [];
lines.on('line', (line) => answers.shift()(JSON.parse(line)));
const say = (message) => process.stdout.write(JSON.stringify(message) + '\n');

// A method of Host in page.py.
export async function ask(name, ...args) {
  const answer = new Promise((done) => answers.push(done));
  say({ask: name, arguments: args});
  const got = await answer;
  if (got.error) throw new Error(got.error);
  return got.value;
}

const tests = [];
export const test = (name, run) => tests.push({name, run});

export async function runAll() {
  for (const {name, run} of tests) {
    const problems = [], began = performance.now();
    const expect = (good, text) => good || problems.push(text);
    try {
      await run(expect);
    } catch (error) {
      problems.push(error.message.split('\n').slice(0, 3).join(' | '));
    }
    say({name, problems, note: `${((performance.now() - began) / 1000).toFixed(1)} s`});
  }
  await browser.close();
  lines.close();
}

export const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'
  ]
});

// A page that notes every complaint of the browser: a refused script or style is one.
// `context`: more for Playwright's newContext.
export async function open(
  {path = '/', base = setup.base, dark = false, width = 1440, height = 900, context: more = {}} = {}) {
  const context = await browser.newContext(
    {viewport: {width, height}, colorScheme: dark ? 'dark' : 'light', acceptDownloads: true, ...more});
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], {origin: base});
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => {
    // That a request failed is the matter of some tests; the page says so itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(error.message));
  await page.goto(base + path);
  await loaded(page);
  return page;
}

export async function loaded(page) {
  await page.waitForFunction(
    () => document.querySelector('main')?.dataset.loaded && !document.querySelector('main.asking'), null,
    {timeout: 15_000});
}

// Does something that navigates within the page, and waits until it shows the new state.
export async function after(page, action) {
  const turn = await page.evaluate(() => document.querySelector('main').dataset.loaded);
  await action();
  await page.waitForFunction((old) => document.querySelector('main').dataset.loaded !== old, turn, {timeout: 15_000});
  await loaded(page);
}

// As a link within the page leads there: without loading the page's files again.
export const view = (page, path) =>
  after(page, () => page.evaluate(async (href) => (await import('/state.js')).go(href), path));

export const range =
  `${new Date(setup.until - setup.hours * 3_600_000).toISOString()}..${new Date(setup.until).toISOString()}`;
export const [since, until] = range.split('..');
export const at = (path, params = {}) => `${path}?${new URLSearchParams({r: range, ...params})}`;

// Where a heatmap's cell is on the screen: of the first row whose name holds `row`, and of `column`, or of the first
// with a value. The map must show its table.
export async function cell(page, row, column = null) {
  return page.evaluate(([name, pick]) => {
    const rows = [...document.querySelectorAll('.numbers tbody tr')];
    const y = rows.findIndex((tr) => tr.querySelector('th').title.includes(name));
    const texts = [...rows[y].querySelectorAll('td')].map((td) => td.textContent);
    const x = pick ?? texts.findIndex((t) => t !== '' && !t.startsWith('0'));
    const heat = document.querySelector('.heat'), box = heat.getBoundingClientRect();
    const [left, top, width, height] = JSON.parse(heat.dataset.area);
    return {
      column: x,
      row: y,
      text: texts[x],
      x: box.left + left + (x + 0.5) * width,
      y: box.top + top + (y + 0.5) * height,
      width,
      height
    };
  }, [row, column]);
}
