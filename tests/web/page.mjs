// SPDX-License-Identifier: Apache-2.0
//
// The page in Chromium: every view, the way from a heatmap to one ending and back, and what must not happen.
import {readFile} from 'node:fs/promises';

import {after, ask, at, cell, loaded, open, range, runAll, setup, since, test, until, view} from './kit.mjs';
import {apart, kSights, seen} from './sight.mjs';

const kHeatmaps = [
  ['time', 'service'], ['server_network', 'client_network'], ['time', 'cause'], ['cause', 'service'],
  ['idle_time', 'service']
];
const kAlsoDark = [
  'overview', 'event', 'incident', 'timeouts', 'services', 'heatmap-time-service',
  'heatmap-server_network-client_network'
];
const api = (page, name, body) => page.evaluate(
  async ([n, b]) => (await fetch(`/api/v1/${n}`, {method: 'POST', body: JSON.stringify(b)})).json(), [name, body]);
const endings = (n) => `${n} ending${n === '1' ? '' : 's'}`;
const text = (page, selector) => page.locator(selector).first().innerText();
const between = {
  range: {since, until}
};

test('every view shows its content in light and dark, and nothing breaks the policy', async (expect) => {
  const probe = await open();
  const list =
    await api(probe, 'ListResets', {...between, filter: 'cause = idle_timeout_rst', pageSize: 1, last: true});
  const incidents = await api(probe, 'ListIncidents', {});
  const event = list.events[0].id, incident = incidents.incidents.find((i) => i.kind === 'INCIDENT_KIND_SCAN').id;
  await probe.context().close();
  const views = [
    ['overview', at('/'), 'Services that fail most'], ['endings', at('/endings'), 'idle timeout rst'],
    ['event', at(`/event/${event}`), 'On the wire'], ['incidents', at('/incidents'), 'scan'],
    ['incident', at(`/incident/${incident}`), 'What to do'], ['services', at('/services'), 'payments-db'],
    ['service', at('/service/payments-db @ fra1 (10.1.1.20:5432)'), 'Limits on silence'],
    ['timeouts', at('/timeouts'), '350 s: AWS'], ['sensors', at('/sensors'), 'fra1-a'],
    ...kHeatmaps.map(([x, y]) => [`heatmap-${x}-${y}`, at('/heatmap', {x, y}), 'endings'])
  ];
  for (const dark of [false, true]) {
    const page = await open({dark});
    for (const [name, path, wanted] of views) {
      if (dark && !kAlsoDark.includes(name)) continue;
      await view(page, path);
      const shown = await text(page, 'main');
      expect(shown.includes(wanted), `${name}: no "${wanted}" on the page: ${shown.slice(0, 120)}`);
      await page.waitForTimeout(60);  // charts draw in the frame after
      await page.screenshot({path: `${setup.gallery}/${name}-${dark ? 'dark' : 'light'}.png`});
    }
    expect(page.complaints.length === 0, page.complaints.join(' / '));
    await page.context().close();
  }
});

test('on a narrow screen nothing sticks out', async (expect) => {
  for (const width of [400, 900, 1150]) {
    const page = await open({width, height: 800});
    for (const [name, path] of [
           ['overview', at('/')], ['heatmap', at('/heatmap')], ['services', at('/services')],
           ['endings', at('/endings')], ['timeouts', at('/timeouts')]]) {
      await view(page, path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide <= width, `${name} is ${wide} px wide at ${width}`);
      if (width === 400) await page.screenshot({path: `${setup.gallery}/narrow-${name}.png`});
    }
    await page.context().close();
  }
});

