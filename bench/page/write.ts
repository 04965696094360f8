/** Puts the table into docs/performance.md, between its marks, and its charts into docs/images. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { TableResult } from '../table/table.ts';
import { drawCharts, printMarkdown } from './print.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const BEGIN = '<!-- written by npm run bench -- table -->';
const END = '<!-- end -->';

export async function writePage(result: TableResult, machine: string): Promise<void> {
  for (const { file, svg } of drawCharts(result)) await writeFile(join(DOCS, 'images', file), svg);
  const path = join(DOCS, 'performance.md');
  const page = replaceBlock(await readFile(path, 'utf8'), `${machine}\n\n${printMarkdown(result)}`);
  await writeFile(path, await format(page, { ...(await resolveConfig(path)), filepath: path }));
}

/** Throws when the page has lost its marks. */
function replaceBlock(page: string, block: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the page has no ${BEGIN} with ${END} behind it`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${block}\n\n${page.slice(end)}`;
}
