/** A gateway with a team, a site and its owner, and browsers that open its console. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { createPasswords } from '../../../src/admin/sign-in/password.ts';
import {
  addSite,
  createPerson,
  createTeamOf,
  startInstance,
  type Instance,
  type Person,
} from '../../setup/administration.ts';
import { installPrograms } from '../programs.ts';
import { openBrowser, visit, type Visit, type VisitOptions } from './browser.ts';

export const PASSWORD = 'a password of the tests';

export interface TestConsole {
  readonly instance: Instance;
  /** An instance owner, and owner of the team. */
  readonly owner: Person;
  readonly team: string;
  readonly site: { readonly id: string; readonly domain: string };
  /** `place`: '#/sites'. Each in a browser of its own. */
  open(place: string, options?: VisitOptions): Promise<Page>;
  /** Closes what was opened, and expects that no page, and nothing behind it, had a fault. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

export async function startConsole(
  environment: Readonly<Record<string, string>> = {},
  teamName = 'Web',
): Promise<TestConsole> {
  installPrograms('chromium');
  const instance = await startInstance(environment);
  const browser = await openBrowser();
  const visits: Visit[] = [];
  const owner = await createPerson(instance.sql, 'owner');
  const hash = await (await createPasswords()).hash(PASSWORD);
  await instance.sql`UPDATE users SET password_hash = ${hash} WHERE id = ${owner.id}`;
  const team = await createTeamOf(instance.sql, owner, teamName);
  return {
    instance,
    owner,
    team,
    site: await addSite(instance.sql, team),
    async open(place, options = {}) {
      const made = await visit(browser, instance.base, options);
      visits.push(made);
      await made.page.goto(`${instance.base}/console${place}`);
      return made.page;
    },
    async leave() {
      const faults = visits.flatMap((one) => one.faults);
      await Promise.all(visits.splice(0).map((one) => one.context.close()));
      expect(faults).toEqual([]);
      expect(instance.lines.filter((line) => line.includes('this is a bug'))).toEqual([]);
    },
    async close() {
      await browser.close();
      await instance.close();
    },
  };
}

/** The page of the address is there, with what it loads. */
export async function waitForPage(page: Page): Promise<void> {
  await page.locator('h1').waitFor();
  await page.locator('.waiting').first().waitFor({ state: 'detached' });
}

/** What axe finds wrong with the page as it is, in words. */
export async function findViolations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const results = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return results.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}