test('heatmap, cell, ending: by mouse; the back button and the address lead to each of them', async (expect) => {
  const page = await open({path: at('/heatmap', {table: '1', n: '10'})});
  const place = await cell(page, 'payments-db');
  await page.mouse.move(place.x, place.y);
  await page.waitForSelector('.tip:not([hidden]) .tip-line');
  const tip = await text(page, '.tip');
  for (const part of ['payments-db', 'idle timeout rst 100%', 'middlebox 100%', 'Complete', endings(place.text)])
    expect(tip.includes(part), `the tip has no "${part}": ${tip}`);
  const shop = await cell(page, 'shop');
  await page.mouse.move(shop.x, shop.y);
  await page.waitForFunction(
    () => /per 1,000 connections/.test(document.querySelector('.tip').innerText), null, {timeout: 4000});
  await page.screenshot({path: `${setup.gallery}/hover.png`});
  await after(page, () => page.mouse.click(place.x, place.y));
  await page.waitForSelector('.cell-panel .event-list a');
  expect(
    await page.locator('.cell-panel .event-list a').count() === Number(place.text),
    `${place.text} endings in the cell, the panel lists others`);
  await page.screenshot({path: `${setup.gallery}/cell.png`});
  const chosen = page.url();
  await after(page, () => page.locator('.cell-panel .event-list a').first().click());
  expect((await text(page, 'h1')).includes('after 350 s of silence'), `the ending says: ${await text(page, 'h1')}`);
  expect(await page.locator('.seq-arrow').count() >= 4, 'no sequence diagram');
  await after(page, () => page.goBack());
  expect(
    page.url() === chosen && await page.locator('.cell-panel:not([hidden])').count() === 1,
    `back leads to ${page.url()}`);
  const other = await open({path: chosen.slice(setup.base.length)});
  await other.waitForSelector('.cell-panel .event-list a');
  expect(await text(other, '.cell-value') === endings(place.text), 'the link to a cell shows another cell');
  await after(page, () => page.goBack());
  expect(await page.locator('.cell-panel:not([hidden])').count() === 0, 'back from the cell leaves its panel open');
  await page.context().close();
  await other.context().close();
});

test('from sites down to networks and hosts, and back', async (expect) => {
  const page = await open({path: at('/heatmap', {x: 'site', y: 'client_network', table: '1'})});
  const place = await cell(page, '192.168.1.0/24', 0);
  const site = await text(page, '.numbers thead th.number');
  await after(page, () => page.mouse.click(place.x, place.y));
  let url = new URL(page.url());
  expect(
    url.searchParams.get('x') === 'server_network' &&
      url.searchParams.get('q') === `site = ${site} and client_ip in 192.168.1.0/24`,
    `site -> ${url}`);
  const labels = await page.locator('.numbers thead th.number').allInnerTexts();
  const prefix = site === 'fra1' ? '10.1.' : '10.2.';
  expect(labels.length > 0 && labels.every((l) => l.startsWith(prefix)), `networks of ${site}: ${labels}`);
  const inner = await cell(page, '192.168.1.0/24', 0);
  await after(page, () => page.mouse.click(inner.x, inner.y));
  url = new URL(page.url());
  expect(url.searchParams.get('x') === 'server_ip' && url.searchParams.get('y') === 'client_ip', `network -> ${url}`);
  expect(
    (await page.locator('.numbers tbody th').allInnerTexts()).every((l) => l.startsWith('192.168.1.')),
    'hosts of other networks');
  await after(page, () => page.goBack());
  await after(page, () => page.goBack());
  expect(new URL(page.url()).searchParams.get('x') === 'site', `twice back: ${page.url()}`);
  await page.context().close();
});

