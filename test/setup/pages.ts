/** The pages of the project as text: what they link to, and the blocks of code in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface Page {
  /** From the root of the project: 'docs/api.md'. */
  readonly path: string;
  readonly text: string;
}

export interface Block {
  /** Behind the opening fence: 'sh', 'sh run', 'json' … */
  readonly info: string;
  readonly code: string;
}

export function listPages(): readonly Page[] {
  const tops = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return [...tops, ...docs].map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

export function listBlocks({ text }: Page): readonly Block[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', code = '']) => ({
    info,
    code,
  }));
}

export interface Link {
  readonly path: string;
  /** '' when it leads to the page as a whole. */
  readonly anchor: string;
}

/** Within the project; those to other hosts are left out. */
export function listLinks(page: Page): readonly Link[] {
  const prose = page.text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(
    ([, link, attribute]) => link ?? attribute ?? '',
  );
  return targets
    .filter((target) => !/^(https?|mailto):/.test(target))
    .map((target) => {
      const [path = '', anchor = ''] = target.split('#');
      return { path: path === '' ? page.path : normalize(join(dirname(page.path), path)), anchor };
    });
}

/** As GitHub makes them of headings; and those that are written out. */
export function listAnchors({ text }: Page): ReadonlySet<string> {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const anchors = new Set([...prose.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id));
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}
