/** The API reference in a real browser: it reads the document, keeps to its policy, and tries a call with a pasted token. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { startInstance, type Instance } from '../setup/administration.ts';
import { createDemoSite } from '../setup/gateway.ts';
import { openBrowser, visit } from './console/browser.ts';
import { installPrograms } from './programs.ts';

let instance: Instance;
let browser: Browser;

beforeAll(async () => {
  installPrograms('chromium');
  instance = await startInstance();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser.close();
  await instance.close();
});

it('a call is tried with a pasted token, and nothing is asked of anybody else', async () => {
  const { token, domain } = await createDemoSite(instance.sql, 'reference.example.com');
  const { page, context, faults } = await visit(browser, instance.base);
  const asked = new Set<string>();
  page.on('request', (request) => asked.add(new URL(request.url()).origin));
  await page.goto(`${instance.base}/api/docs`);
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const bearer = page.locator('form').filter({ has: page.getByLabel('auth-bearer-value') });
  await bearer.getByLabel('auth-bearer-value').fill(token);
  await bearer.getByRole('button', { name: 'Apply credentials' }).click();
  await page.getByRole('button', { name: 'Close' }).last().click();

  const operation = page.locator('#operations-Records-post_api_ingest_server_pageview');
  await operation.locator('.opblock-summary-control').click();
  const body = {
    url: `https://${domain}/`,
    timestamp: new Date().toISOString(),
    visitor_ip: '192.0.2.1',
    user_agent: 'Firefox',
  };
  await operation.locator('textarea.body-param__text').fill(JSON.stringify(body));
  await operation.getByRole('button', { name: 'Execute' }).click();
  await operation.locator('.live-responses-table .response-col_status').filter({ hasText: '202' }).waitFor();

  // Whatever else there is to open keeps to the policy too.
  await operation.getByRole('tab', { name: 'Schema' }).first().click();
  await page.locator('#operations-Own_clients-put_api_user_api_clients_id .opblock-summary-control').click();
  await page.locator('.models-control').click();

  expect((instance.gateway.stats() as { ingest: { accepted: number } }).ingest.accepted).toBe(1);
  expect(faults).toEqual([]);
  expect([...asked].filter((origin) => origin !== 'null')).toEqual([instance.base]);
  await context.close();
});
