/** The life of a token in a real browser, from its making to its end, as a person sees it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sendPageview } from '../../setup/administration.ts';
import { findViolations, PASSWORD, startConsole, type TestConsole } from './console.ts';

const runShell = promisify(execFile);

let shown: TestConsole;

beforeAll(async () => {
  shown = await startConsole();
});
afterEach(() => shown.leave());
afterAll(() => shown.close());

const readClipboard = (page: Page): Promise<string> => page.evaluate('navigator.clipboard.readText()');

describe('a person', () => {
  it('signs in with a password, and out again', async () => {
    const page = await shown.open('');
    await page.getByLabel('E-mail address').fill(shown.owner.email);
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The e-mail address or the password is wrong.').waitFor();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'API clients' }).waitFor();
    // Where records come by: a team's clients, not one's own.
    expect(await page.getByRole('link', { name: 'Web' }).getAttribute('aria-current')).toBe('page');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });
});

describe('a token', () => {
  it('is made, copied, used, rolled, revoked and deleted, and every step is seen', async () => {
    const { instance, team, site, owner } = shown;
    const page = await shown.open(`#/clients/${team}`, { person: owner });
    const dialog = page.getByRole('dialog');
    await page.getByText('This team has no clients.').waitFor();
    await page.getByRole('link', { name: 'New client' }).click();
    await page.getByLabel('Name').fill('forwarder');
    await page.getByRole('button', { name: 'Add a site' }).click();
    await page.getByLabel('Site', { exact: true }).selectOption({ label: site.domain });
    await page.getByRole('button', { name: 'Create' }).click();

    await page.getByRole('button', { name: 'Copy token' }).click();
    const token = await readClipboard(page);
    expect(token).toMatch(/^slc_[0-9A-Za-z]{49}$/);
    expect(await findViolations(page)).toEqual([]);
    // Escape must not lose what is shown once.
    await page.keyboard.press('Escape');
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
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('heading', { name: 'The token is refused everywhere' }).waitFor();
    await page.getByText('has applied it').waitFor();
    expect(await sendPageview(instance.base, rolled, site.domain)).toBe(401);
    await page.getByText('revoked', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Bring back' }).click();
    await dialog.getByRole('button', { name: 'Bring back' }).click();
    await page.getByRole('button', { name: 'Revoke' }).waitFor();
    await expect.poll(() => sendPageview(instance.base, rolled, site.domain)).toBe(202);

    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('This team has no clients.').waitFor();
    await expect.poll(() => sendPageview(instance.base, rolled, site.domain)).toBe(401);
  });

  it('that is rolled with grace goes on until then, and the page says so', async () => {
    const { instance, site, owner } = shown;
    const page = await shown.open('#/clients/mine/new', { person: owner });
    await page.getByLabel('Name').fill('graceful');
    await page.getByRole('button', { name: 'Add a site' }).click();
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('button', { name: 'Copy token' }).click();
    const old = await readClipboard(page);
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('button', { name: 'Roll the token' }).click();
    await page.getByLabel('When the old one ends').selectOption({ label: 'in 1 hour' });
    await page.getByRole('button', { name: 'Roll', exact: true }).click();
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByText('old token until').waitFor();
    await page.getByRole('heading', { name: 'the old one ends later' }).waitFor();
    expect(await sendPageview(instance.base, old, site.domain)).toBe(202);
  });

  it('cannot be made with more than one has: the page says what the API says', async () => {
    const { owner } = shown;
    const page = await shown.open('#/clients/mine/new', { person: owner });
    await page.getByLabel('Name').fill(' ');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText('Name is required and must be <= 120 characters').waitFor();
    expect(await page.getByLabel('Name').getAttribute('aria-invalid')).toBe('true');
  });
});