test('the numbers are those of the command line', async (expect) => {
  const page = await open();
  for (const [x, y, metric] of [
         ['time', 'service', 'endings'], ['server_network', 'client_network', 'resets'], ['time', 'cause', 'refused'],
         ['cause', 'service', 'per_1000_connections'], ['idle_time', 'service', 'lost_bytes']]) {
    const asked = page.waitForRequest((r) => r.url().endsWith('/Heatmap'));
    await view(page, at('/heatmap', {x, y, m: metric}));
    const {columns, rows} = (await asked).postDataJSON();
    const [, download] =
      await Promise.all([page.getByRole('button', {name: 'CSV'}).click(), page.waitForEvent('download')]);
    const csv = (await readFile(await download.path(), 'utf8'))
                  .trim()
                  .split('\r\n')
                  .map(
                    (l) => l.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/)
                             .map((f) => f.replace(/^"|"$/g, '').replaceAll('""', '"').replace(/^'(?=[=+\-@])/, '')));
    const shown = new Map();
    for (const row of csv.slice(1))
      row.slice(1).forEach((v, i) => shown.set(`${csv[0][i + 1]}|${row[0]}`, v === '' ? null : Number(v)));
    const lines = await ask(
      'cli', 'heatmap', '--x', x, '--y', y, '--metric', metric, '--since', since, '--until', until, '--columns',
      String(columns), '--rows', String(rows));
    const wrong = lines.filter((l) => {
      const mine = shown.get(`${l[x]}|${l[y]}`);
      return mine === undefined || (mine === null) !== (l.value === null) ||
        Math.abs((mine ?? 0) - (l.value ?? 0)) > 0.001;
    });
    // Silences that nobody kept stand as zeros between those that somebody did.
    const told = new Set(lines.map((l) => `${l[x]}|${l[y]}`)), added = [...shown].filter(([k]) => !told.has(k));
    expect(
      lines.length > 0 && wrong.length === 0 && added.every(([, v]) => v === 0) &&
        (x === 'idle_time' ? added.length > 0 : added.length === 0),
      `${x} x ${y}, ${metric}: ${wrong.length} of ${lines.length} differ (${shown.size} shown), e.g. ${
        JSON.stringify(wrong[0])}`);
  }
  await view(page, at('/endings', {q: 'cause = app_abort_unread'}));
  const listed = await ask(
    'cli', 'resets', 'list', '--all', '--filter', 'cause = app_abort_unread', '--since', since, '--until', until);
  const total = Number(await page.locator('.subtitle').getAttribute('data-total'));
  expect(
    total === listed.reduce((n, e) => n + e.count, 0) && total > 0,
    `${total} endings on the page, ${listed.length} rows of the CLI`);
  await view(page, at('/services'));
  const services = await ask('cli', 'services', '--since', since, '--until', until);
  const shop = services.find((s) => s.name === 'shop');
  const row = await text(page, 'tr:has-text("shop @ fra1")');
  expect(
    row.includes(shop.attempted.toLocaleString('en-US')) && row.includes(String(shop.reset)),
    `shop: ${row} / ${JSON.stringify(shop)}`);
  const named = await page.locator('tbody tr').count();
  expect(named === services.length || named > 100, `${named} services, ${services.length} in the CLI`);
  await page.context().close();
});

test('the legend\'s colours are the cells\'; zero, no data and clamped ends have their own', async (expect) => {
  for (const [dark, pal] of [[false, 'viridis'], [true, 'viridis'], [false, 'cividis']]) {
    const page = await open({dark, path: at('/heatmap', {table: '1', n: '10', pal})});
    const wrong = await page.evaluate(async () => {
      const heat = document.querySelector('.heat'), [, , width, height] = JSON.parse(heat.dataset.area);
      const cells = heat.querySelector('.heat-cells'), bar = document.querySelector('.legend-bar');
      const pixel =
        (canvas, x, y) => [...canvas.getContext('2d').getImageData(Math.round(x), Math.round(y), 1, 1).data].slice(
          0, 3);
      const same = (a, b) => a.every((v, i) => Math.abs(v - b[i]) <= 6);
      const values = [...document.querySelectorAll('.numbers tbody tr')].map(
        (tr) => [...tr.querySelectorAll('td')].map((td) => td.textContent));
      const plain =
        values.flat().filter((t) => /^[\d,]+$/.test(t)).map((t) => Number(t.replaceAll(',', ''))).filter((v) => v > 0);
      const all = values.flat().map((t) => Number(t.replace(/[,*]/g, ''))).filter((v) => v > 0);
      const lo = Math.min(...all), hi = Math.max(...all), bad = [];
      const zero = pixel(document.querySelector('.swatch[data-kind="zero"] canvas'), 6, 6);
      let checked = 0, zeros = 0;
      values.forEach((row, y) => row.forEach((t, x) => {
        if (!/^[\d,]+$/.test(t)) return;
        const v = Number(t.replaceAll(',', '')), seen = pixel(cells, (x + 0.4) * width, (y + 0.4) * height);
        const place = Math.log(v / lo) / Math.log(hi / lo);
        const want = v === 0 ? zero : pixel(bar, Math.min(bar.width - 1, place * bar.width), 6);
        if (v === 0)
          ++zeros;
        else
          ++checked;
        if (!same(seen, want) && bad.length < 3) bad.push(`${t}: ${seen} in the map, ${want} in the legend`);
      }));
      if (checked < 20 || zeros < 5 || plain.length === 0) bad.push(`only ${checked} cells and ${zeros} zeros`);
      return bad;
    });
    expect(wrong.length === 0, `${pal}${dark ? ' dark' : ''}: ${wrong.join('; ')}`);
    if (!dark) {
      await page.locator('.clamp[data-side="hi"]').fill('4');
      await after(page, () => page.keyboard.press('Enter'));
      expect(
        new URL(page.url()).searchParams.get('hi') === '4' && (await text(page, '.legend-ticks')).includes('≥'),
        'a clamped end is not marked');
    }
    await page.context().close();
  }
});

test(
  'colour-blind readers tell every step from the next, rise from fall, and each series from each', async (expect) => {
    const kLeastStep = 6, kLeastChange = 15, kLeastOpposite = 40, kLeastSeries = 8;  // 2.3 is just noticeable
    for (const dark of [false, true]) {
      const page = await open({dark, path: at('/heatmap')});
      const found = await page.evaluate(async () => {
        const {changeScale, kPalettes, logScale, seriesColors, token} = await import('/color.js');
        const rgb = (text) => {
          const context = document.createElement('canvas').getContext('2d');
          context.fillStyle = text;
          context.fillRect(0, 0, 1, 1);
          return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
        };
        const steps = (scale, n) => Array.from({length: n}, (_, i) => rgb(scale.color(scale.value(i / (n - 1)))));
        return {
          maps: kPalettes.map((name) => [name, [rgb(token('cell-zero')), ...steps(logScale(name, 1, 1000), 9)]]),
          change: steps(changeScale(), 7),
          series: [...seriesColors(), token('other')].map(rgb)
        };
      });
      for (const sight of Object.keys(kSights)) {
        const who = `${sight}${dark ? ', dark' : ''}`, look = (list) => list.map((c) => seen(c, sight));
        for (const [name, colors] of found.maps) {
          const lab = look(colors), rising = Math.sign(lab.at(-1)[0] - lab[1][0]);
          lab.slice(1).forEach((c, i) => {
            expect(
              apart(c, lab[i]) >= kLeastStep, `${who}: ${name}, steps ${i} and ${i + 1} are ${apart(c, lab[i])} apart`);
            expect(i === 0 || (c[0] - lab[i][0]) * rising > 0, `${who}: ${name} is not ever lighter, or ever darker`);
          });
        }
        const change = look(found.change);
        change.slice(1).forEach(
          (c, i) => expect(apart(c, change[i]) >= kLeastChange, `${who}: changes ${i - 3} and ${i - 2} look alike`));
        for (const i of [0, 1, 2])
          expect(
            apart(change[i], change[6 - i]) >= kLeastOpposite, `${who}: ${3 - i} doublings up and down look alike`);
        const series = look(found.series);
        series.forEach(
          (c, i) => series.slice(0, i).forEach(
            (d, k) => expect(apart(c, d) >= kLeastSeries, `${who}: series ${k} and ${i} are ${apart(c, d)} apart`)));
      }
      await page.context().close();
    }
  });

test('no data and what is still running are hatched, not zero', async (expect) => {
  const before =
    `${new Date(setup.until - 6 * 3_600_000).toISOString()}..${new Date(setup.until + 60 * 60_000).toISOString()}`;
  const page = await open({path: at('/heatmap', {r: before, table: '1', n: '10'})});
  const row = await page.locator('.numbers tbody tr')
                .first()
                .locator('td')
                .evaluateAll((tds) => tds.map((td) => [td.textContent, td.title]));
  expect(row[0][0] === '' && row[0][1] === 'no data', `before the first sensor: ${row[0]}`);
  expect(row.some(([t, why]) => why === '' && t !== ''), 'no complete cell');
  const shares = await page.evaluate(() => {
    const heat = document.querySelector('.heat'), [, , width, height] = JSON.parse(heat.dataset.area);
    const data = heat.querySelector('.heat-cells')
                   .getContext('2d')
                   .getImageData(0, 1, Math.floor(width * 3), Math.floor(height - 4))
                   .data;
    const found = new Map();
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] === 255) {
        const color = `${data[i]},${data[i + 1]},${data[i + 2]}`;
        found.set(color, (found.get(color) ?? 0) + 4 / data.length);
      }
    return [...found.values()].sort((a, b) => b - a);
  });
  expect(
    shares.length >= 2 && shares[0] > 0.3 && shares[0] < 0.9 && shares[1] > 0.08,
    `no hatching: colours have ${shares.map((v) => v.toFixed(2))} of the cells without data`);
  await page.context().close();
});

