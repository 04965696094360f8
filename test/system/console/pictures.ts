/**
 * The pictures in docs/console.md, taken of a gateway with a Postgres of its own and a little traffic: npm run pictures.
 * It needs Debian's Chromium.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { makeDirectory, startProcess } from '../../setup/gateway.ts';
import { openBrowser, visit } from './browser.ts';

const FOLDER = join(import.meta.dirname, '../../../docs/images');
const EMAIL = 'ada@example.com';
const PASSWORD = 'only for the pictures';
const TRAFFIC_MS = 80_000;
const SIZE = { width: 960, height: 640 };

const directory = await makeDirectory();
const gateway = await startProcess({
  SLUICE_DATA_DIR: join(directory.path, 'data'),
  SLUICE_ADMIN_EMAIL: EMAIL,
  SLUICE_ADMIN_PASSWORD: PASSWORD,
  SLUICE_NODE_NAME: 'gateway-1',
  SLUICE_PUBLIC_URL: 'http://sluice.test',
});
const browser = await openBrowser();
try {
  const { page } = await visit(browser, gateway.base, { ...SIZE });
  const dark = await visit(browser, gateway.base, { ...SIZE, height: 900, scheme: 'dark' });
  const phone = await visit(browser, gateway.base, { width: 390, height: 700 });
  for (const one of [page, dark.page, phone.page]) await signIn(one);
  const token = await makeClient(page, 'cdn-forwarder', 'Server log of the CDN, by Vector');
  await makeClient(page, 'shop-backend', '');
  const sent = sendTraffic(token);
  await sleep(TRAFFIC_MS - 10_000);
  await take(dark.page, '#/gateway', 'gateway');
  await sent;
  await take(page, '#/clients/mine', 'clients');
  await take(phone.page, '#/clients/mine', 'phone');
  await page.getByRole('link', { name: 'shop-backend' }).click();
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('has applied it').waitFor();
  await save(page, 'revoked');
} finally {
  await browser.close();
  await gateway.stop('SIGTERM');
  await directory.remove();
}

async function signIn(page: Page): Promise<void> {
  await page.goto(`${gateway.base}/console`);
  await page.getByLabel('E-mail address').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'API clients' }).waitFor();
}

/** Returns its token. */
async function makeClient(page: Page, name: string, description: string): Promise<string> {
  await page.goto(`${gateway.base}/console#/clients/mine/new`);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Description').fill(description);
  await page.getByRole('button', { name: 'Add a site' }).click();
  await page.getByRole('button', { name: 'Create' }).click();
  const token = await page.getByRole('textbox', { name: 'Token', exact: true }).textContent();
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  return token ?? '';
}

async function sendTraffic(token: string): Promise<void> {
  const endsAtMs = performance.now() + TRAFFIC_MS;
  for (let round = 0; performance.now() < endsAtMs; round++) {
    const visits = Math.round(8 + 5 * Math.sin(round / 40) + Math.random() * 3);
    const sent = Array.from({ length: visits }, (_, index) =>
      send(token, index % 4 === 0 ? 'event' : 'pageview', round % 3 === 0 && index === 0),
    );
    await Promise.all(sent);
    await sleep(100);
  }
}

async function send(token: string, kind: 'pageview' | 'event', isWrong: boolean): Promise<void> {
  await fetch(`${gateway.base}/api/ingest/server/${kind}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify({
      url: isWrong ? 'https://unknown.example.com/' : 'https://demo.example.com/hello',
      timestamp: new Date().toISOString(),
      visitor_ip: '192.0.2.1',
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0',
      ...(kind === 'event' ? { name: 'signup' } : {}),
    }),
  });
}

async function take(page: Page, place: string, name: string): Promise<void> {
  await page.goto(`${gateway.base}/console${place}`);
  await page.reload();
  await page.locator('h1').waitFor();
  await sleep(1500);
  await save(page, name);
}

async function save(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(FOLDER, `console-${name}.png`) });
}
