/** Debian's Chromium without a window, and people who are signed in to a console in it. */
import { spawnSync } from 'node:child_process';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import type { Person } from '../../setup/administration.ts';

export async function openBrowser(): Promise<Browser> {
  const executablePath = spawnSync('which', ['chromium']).stdout.toString().trim();
  // As root Chromium runs only without its sandbox; it visits nothing but this machine.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What went wrong in the page: uncaught errors, and what the content security policy forbade. */
  readonly faults: readonly string[];
}

export interface VisitOptions {
  readonly person?: Person;
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
}

/** A browser of one's own: cookies and all. `base`: of the instance. */
export async function visit(browser: Browser, base: string, options: VisitOptions = {}): Promise<Visit> {
  const { person, scheme = 'light', width = 1100, height = 760 } = options;
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
    locale: 'en-GB',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  if (person !== undefined) {
    const [name = '', value = ''] = person.cookie.split('=');
    await context.addCookies([{ name, value, url: base, httpOnly: true, sameSite: 'Lax' }]);
  }
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // An answer that is a 'no' is no fault of the page.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      faults.push(message.text());
  });
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { context, page, faults };
}