test('compared with the period before: a scale of changes, both values in the tip', async (expect) => {
  const half = `${new Date(setup.until - 80 * 60_000).toISOString()}..${new Date(setup.until).toISOString()}`;
  const page = await open({path: at('/heatmap', {r: half, cmp: '1', table: '1', n: '10'})});
  expect(
    (await text(page, '.legend')).includes('same') &&
      (await text(page, '.subtitle')).includes('against the period before'),
    'no scale of changes');
  const place = await cell(page, 'reports');
  await page.mouse.move(place.x, place.y);
  expect((await text(page, '.tip')).includes('in the period before'), `tip: ${await text(page, '.tip')}`);
  await page.screenshot({path: `${setup.gallery}/compare.png`});
  await page.context().close();
});

test('a brush zooms into time and rows', async (expect) => {
  const page = await open({path: at('/heatmap', {table: '1', n: '10'})});
  const a = await cell(page, 'shop', 5), b = await cell(page, 'shop', 15);
  await page.mouse.move(a.x, a.y);
  await page.mouse.down();
  await page.mouse.move(b.x, b.y + b.height * 2, {steps: 6});
  expect(await page.locator('.heat-band:not([hidden])').count() === 1, 'the brush is not shown');
  await after(page, () => page.mouse.up());
  const url = new URL(page.url()), [from, to] = url.searchParams.get('r').split('..').map(Date.parse);
  expect(to - from < 3_600_000 && url.searchParams.get('q').split(' or ').length === 3, `${url}`);
  expect(await page.locator('.numbers tbody tr').count() === 3, 'not the three rows');
  await page.context().close();
});

