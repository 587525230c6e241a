// SPDX-License-Identifier: Apache-2.0
//
// The lab's recordings on the page.
import {ask, open, runAll, setup, test, view} from './kit.mjs';

// {name of a row: sum of its cells}
const rowsOf = (page) => page.evaluate(
  () => Object.fromEntries([...document.querySelectorAll('.numbers tbody tr')].map(
    (tr) => [tr.querySelector('th').title, [
      ...tr.querySelectorAll('td')
    ].reduce((n, td) => n + Number(td.textContent.replace(/[,*]/g, '')), 0)])));
const toldBy = (rows, dimension) => Object.fromEntries(rows.map((r) => [r[dimension], r.value]));
const same = (a, b) => JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

test('the page names the lab\'s causes, with the numbers of the command line', async (expect) => {
  const page = await open({path: '/heatmap?r=all&y=cause&n=100&benign=1&table=1'});
  const shown = await rowsOf(page);
  const told = toldBy(await ask('cli', 'top', '--by', 'cause', '--benign', '--limit', '100'), 'cause');
  expect(same(shown, told), `${JSON.stringify(shown)} on the page, ${JSON.stringify(told)} by the command line`);
  const missing = setup.causes.filter((cause) => !(shown[cause] > 0));
  expect(missing.length === 0, `the lab brought about ${missing}, the page does not show it`);
  await page.screenshot({path: `${setup.gallery}/lab.png`});
  await page.context().close();
});

test('with a filter as well: by service and by who sent it', async (expect) => {
  const page = await open();
  for (const [y, filter] of [
         ['service', 'origin = server'], ['origin', 'stage >= established'], ['service', 'cause = port_closed']]) {
    await view(page, `/heatmap?${new URLSearchParams({r: 'all', y, n: '100', table: '1', q: filter})}`);
    const shown = await rowsOf(page);
    const told = toldBy(await ask('cli', 'top', '--by', y, '--filter', filter, '--limit', '100'), y);
    expect(
      Object.keys(told).length > 0 && same(shown, told),
      `${filter}: ${JSON.stringify(shown)} on the page, ${JSON.stringify(told)} by the command line`);
  }
  await page.context().close();
});

await runAll();
