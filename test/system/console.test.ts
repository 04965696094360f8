/** The console in a real browser: the life of a token from its making to its end, as a person does it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createPasswords } from '../../src/admin/sign-in/password.ts';
import {
  addSite,
  createPerson,
  createTeamOf,
  sendPageview,
  startInstance,
  type Instance,
  type Person,
} from '../setup/administration.ts';
import { openBrowser, visit, type Visit, type VisitOptions } from './browser.ts';
import { installPrograms } from './programs.ts';

const runShell = promisify(execFile);
const PASSWORD = 'a password of the tests';

let instance: Instance;
let browser: Browser;
let owner: Person;
let team: string;
let site: { id: string; domain: string };
const visits: Visit[] = [];

beforeAll(async () => {
  installPrograms('chromium');
  instance = await startInstance();
  browser = await openBrowser();
  owner = await createPerson(instance.sql, 'owner');
  const hash = await (await createPasswords()).hash(PASSWORD);
  await instance.sql`UPDATE users SET password_hash = ${hash} WHERE id = ${owner.id}`;
  team = await createTeamOf(instance.sql, owner, 'Web');
  site = await addSite(instance.sql, team);
});
afterEach(async () => {
  const faults = visits.flatMap((one) => one.faults);
  await Promise.all(visits.splice(0).map((one) => one.context.close()));
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  await instance.close();
});

async function open(place: string, options: VisitOptions = {}): Promise<Visit['page']> {
  const made = await visit(browser, instance.base, options);
  visits.push(made);
  await made.page.goto(`${instance.base}/console${place}`);
  return made.page;
}

const readClipboard = (page: Visit['page']): Promise<string> =>
  page.evaluate('navigator.clipboard.readText()');

describe('a person', () => {
  it('signs in with a password, and out again', async () => {
    const page = await open('');
    await page.getByLabel('E-mail address').fill(owner.email);
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The e-mail address or the password is wrong.').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'API clients' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });
});

describe('a token', () => {
  it('is made, copied, used, rolled and revoked, and every step is seen', async () => {
    const page = await open(`#/clients/${team}`, { person: owner });
    await page.getByText('This team has no clients.').waitFor();
    await page.getByRole('link', { name: 'New client' }).click();
    await page.getByLabel('Name').fill('forwarder');
    await page.getByRole('button', { name: 'Add a site' }).click();
    await page.getByLabel('Site', { exact: true }).selectOption({ label: site.domain });
    await page.getByRole('button', { name: 'Create' }).click();

    await page.getByRole('button', { name: 'Copy token' }).click();
    const token = await readClipboard(page);
    expect(token).toMatch(/^slc_[0-9A-Za-z]{49}$/);
    // Escape must not lose what is shown once.
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Copy curl line' }).click();
    const line = (await readClipboard(page)).replace('curl -i', 'curl -s -o /dev/null -w %{http_code}');
    // Not at once: the gateway is in this process.
    expect((await runShell('sh', ['-c', line])).stdout).toBe('202');
    await page.getByRole('button', { name: 'I have it' }).click();

    await page.getByRole('heading', { name: 'forwarder', exact: true }).waitFor();
    expect(await page.content()).not.toContain(token);
    await expect
      .poll(
        async () => {
          await page.getByRole('button', { name: 'Look again' }).click();
          return page.getByText('curl/').isVisible();
        },
        { timeout: 30_000, interval: 1000 },
      )
      .toBe(true);
    await page.getByRole('button', { name: 'Count again' }).click();
    await page.getByText('accepted 1').waitFor();

    await page.getByRole('button', { name: 'Roll the token' }).click();
    await page.getByRole('button', { name: 'Roll', exact: true }).click();
    await page.getByRole('button', { name: 'Copy token' }).click();
    const rolled = await readClipboard(page);
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('heading', { name: 'The old token is refused everywhere' }).waitFor();
    expect(await sendPageview(instance.base, token, site.domain)).toBe(401);
    expect(await sendPageview(instance.base, rolled, site.domain)).toBe(202);

    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('heading', { name: 'The token is refused everywhere' }).waitFor();
    await page.getByText('has applied it').waitFor();
    expect(await sendPageview(instance.base, rolled, site.domain)).toBe(401);
    await page.getByText('revoked', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('This team has no clients.').waitFor();
  });
});

/** Every page of the console, by its address. */
const listPlaces = (): readonly string[] => ['#/clients', `#/clients/${team}`, `#/clients/${team}/new`];

/** What axe finds wrong with the page as it is, in words. */
async function findViolations(page: Visit['page']): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const results = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return results.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}

describe.each([
  { scheme: 'light', width: 1100 },
  { scheme: 'dark', width: 1100 },
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 360 },
] as const)('in $scheme, $width pixels wide', (looks) => {
  it('no page has what axe objects to, or is wider than the window', async () => {
    const signIn = await open('', looks);
    await signIn.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await findViolations(signIn)).toEqual([]);
    const page = await open('', { ...looks, person: owner });
    for (const place of listPlaces()) {
      await page.goto(`${instance.base}/console${place}`);
      await page.locator('h1').waitFor();
      await page.locator('.waiting').waitFor({ state: 'detached' });
      expect({ place, found: await findViolations(page) }).toEqual({ place, found: [] });
      const excess = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect({ place, excess }).toEqual({ place, excess: 0 });
    }
  });
});