test('by keyboard: the filter with its completion, the map, the way back', async (expect) => {
  const page = await open({path: at('/heatmap', {table: '1', n: '10'})});
  await page.keyboard.press('/');
  await page.keyboard.type('cau');
  await page.waitForSelector('.options li');
  await page.keyboard.press('Tab');
  await page.keyboard.type('= idle_timeout_r');
  await page.waitForFunction(() => document.querySelector('.options li')?.textContent.startsWith('idle_timeout_rst'));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await after(page, () => page.keyboard.press('Enter'));
  expect(new URL(page.url()).searchParams.get('q') === 'cause = idle_timeout_rst', `${page.url()}`);
  expect(await page.locator('.numbers tbody tr').count() === 1, 'the filter did nothing');
  const place = await cell(page, 'payments-db');
  await page.locator('.heat').focus();
  for (let i = 0; i <= place.column; ++i) await page.keyboard.press('ArrowRight');
  expect(
    (await text(page, '.tip')).includes(endings(place.text)), `the cursor is elsewhere: ${await text(page, '.tip')}`);
  await after(page, () => page.keyboard.press('Enter'));
  await page.waitForSelector('.cell-panel .event-list a');
  expect(await text(page, '.cell-value') === endings(place.text), 'Enter chose another cell');
  await page.locator('.cell-panel .event-list a').first().focus();
  await after(page, () => page.keyboard.press('Enter'));
  expect(page.url().includes('/event/'), `${page.url()}`);
  await page.context().close();
});

