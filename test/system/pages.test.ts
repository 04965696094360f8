/**
 * What the pages tell people to type is typed, in order, in one shell for each page; what it prints is what the page
 * shows, `…` standing for anything. Blocks that are marked `sh run` are run; one that follows and is no shell is output.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { listBlocks, listPages, type Block } from '../setup/pages.ts';
import { openBrowser, visit } from './console/browser.ts';
import { installPrograms } from './programs.ts';

const ROOT = join(import.meta.dirname, '../..');
const pages = listPages().filter((page) => listBlocks(page).some(isRun));
const started: ChildProcess[] = [];

beforeAll(() => installPrograms('chromium'));
afterEach(async () => {
  for (const child of started.splice(0)) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.pid !== undefined) {
      process.kill(-child.pid, 'SIGTERM');
      await ended;
    }
  }
});

function isRun({ info }: Block): boolean {
  return info.startsWith('sh run');
}

interface Terminal {
  readonly output: () => string;
  /** Runs it and returns what it printed. */
  type(code: string): Promise<string>;
}

interface Desk {
  readonly port: number;
  /** A terminal of its own: nothing that is shown there gets lost. */
  open(): Terminal;
}

async function sitDown(): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-page-'));
  const port = await findPort();
  const environment = {
    ...process.env,
    TMPDIR: folder,
    SLUICE_DATA_DIR: join(folder, 'data'),
    PORT: String(port),
  };
  return {
    port,
    open() {
      const shell = spawn('bash', ['--norc'], { cwd: ROOT, env: environment, detached: true });
      started.push(shell);
      let output = '';
      for (const stream of [shell.stdout, shell.stderr])
        stream.on('data', (data: Buffer) => (output += data.toString()));
      let typed = 0;
      return {
        output: () => output,
        async type(code) {
          const from = output.length;
          const mark = `-- done ${++typed} --`;
          // What is installed is not installed again.
          const text = code.replace('npm ci && ', '').replaceAll('localhost:8080', `localhost:${port}`);
          shell.stdin.write(`${text}\necho "${mark} $?"\n`);
          while (!output.includes(mark, from)) await sleep(20);
          const [printed = '', state = ''] = output.slice(from).split(mark);
          expect([code, printed, state.trim()]).toEqual([code, printed, '0']);
          return printed;
        },
      };
    },
  };
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether it is what the page shows, however its lines are broken; the lines of `npm` itself do not count. */
function matches(printed: string, shown: string): boolean {
  const squeeze = (text: string): string => text.replaceAll(/\s+/g, '');
  const pattern = squeeze(shown).split('…').map(escape).join('.*');
  return new RegExp(`^${pattern}$`).test(squeeze(printed.replaceAll(/^npm warn.*\n/gm, '')));
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** Rolls the token of the client `tutorial` in the console, as the page says, and returns the new one. */
async function rollToken(port: number, welcome: string): Promise<string> {
  const [, email = '', password = ''] = /as (\S+); password, shown only now: (\S+)/.exec(welcome) ?? [];
  const browser = await openBrowser();
  const { page, faults } = await visit(browser, `http://localhost:${port}`);
  await page.goto(`http://localhost:${port}/console`);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('link', { name: 'Gateway' }).click();
  await page.getByRole('heading', { name: 'Gateway' }).waitFor();
  await page.getByRole('link', { name: 'Clients' }).click();
  await page.getByRole('link', { name: 'tutorial' }).click();
  await page.getByRole('button', { name: 'Roll the token' }).click();
  await page.getByRole('button', { name: 'Roll', exact: true }).click();
  await page.getByRole('button', { name: 'Copy token' }).click();
  const token = await page.evaluate<string>('navigator.clipboard.readText()');
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('heading', { name: 'The old token is refused everywhere' }).waitFor();
  await browser.close();
  expect(faults).toEqual([]);
  return token;
}

it.each(pages)('$path can be followed to its end', async (page) => {
  const desk = await sitDown();
  const terminal = desk.open();
  let welcome = (): string => '';
  let printed = '';
  let wasRun = false;
  for (const block of listBlocks(page)) {
    if (block.info === 'sh run background') {
      const other = desk.open();
      void other.type(block.code);
      while (!other.output().includes('"msg":"listening"')) await sleep(50);
      welcome = other.output;
    } else if (isRun(block)) {
      const token = block.code.includes('read -r TOKEN') ? await rollToken(desk.port, welcome()) : '';
      printed = await terminal.type(block.code.replace('read -r TOKEN', `TOKEN=${token}`));
    } else if (wasRun && !block.info.startsWith('sh')) {
      if (!matches(printed, block.code)) expect(printed).toBe(block.code);
    }
    wasRun = isRun(block);
  }
});
