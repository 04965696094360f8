/** Puts what a bench found into docs/performance.md, between the bench's marks, and its pictures into docs/images. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

export interface Drawn {
  readonly file: string;
  readonly svg: string;
}

const DOCS = join(import.meta.dirname, '../../docs');
const END = '<!-- end -->';

/** `machine`: where and when it was measured. */
export async function writePage(
  bench: string,
  machine: string,
  markdown: string,
  pictures: readonly Drawn[],
): Promise<void> {
  for (const { file, svg } of pictures) await writeFile(join(DOCS, 'images', file), svg);
  const path = join(DOCS, 'performance.md');
  const page = replaceBlock(await readFile(path, 'utf8'), bench, `${machine}\n\n${markdown}`);
  await writeFile(path, await format(page, { ...(await resolveConfig(path)), filepath: path }));
}

/** The page with another block between the bench's marks. Throws when it has lost them. Pure. */
export function replaceBlock(page: string, bench: string, block: string): string {
  const mark = `<!-- written by npm run bench -- ${bench} -->`;
  const begin = page.indexOf(mark);
  const end = page.indexOf(END, begin);
  if (begin === -1 || end === -1) throw new Error(`the page has no ${mark} with ${END} behind it`);
  return `${page.slice(0, begin + mark.length)}\n\n${block}\n\n${page.slice(end)}`;
}