test('completion knows fields, words and what is in the data', async (expect) => {
  const page = await open({path: at('/')});
  const offers = async (typed) => {
    await page.locator('#filter').fill('');
    await page.locator('#filter').pressSequentially(typed);
    await page.waitForTimeout(250);
    return page.locator('.options li').allInnerTexts();
  };
  for (const [typed, wanted] of [
         ['or', 'origin'], ['origin = mid', 'middlebox'], ['cause in (port_', 'port_closed'],
         ['cause = rate_limit ', 'and'], ['server_ip = ', '10.1.1.10'], ['sensor = ', 'fra1-a'], ['not se', 'severity'],
         ['idle ', '>='], ['site = ', 'ams2'], ['service != ', 'event-bus'], ['owner in (plat', 'platform'],
         ['client_s', 'client_site']]) {
    const got = await offers(typed);
    expect(got.some((o) => o.startsWith(wanted)), `"${typed}": ${got}`);
  }
  const fields = await page.evaluate(async () => {
    const {kFields, wordsOf} = await import('/words.js');
    const example = {address: '10.0.0.1', number: '1', text: 'x', duration: '5s', yesno: 'yes'};
    const bad = [];
    for (const f of kFields) {
      const filter = `${f.name} = ${f.kind === 'word' ? wordsOf(f)[1] : f.names ? '""' : example[f.kind]}`;
      const answer =
        await fetch('/api/v1/Top', {method: 'POST', body: JSON.stringify({by: ['DIMENSION_CAUSE'], filter})});
      if (!answer.ok) bad.push(`${filter}: ${(await answer.json()).message}`);
    }
    return bad;
  });
  expect(fields.length === 0, fields.join('; '));
  await page.context().close();
});

test('errors are explained where they are', async (expect) => {
  const page = await open({path: at('/heatmap')});
  await page.locator('#filter').fill('severity >= problem and cuase = port_closed');
  await after(page, () => page.keyboard.press('Enter'));
  const error = await text(page, '.filter-error');
  expect(
    error.includes('did you mean cause') && await text(page, '.filter-error .mark b') === 'cuase = port_closed', error);
  await page.screenshot({path: `${setup.gallery}/error.png`});
  await page.locator('#filter').fill('tag = 0 and site = fra2');
  await after(page, () => page.keyboard.press('Enter'));
  expect(
    (await text(page, '.filter-error')).includes('did you mean fra1') &&
      await text(page, '.filter-error .mark b') === 'fra2',
    await text(page, '.filter-error'));
  await page.locator('#filter').fill('cause = port_closed');
  await after(page, () => page.keyboard.press('Enter'));
  expect(
    await page.locator('.filter-error').isHidden() && await page.locator('.heat').isVisible(),
    'the mended filter shows nothing');
  for (const [path, wanted] of [
         ['/event/0123456789abcdef', 'Not found'], ['/event/%3Cb%3E', 'No answer'], ['/incident/1', 'no incident'],
         ['/service/nobody', 'no service'], [at('/heatmap', {r: 'yesterday'}), 'no range of time'],
         [at('/heatmap', {x: 'constructor', m: '__proto__', n: '-5'}), 'Time × service'],
         [at('/endings', {r: '1970-01-01T00:00:00Z..9999-12-31T00:00:00Z'}), 'Endings']]) {
    await view(page, path);
    const shown = await text(page, 'body');
    expect(shown.includes(wanted), `${path}: no "${wanted}": ${shown.slice(0, 200)}`);
  }
  expect(page.complaints.length === 0, page.complaints.join(' / '));
  await page.context().close();
});

