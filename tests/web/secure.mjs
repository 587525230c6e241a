// SPDX-License-Identifier: Apache-2.0
//
// The page over HTTPS in Chromium: by certificate, and signing in with a token.
import {ask, open, runAll, setup, test} from './kit.mjs';

const text = (page, selector) => page.locator(selector).first().innerText();
const insecure = {
  ignoreHTTPSErrors: true
};
const certificate = (name) => ({
  ...insecure,
  clientCertificates: [{origin: setup.base, certPath: `${setup.pki}/${name}.crt`, keyPath: `${setup.pki}/${name}.key`}]
});

test('nobody is asked for a token, and a wrong one is refused in place', async (expect) => {
  const page = await open({path: '/heatmap?r=3h', context: insecure});
  const asked = await text(page, 'main');
  expect(asked.includes('Who is asking?') && asked.includes('client certificate'), asked);
  await page.screenshot({path: `${setup.gallery}/sign-in.png`});
  await page.getByLabel('token').fill('wrong');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('.sign-in-problem').textContent !== '');
  expect((await text(page, '.sign-in-problem')).includes('not known here'), await text(page, '.sign-in-problem'));
  await page.getByLabel('token').fill('open sesame');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.heat-cells');
  expect(await text(page, '.user') === 'alice', `signed in as ${await text(page, '.user')}`);
  expect(page.url().endsWith('/heatmap?r=3h'), `the view asked for is gone: ${page.url()}`);
  expect(await page.evaluate(() => document.cookie) === '', 'a script can read the cookie');

  const [other] = await Promise.all([page.context().newPage()]);
  await other.goto(`${setup.base}/services?r=3h`);
  await other.waitForSelector('tbody tr');
  await other.close();

  await page.getByRole('button', {name: 'sign out'}).click();
  await page.waitForSelector('.nobody');
  expect(await page.locator('.heat-cells').count() === 0, 'what was shown is still there');
  expect(page.complaints.length === 0, page.complaints.join(' / '));
  await page.context().close();
});

test('by a client certificate: at once, with its name', async (expect) => {
  const page = await open({path: '/heatmap?r=3h', context: certificate('reader')});
  await page.waitForSelector('.heat-cells');
  await page.waitForSelector('.user');
  expect(await text(page, '.user') === 'reader', await text(page, '.user'));
  expect(await page.getByRole('button', {name: 'sign out'}).count() === 0, 'a certificate cannot be signed out');
  await page.context().close();
});

test('a certificate that does not count is explained', async (expect) => {
  for (const [name, wanted] of [['expired', 'it expired at'], ['sensor1', 'needs role reader or operator']]) {
    const page = await open({path: '/heatmap?r=3h', context: certificate(name)});
    const shown = await text(page, 'main');
    expect(shown.includes(wanted), `${name}: ${shown}`);
    await page.context().close();
  }
});

test('a sign-in that ends under a live page is said at once, and nothing stays', async (expect) => {
  const page = await open({path: '/heatmap?r=3h&live=1', context: insecure});
  await page.getByLabel('token').fill('open sesame');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.heat-cells');
  await ask('withdraw');
  await page.waitForSelector('.nobody', {timeout: 20_000});
  const shown = await text(page, 'main');
  expect(shown.includes('The sign-in is over') && await page.locator('.heat-cells').count() === 0, shown);
  await page.screenshot({path: `${setup.gallery}/signed-out.png`});
  expect(page.complaints.length === 0, page.complaints.join(' / '));
  await page.context().close();
});

await runAll();
