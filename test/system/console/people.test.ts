/** The console where people meet: two browsers at once, sessions that end, and those who try to be somebody else. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addMember, ask, createPerson, signIn, type Person } from '../../setup/administration.ts';
import { startConsole, waitForPage, type TestConsole } from './console.ts';

/** Markup, a template, an entity, a script's end, a link that runs, and letters that turn direction. */
const EVIL = `</h1><img src=x onerror=alert(1)>"'>\${alert(2)}&lt;script>alert(3)</script>javascript:alert(4)`;

let shown: TestConsole;

beforeAll(async () => {
  shown = await startConsole({}, `team ${EVIL}`);
});
afterEach(() => shown.leave());
afterAll(() => shown.close());

async function createClient(person: Person, name: string, description = ''): Promise<string> {
  const answer = await ask(shown.instance.base, `POST /api/user/teams/${shown.team}/api-clients`, {
    cookie: person.cookie,
    body: { name, description, site_roles: [{ site_id: shown.site.id, role: 'admin' }] },
  });
  expect(answer.status).toBe(201);
  return (answer.body as { client: { id: string } }).client.id;
}

function readSession(cookie: string): string {
  const claims = Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(claims) as { sid: string }).sid;
}

describe('two browsers at once', () => {
  it('cannot overwrite each other: the slower one is told', async () => {
    const { owner, team } = shown;
    const id = await createClient(owner, 'contested');
    const place = `#/clients/${team}/${id}/edit`;
    const [first, second] = [
      await shown.open(place, { person: owner }),
      await shown.open(place, { person: owner }),
    ];
    await first.getByLabel('Description').fill('by the first');
    await second.getByLabel('Description').fill('by the second');
    await second.getByRole('button', { name: 'Save' }).click();
    await second.getByText('by the second').waitFor();
    await first.getByRole('button', { name: 'Save' }).click();
    await first.getByText('It was changed by somebody else.').waitFor();
    await first.reload();
    expect(await first.getByLabel('Description').inputValue()).toBe('by the second');
  });

  it('one sees what the other has revoked, and may not revoke on old knowledge', async () => {
    const { owner, team } = shown;
    const place = `#/clients/${team}/${await createClient(owner, 'seen twice')}`;
    const [first, second] = [
      await shown.open(place, { person: owner }),
      await shown.open(place, { person: owner }),
    ];
    await waitForPage(first);
    await waitForPage(second);
    for (const page of [first, second]) {
      await page.getByRole('button', { name: 'Revoke' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
      if (page === first) await page.getByText('has applied it').waitFor();
    }
    await second.getByText('It was changed by somebody else.').waitFor();
  });
});

describe('a session', () => {
  it('that has ended asks to sign in again, and goes on at the same place', async () => {
    const { owner, instance, site } = shown;
    const cookie = await signIn(instance.sql, owner.id);
    const page = await shown.open(`#/sites/${site.id}`, { person: { ...owner, cookie } });
    await page.getByRole('heading', { name: site.domain }).waitFor();
    await page.waitForLoadState('networkidle');
    await instance.sql`DELETE FROM sessions WHERE id = ${readSession(cookie)}`;
    await page.getByRole('link', { name: 'Quarantine' }).click();
    await page.getByText('Your session has ended.').waitFor();
    await page.getByLabel('E-mail address').fill(owner.email);
    await page.getByLabel('Password').fill('a password of the tests');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing is in quarantine.').waitFor();
    expect(page.url()).toContain(`#/sites/${site.id}/quarantine`);
  });

  it('that ends while the gateway is watched is over there, too', async () => {
    const staff = await createPerson(shown.instance.sql, 'admin');
    const page = await shown.open('#/gateway', { person: staff });
    await page.getByText('records/s').first().waitFor();
    await shown.instance.sql`DELETE FROM sessions WHERE user_id = ${staff.id}`;
    await page.getByText('Your session has ended.').waitFor({ timeout: 45_000 });
  });
});

describe('a person who is no member of the staff', () => {
  it('has no gateway to look at, and no log of the instance', async () => {
    const person = await createPerson(shown.instance.sql);
    const page = await shown.open('#/gateway', { person });
    await waitForPage(page);
    expect(await page.getByRole('link', { name: 'Gateway' }).count()).toBe(0);
    await page.getByRole('heading', { name: 'API clients' }).waitFor();
    await page.goto(`${shown.instance.base}/console#/audit`);
    await page.getByText('The log is for those who manage a team').waitFor();
  });

  it('who is made member sees the team, and a site once given a role there', async () => {
    const { instance, owner, team, site } = shown;
    const person = await createPerson(instance.sql);
    const manager = await shown.open(`#/teams/${team}`, { person: owner });
    await manager.getByLabel('Person').fill(person.id);
    await manager.getByRole('button', { name: 'Add' }).click();
    await manager.getByRole('rowheader', { name: person.email }).waitFor();
    await manager.goto(`${instance.base}/console#/sites/${site.id}`);
    await manager.getByLabel('Person').selectOption({ label: person.email });
    await manager.getByLabel('Role', { exact: true }).selectOption('editor');
    await manager.getByRole('button', { name: 'Add' }).click();
    await manager.getByRole('rowheader', { name: person.email }).waitFor();
    const page = await shown.open('#/sites', { person });
    await page.getByRole('row', { name: `${site.domain} editor` }).waitFor();
  });
});

describe('names that are markup', () => {
  it('are text wherever they are shown', async () => {
    const { instance, owner, team, site } = shown;
    const person = await createPerson(instance.sql);
    await addMember(instance.sql, team, person, 'member');
    const id = await createClient(owner, EVIL, EVIL);
    await instance.sql`
      INSERT INTO api_client_use (api_client_id, last_used_at, last_used_ip, last_used_user_agent)
      VALUES (${id}, now(), '192.0.2.0', ${EVIL})`;
    await instance.sql`UPDATE users SET email = ${`${EVIL}@example.com`} WHERE id = ${person.id}`;
    await instance.sql`
      INSERT INTO quarantine (id, table_name, site_id, client_id, sqlstate, reason, entry)
      VALUES (gen_random_uuid(), ${EVIL}, ${site.id}, ${id}, '22000', ${EVIL}, ${Buffer.alloc(8)})`;
    const page = await shown.open('', { person: owner });
    const texts: string[] = [];
    for (const place of [
      `#/clients/${team}`,
      `#/clients/${team}/${id}`,
      `#/clients/${team}/${id}/edit`,
      `#/clients/${EVIL}/${EVIL}`,
      '#/sites',
      `#/sites/${site.id}`,
      `#/sites/${site.id}/quarantine`,
      `#/teams/${team}`,
      '#/teams',
      '#/audit',
      `#/audit/${team}`,
      `#/${EVIL}`,
    ]) {
      await page.goto(`${instance.base}/console${place}`);
      await waitForPage(page);
      const made = await page.locator('img, script:not([src])').count();
      expect({ place, made }).toEqual({ place, made: 0 });
      texts.push((await page.textContent('body')) ?? '');
    }
    // Shown, and not merely left out: the team's name as a tab, the client's, its user agent, the reason.
    expect(texts.filter((text) => text.includes(EVIL)).length).toBeGreaterThan(6);
  });
});