test('names that are HTML stay text', async (expect) => {
  const page = await open();
  const service = `${setup.hostile} @ ams2 (10.2.3.60:443)`;
  for (const path of
         [at('/'), at('/heatmap', {table: '1'}), at('/endings', {q: 'server_ip = 10.2.3.60'}), at('/services'),
          at(`/service/${encodeURIComponent(service)}`), at('/heatmap', {q: '<img src=x onerror=alert(1)>'})]) {
    await view(page, path);
    expect(
      await page.locator('main img, main b:text("bold"), main script').count() === 0,
      `${path}: an element came out of a name`);
    expect(!(await page.title()).startsWith('1'), `${path}: a script ran`);
  }
  await view(page, at('/services'));
  expect((await text(page, 'main')).includes(setup.hostile.slice(0, 30)), 'the name is not shown as it is');
  await view(page, at('/endings', {q: 'server_ip = 10.2.3.60'}));
  await after(page, () => page.locator('.event-link').first().click());
  expect((await text(page, 'main')).includes(setup.hostile.slice(0, 20)), 'the ending does not show the name');
  expect(page.complaints.length === 0, page.complaints.join(' / '));
  await page.context().close();
});

test('absurd addresses show something or say what is wrong', async (expect) => {
  const page = await open();
  const absurd = [
    '', '0', '-1', '1e999', 'NaN', '9'.repeat(400), '<svg onload=alert(1)>', '../..', '%', '|', 'null', '\u202e',
    '__proto__'
  ];
  const names = ['r', 'q', 'benign', 'live', 'x', 'y', 'm', 'n', 'pal', 'cmp', 'lo', 'hi', 'table', 'sel', 'page'];
  let turn = 0;
  for (const path of ['/', '/heatmap', '/endings', '/incidents', '/services', '/timeouts', '/sensors'])
    for (let i = 0; i < 4; ++i) {
      const params = new URLSearchParams(names.map((name) => [name, absurd[turn++ % absurd.length]]));
      params.delete('live');
      await view(page, `${path}?${params}`);
      const shown = await text(page, 'main');
      expect(
        shown.length > 10 && !shown.includes('the page itself failed'), `${path}?${params}: ${shown.slice(0, 200)}`);
    }
  for (const path of
         ['/event/', '/event/%00', '/incident/%E2%80%AE', '/service/%25', '/event/%', `/service/${'x'.repeat(2000)}`]) {
    await view(page, path);
    const shown = await text(page, 'main');
    expect(shown.length > 10 && !shown.includes('the page itself failed'), `${path}: ${shown.slice(0, 200)}`);
  }
  expect(page.complaints.length === 0, page.complaints.slice(0, 3).join(' / '));
  await page.context().close();
});

test('benign endings are hidden, counted, and shown when asked for', async (expect) => {
  const page = await open({path: at('/endings')});
  const hidden = Number(await page.locator('.hidden-benign').getAttribute('data-hidden')),
        few = Number(await page.locator('.subtitle').getAttribute('data-total'));
  expect(hidden > 0, 'none hidden');
  await after(page, () => page.locator('.hidden-benign a').click());
  const all = Number(await page.locator('.subtitle').getAttribute('data-total'));
  expect(all === few + hidden && await page.locator('#benign').isChecked(), `${few} + ${hidden} hidden, then ${all}`);
  await page.context().close();
});

test('pictures and tables leave the page as files; a command is copied', async (expect) => {
  const page = await open({path: at('/heatmap')});
  const [png] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'PNG'}).click()]);
  const bytes = await readFile(await png.path());
  expect(
    bytes.subarray(1, 4).toString() === 'PNG' && bytes.length > 20_000 && bytes.readUInt32BE(16) > 1500,
    `PNG of ${bytes.length} bytes`);
  const guarded = await page.evaluate(async () => {
    const {csvField} = await import('/export.js');
    return ['=1+1', '@x', 'a"b,c', -5, '-5'].map(csvField);
  });
  expect(
    JSON.stringify(guarded) === JSON.stringify(['\'=1+1', '\'@x', '"a""b,c"', '-5', '\'-5']), `CSV fields: ${guarded}`);
  await view(page, at('/endings', {q: 'cause = port_closed'}));
  const [list] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'CSV'}).click()]);
  expect((await readFile(await list.path(), 'utf8')).split('\r\n').length > 50, 'the list is short');
  await after(page, () => page.locator('.event-link').first().click());
  await page.locator('.copy').first().click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.length > 5 && (await text(page, '.command pre')).includes(copied), `copied: ${copied}`);
  await page.context().close();
});

