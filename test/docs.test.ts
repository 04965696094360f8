/** Pages that list what the code has are held to it, in both directions. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { describeSettings } from '../src/cli/config.ts';
import { createProgram } from '../src/cli/program.ts';
import { settings } from '../src/config.ts';
import { problems } from '../src/http/problem.ts';
import { listAnchors, listBlocks, listLinks, listPages } from './setup/pages.ts';
import { listProcessMetrics, printMetrics } from './telemetry/print.ts';

const ROOT = join(import.meta.dirname, '..');
const pages = listPages();
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
/** A table without the width of its columns. */
const squeeze = (text: string): string => text.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');

describe('the docs', () => {
  it('list every error code with its status, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| <a id="(\w+)"><\/a>`(\w+)`\s*\| (\d+)/gm)];
    expect(rows.map(([, anchor, code, status]) => ({ anchor, code, status }))).toEqual(
      expect.arrayContaining(
        Object.entries(problems).map(([code, kind]) => ({
          anchor: code,
          code,
          status: kind.status.slice(0, 3),
        })),
      ),
    );
    expect(rows).toHaveLength(Object.keys(problems).length);
  });

  it('list every setting as the code has it', () => {
    expect(squeeze(read('docs/settings.md'))).toContain(squeeze(describeSettings()));
  });

  it('list every metric as the code has it, and those of the process by name', () => {
    const page = read('docs/metrics.md');
    expect(squeeze(page)).toContain(squeeze(printMetrics()));
    const named = [...page.slice(page.indexOf('## Of the process')).matchAll(/`(\w+)`/g)];
    expect(named.map(([, name = '']) => name).toSorted()).toEqual(listProcessMetrics().toSorted());
  });

  it('name no setting that does not exist', () => {
    const known = new Set(Object.values(settings).map((setting) => setting.variable));
    const named = pages.flatMap(({ text }) => [...text.matchAll(/SLUICE_[A-Z_]+/g)].map((match) => match[0]));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('list every command and option, and no other', async () => {
    const commands = listCommands(await createProgram());
    const rows = [...read('docs/commands.md').matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? '');
    const documented = rows.map((row) => row.split(/ (?=--|\[|[A-Z])/)[0] ?? '').toSorted();
    expect(documented).toEqual([...commands.keys()].toSorted());
    const options = rows.flatMap((row) => [...row.matchAll(/--[a-z-]+/g)].map((match) => match[0]));
    const known = new Set(
      [...commands.values()].flatMap((command) => command.options.map(({ long }) => long ?? '')),
    );
    expect(options.filter((option) => !known.has(option))).toEqual([]);
    expect([...known].filter((option) => !options.includes(option))).toEqual([]);
  });

  it('run only scripts and commands that there are', async () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const known = listCommands(await createProgram());
    const shell = pages.flatMap((page) => listBlocks(page).filter(({ info }) => /^sh\b/.test(info)));
    const code = shell.map((block) => block.code).join('\n');
    const ran = [...code.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, script = '']) => script);
    expect(ran.length).toBeGreaterThan(10);
    expect(ran.filter((script) => scripts[script] === undefined)).toEqual([]);
    const commands = [...code.matchAll(/sluice -- (\w+)(?: (\w+))?/g)];
    const wrong = commands.filter(
      ([, first = '', second = '']) => !known.has(first) && !known.has(`${first} ${second}`),
    );
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  it('link to what is there, down to the heading', () => {
    const anchors = new Map(pages.map((page) => [page.path, listAnchors(page)]));
    const broken = pages.flatMap((page) =>
      listLinks(page)
        .filter(({ path, anchor }) => {
          if (!existsSync(join(ROOT, path))) return true;
          return anchor !== '' && anchors.get(path)?.has(anchor) !== true;
        })
        .map(({ path, anchor }) => `${page.path}: ${path}#${anchor}`),
    );
    expect(broken).toEqual([]);
  });

  it('can all be found from the README', () => {
    const found = new Set(['README.md']);
    for (const path of found) {
      const page = pages.find((each) => each.path === path);
      for (const link of page === undefined ? [] : listLinks(page)) found.add(link.path);
    }
    expect(pages.map(({ path }) => path).filter((path) => !found.has(path))).toEqual([]);
  });

  it('give a reason for every dependency', () => {
    const page = read('docs/dependencies.md');
    const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const names = [
      ...Object.keys(manifest['dependencies'] ?? {}),
      ...Object.keys(manifest['devDependencies'] ?? {}),
    ];
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

/** Commands that do something, by name: 'serve', 'site create' … */
function listCommands(program: Command, prefix = ''): ReadonlyMap<string, Command> {
  return new Map(
    program.commands.flatMap((command) => {
      const name = `${prefix}${command.name()}`;
      return command.commands.length === 0
        ? [[name, command] as const]
        : [...listCommands(command, `${name} `)];
    }),
  );
}
