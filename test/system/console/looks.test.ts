/** Every page of the console, in light and dark, wide and narrow: nothing that axe objects to, nothing cut off. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../setup/administration.ts';
import { findViolations, startConsole, waitForPage, type TestConsole } from './console.ts';

let shown: TestConsole;
let places: readonly string[];

beforeAll(async () => {
  shown = await startConsole();
  const { instance, owner, team, site } = shown;
  const made = await ask(instance.base, `POST /api/user/teams/${team}/api-clients`, {
    cookie: owner.cookie,
    body: {
      name: 'a-name-without-any-place-to-break-it-'.repeat(3),
      description: 'what it is for',
      site_roles: [{ site_id: site.id, role: 'admin' }],
    },
  });
  const { client, token } = made.body as { client: { id: string }; token: string };
  const log = `POST /api/sites/${site.id}/ingest/access-log`;
  expect((await ask(instance.base, log, { token, body: 'no line of any log\n' })).status).toBeLessThan(500);
  places = [
    '#/clients',
    `#/clients/${team}`,
    `#/clients/${team}/new`,
    `#/clients/${team}/${client.id}`,
    `#/clients/${team}/${client.id}/edit`,
    `#/clients/${team}/00000000-0000-4000-8000-000000000000`,
    '#/sites',
    `#/sites/${site.id}`,
    `#/sites/${site.id}/quarantine`,
    '#/teams',
    `#/teams/${team}`,
    '#/audit',
    '#/gateway',
  ];
});
afterEach(() => shown.leave());
afterAll(() => shown.close());

describe.each([
  { scheme: 'light', width: 1100 },
  { scheme: 'dark', width: 1100 },
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 360 },
] as const)('in $scheme, $width pixels wide', (looks) => {
  it('a sign-in is sound', async () => {
    const page = await shown.open('', looks);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await findViolations(page)).toEqual([]);
  });

  it('every page is sound, and no wider than the window', async () => {
    const page = await shown.open('', { ...looks, person: shown.owner });
    for (const place of places) {
      await page.goto(`${shown.instance.base}/console${place}`);
      await waitForPage(page);
      expect({ place, found: await findViolations(page) }).toEqual({ place, found: [] });
      const excess = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect({ place, excess }).toEqual({ place, excess: 0 });
    }
  });

  it('every dialog is sound', async () => {
    const page = await shown.open(places[3] ?? '', { ...looks, person: shown.owner });
    for (const name of ['Roll the token', 'Revoke', 'Delete']) {
      await page.getByRole('button', { name }).click();
      await page.getByRole('dialog').waitFor();
      expect(await findViolations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
  });
});

describe('with the keyboard alone', () => {
  it('a page is reached, its heading has the focus, and a dialog gives it back', async () => {
    const page = await shown.open('#/clients', { person: shown.owner });
    await waitForPage(page);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.getByRole('link', { name: 'Sites' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sites' }).waitFor();
    await expect.poll(() => page.evaluate('document.activeElement.outerHTML')).toContain('<h1');
    expect(await page.title()).toBe('Sites · Sluice');
    const button = page.getByRole('button', { name: 'New site' });
    await button.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('New site');
  });
});