test('the theme follows the system, can be changed, and stays', async (expect) => {
  const page = await open({dark: true});
  const theme = () =>
    page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]);
  const [dark, darkColor] = await theme();
  await page.locator('button.theme').click();
  const [light, lightColor] = await theme();
  await page.reload();
  await loaded(page);
  expect(
    dark === 'dark' && light === 'light' && darkColor !== lightColor && (await theme())[0] === 'light',
    `${dark} ${darkColor}, ${light} ${lightColor}`);
  await page.context().close();
});

test('a store without endings says what to do', async (expect) => {
  const page = await open({base: setup.empty});
  expect((await text(page, 'main')).includes('resetscope-sensor --interface'), `overview: ${await text(page, 'main')}`);
  await page.screenshot({path: `${setup.gallery}/empty.png`});
  for (const path of ['/heatmap', '/endings', '/incidents', '/services', '/timeouts', '/sensors']) {
    await page.goto(setup.empty + path);
    await loaded(page);
    const shown = await text(page, 'main');
    expect(/No |Nothing|None/.test(shown), `${path}: ${shown.slice(0, 100)}`);
  }
  expect(page.complaints.length === 0, page.complaints.join(' / '));
  await page.context().close();
});

test('live: what is reset now appears by itself, without a flicker', async (expect) => {
  const page = await open({path: '/heatmap?r=15m&live=1&table=1&n=10&y=cause'});
  const heat = await open({path: '/?r=15m&live=1'});
  await page.evaluate(() => {
    window.gone = 0;
    new MutationObserver(() => {
      const canvas = document.querySelector('.heat canvas');
      if (!canvas || !document.querySelector('.heat').isConnected) ++window.gone;
    }).observe(document.querySelector('main'), {childList: true, subtree: true});
  });
  const count = async () => Number(await page.locator('.subtitle').getAttribute('data-total'));
  const first = await count(), began = performance.now();
  await ask('feed', 25);
  await page.waitForFunction(
    (old) => Number(document.querySelector('.subtitle').dataset.total) >= old + 20, first, {timeout: 8000});
  const took = performance.now() - began;
  await heat.waitForFunction(() => document.querySelector('.tile-value').textContent !== '0', null, {timeout: 5000});
  expect(took < 6000, `${took} ms`);
  expect(await page.evaluate(() => window.gone) === 0, 'the map was taken away meanwhile');
  expect(await page.locator('.live').getAttribute('aria-pressed') === 'true', 'the button does not show live mode');
  await after(page, () => page.locator('.live').click());
  expect(!page.url().includes('live'), 'live mode cannot be left');
  await page.context().close();
  await heat.context().close();
});

test('the control plane restarts under the page: said at once, mended by itself', async (expect) => {
  const page = await open({path: at('/heatmap', {live: '1', table: '1'})});
  await ask('stop');
  await page.waitForSelector('.banner:not([hidden])', {timeout: 15_000});
  expect(
    (await text(page, '.banner')).includes('tries again by itself') && await page.locator('.heat').isVisible(),
    'what was shown is gone');
  await page.screenshot({path: `${setup.gallery}/away.png`});
  await after(page, () => page.locator('.main-nav a', {hasText: 'Services'}).click());
  await ask('start');
  await page.waitForSelector('.banner', {state: 'hidden', timeout: 15_000});
  await page.waitForFunction(
    () => document.querySelector('main').innerText.includes('payments-db'), null, {timeout: 5000});
  expect(await page.locator('.pulse.up').count() > 0, 'the light is not green again');
  await after(page, () => page.goBack());
  await page.waitForSelector('.heat canvas');
  await page.context().close();
});

await runAll();
