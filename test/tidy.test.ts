/**
 * The style, held by a machine. An exception is a line with its reason in EXCEPTIONS, and their number only falls.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const FILE_LINES_MAX = 250;
const FUNCTION_LINES_MAX = 60;
const ROOM_FILES_MAX = 9;

/** '<rule> <file>' -> why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};
const EXCEPTIONS_MAX = 0;

/** Who may import whom; a room may import itself. Types alone: TYPE_ARROWS. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  cli: [
    'main',
    'parts',
    'supervisor',
    'config',
    'ingest',
    'drain',
    'admin',
    'telemetry',
    'grants',
    'journal',
    'store',
    'records',
    'formats',
    'crawlers',
  ],
  main: ['parts', 'ingest', 'drain', 'telemetry', 'http'],
  parts: [
    'config',
    'drain',
    'journal',
    'reference',
    'console',
    'ingest',
    'admin',
    'telemetry',
    'grants',
    'store',
    'measure',
    'supervisor',
  ],
  reference: ['console', 'ingest', 'admin', 'http', 'records'],
  config: [],
  supervisor: [],
  console: ['admin', 'http'],
  ingest: ['http', 'grants', 'records', 'formats', 'crawlers', 'measure'],
  drain: ['store', 'records', 'memory'],
  admin: ['http', 'grants', 'store', 'records'],
  telemetry: ['http', 'grants', 'measure'],
  http: [],
  grants: [],
  journal: ['measure', 'memory'],
  store: ['measure'],
  records: ['crawlers'],
  formats: [],
  crawlers: [],
  measure: [],
  memory: [],
};
/** Arrows that carry types only, whatever their direction: they vanish when the code runs. */
const TYPE_ARROWS: readonly string[] = [
  'main config',
  'main console',
  'main grants',
  'main journal',
  'main store',
  'parts http',
  'ingest journal',
  'ingest store',
  'drain journal',
  'telemetry journal',
  'telemetry store',
  'http records',
  'grants store',
  'telemetry ingest',
  'telemetry drain',
  'telemetry supervisor',
  'console supervisor',
];
/** Packages that only one place may import. */
const OWNED_PACKAGES: Readonly<Record<string, string>> = {
  'uWebSockets.js': 'src/http/',
  postgres: 'src/store/connect.ts',
  ioredis: 'src/grants/',
  jose: 'src/admin/sign-in/session.ts',
  argon2: 'src/admin/sign-in/password.ts',
  cookie: 'src/admin/sign-in/session.ts',
  'rate-limiter-flexible': 'src/admin/sign-in/throttle.ts',
  'csv-parse/sync': 'src/admin/import/read.ts',
  'cli-progress': 'src/cli/',
  pino: 'src/telemetry/log.ts',
  'prom-client': 'src/telemetry/metrics/metrics.ts',
  '@opentelemetry/api': 'src/telemetry/tracing/',
  '@opentelemetry/core': 'src/telemetry/tracing/',
  '@opentelemetry/exporter-trace-otlp-proto': 'src/telemetry/tracing/',
  '@opentelemetry/resources': 'src/telemetry/tracing/',
  '@opentelemetry/sdk-trace': 'src/telemetry/tracing/',
  commander: 'src/cli/',
  amaro: 'src/console/assets.ts',
  preact: 'src/console/page/',
  'preact/hooks': 'src/console/page/',
  htm: 'src/console/page/',
  uplot: 'src/console/page/',
};
const PURE_ROOMS = ['records', 'formats', 'crawlers', 'measure'];
/** Of packages only data, and a cache in memory. */
const PURE_IMPORTS = /^(node:(crypto|buffer|net|assert|zlib)|\.|crawler-user-agents$|lru-cache$)/;
const RANDOM_IMPORT = /import \{[^}]*\brandom(Bytes|UUID|Int)/;

interface Import {
  readonly from: string;
  readonly isType: boolean;
}

interface Source {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const sources = listFiles(join(ROOT, 'src'), '.ts').map(readSource);
const written = ['src', 'test', 'bench']
  .flatMap((folder) => listFiles(join(ROOT, folder), '.ts'))
  .map(readSource);
const prose = [
  ...listFiles(join(ROOT, 'docs'), '.md'),
  ...readdirSync(ROOT)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, name)),
].map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));

function listFiles(folder: string, ending: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) found.push(...listFiles(path, ending));
    else if (name.endsWith(ending)) found.push(path);
  }
  return found;
}

function readSource(path: string): Source {
  const text = readFileSync(path, 'utf8');
  const imports = [
    ...text.matchAll(/^(?:import|export) (type )?[^;'"]*?from '([^']+)'|^import '([^']+)'/gm),
  ].map((match) => ({ from: match[2] ?? match[3] ?? '', isType: match[1] !== undefined }));
  const dynamic = [...text.matchAll(/\bimport\('([^']+)'\)/g)].map((match) => ({
    from: match[1] ?? '',
    isType: false,
  }));
  return { path: relative(ROOT, path), room: roomOf(path), text, imports: [...imports, ...dynamic] };
}

function roomOf(path: string): string {
  return relative(join(ROOT, 'src'), path).split('/')[0]?.replace(/\.ts$/, '') ?? '';
}

/** Every breach of a rule that is no listed exception. */
function breaches(
  rule: string,
  files: readonly { path: string }[],
  isBreach: (file: never) => unknown,
): string[] {
  return files
    .filter((file) => isBreach(file as never) && EXCEPTIONS[`${rule} ${file.path}`] === undefined)
    .map((file) => file.path);
}

describe('the style', () => {
  it('keeps every source file within its length', () => {
    expect(
      breaches('length', sources, (file: Source) => file.text.split('\n').length - 1 > FILE_LINES_MAX),
    ).toEqual([]);
  });

  it('keeps every function within its length, functions inside it not counted', () => {
    const long = sources.flatMap((file) => longFunctions(file).map((name) => `${file.path} ${name}`));
    expect(long).toEqual([]);
  });

  it('begins every source file with a comment that says what it is', () => {
    expect(breaches('head', sources, (file: Source) => !file.text.startsWith('/**'))).toEqual([]);
  });

  it('names files and folders by what is inside', () => {
    const empty = /(^|[/-])(utils?|helpers?|common|shared|misc|manager|types)(\.|\/|$)/;
    expect(breaches('name', written, (file: Source) => empty.test(file.path))).toEqual([]);
  });

  it('keeps a room within nine files', () => {
    const rooms = Object.groupBy(sources, (file) => dirname(file.path));
    const crowded = Object.entries(rooms).filter(
      ([room, files]) => room !== 'src' && (files?.length ?? 0) > ROOM_FILES_MAX,
    );
    expect(crowded.map(([room]) => room)).toEqual([]);
  });

  it('lets imports point down only', () => {
    const wrong = sources.flatMap((file) =>
      file.imports
        .filter((target) => target.from.startsWith('.'))
        .filter((target) => {
          const room = roomOf(resolve(ROOT, dirname(file.path), target.from));
          if (room === file.room || ARROWS[file.room]?.includes(room) === true) return false;
          return !(target.isType && TYPE_ARROWS.includes(`${file.room} ${room}`));
        })
        .map((target) => `${file.path} -> ${target.from}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has no circle of imports', () => {
    expect(findCircle()).toEqual([]);
  });

  it('lets each package be imported by its owner alone', () => {
    const wrong = sources.flatMap((file) =>
      file.imports
        .filter(
          (target) =>
            OWNED_PACKAGES[target.from] !== undefined &&
            !file.path.startsWith(OWNED_PACKAGES[target.from] ?? ''),
        )
        .map((target) => `${file.path} -> ${target.from}`),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps the pure rooms pure', () => {
    const impure = sources.filter(
      (file) =>
        PURE_ROOMS.includes(file.room) &&
        (file.imports.some((target) => !PURE_IMPORTS.test(target.from)) ||
          RANDOM_IMPORT.test(file.text) ||
          /\b(Date\.now|new Date\(\)|Math\.random|process\.|performance\.)/.test(
            file.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''),
          )),
    );
    expect(impure.map((file) => file.path)).toEqual([]);
  });

  it('reads the environment in one place', () => {
    expect(
      breaches(
        'environment',
        sources,
        (file: Source) => file.path !== 'src/config.ts' && /process\.env/.test(file.text),
      ),
    ).toEqual([]);
  });

  it('has no getter outside of a class: V8 keeps such an object as a table, and looks all of it up each time', () => {
    // A class's getter states its type, and so is another form.
    const literal = /^\s+get \w+\(\) \{/m;
    expect(breaches('getter', sources, (file: Source) => literal.test(file.text))).toEqual([]);
  });

  it('leaves no loose end', () => {
    const loose =
      /\b(FIXME|TODO|XXX)\b|@ts-(ignore|expect-error|nocheck)|\b(it|test|describe)\.(only|skip|todo)\b|\bas any\b|: any[;,)>\]]/;
    expect(
      breaches(
        'loose',
        written.filter((file) => file.path !== 'test/tidy.test.ts'),
        (file: Source) => loose.test(file.text),
      ),
    ).toEqual([]);
  });

  it('prints from the command line alone', () => {
    const prints = (file: Source): boolean =>
      !file.path.startsWith('src/cli/') &&
      /\bconsole\.(log|info|warn|error|debug|table)|process\.stdout/.test(file.text);
    expect(breaches('prints', sources, prints)).toEqual([]);
  });

  it('gives every page one title, and no broken link to a file', () => {
    const wrong = prose.flatMap(({ path, text }) => {
      const body = text.replace(/```[\s\S]*?```/g, '');
      const titles = body.split('\n').filter((line) => line.startsWith('# ')).length;
      const links = [...body.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) => match[1] ?? '');
      const broken = links.filter((link) => !exists(resolve(ROOT, dirname(path), link)));
      return [
        ...(titles === 1 ? [] : [`${path}: ${titles} titles`]),
        ...broken.map((link) => `${path}: ${link}`),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it('has no more exceptions than it had', () => {
    expect(Object.keys(EXCEPTIONS).length).toBeLessThanOrEqual(EXCEPTIONS_MAX);
  });
});

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Names of functions whose own lines, without blank lines, comments and functions inside, are too many. */
function longFunctions(file: Source): string[] {
  return measureFunctions(file.text)
    .filter((found) => found.lines > FUNCTION_LINES_MAX)
    .map((found) => `${found.name} (${found.lines} lines)`);
}

/**
 * Reads functions by their indentation, which the formatter guarantees: a line that opens one ends in '{', and the
 * next line with the same indentation that starts with '}' closes it.
 */
function measureFunctions(text: string): { readonly name: string; readonly lines: number }[] {
  const measured: { name: string; lines: number }[] = [];
  const open: { name: string; indent: number; lines: number }[] = [];
  for (const line of text.split('\n')) {
    const code = line.trim();
    if (code === '' || /^(\/\/|\/\*|\*)/.test(code)) continue;
    const indent = line.length - line.trimStart().length;
    const inner = open.at(-1);
    if (inner !== undefined && indent === inner.indent && code.startsWith('}'))
      measured.push(...open.splice(-1));
    const isControl = /^(\} )?(if|for|while|switch|catch|else|do|try|finally|with)\b/.test(code);
    if (!isControl && /(=>|\)(: [^=]*)?) \{$/.test(code))
      open.push({ name: code.slice(0, 60), indent, lines: 0 });
    else {
      const around = open.at(-1);
      if (around !== undefined) around.lines++;
    }
  }
  return measured;
}

function findCircle(): string[] {
  const graph = new Map(
    sources.map((file) => [
      file.path,
      file.imports
        .filter((target) => target.from.startsWith('.') && !target.isType)
        .map((target) => relative(ROOT, resolve(ROOT, dirname(file.path), target.from))),
    ]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      const circle = visit(next, [...trail, path]);
      if (circle.length > 0) return circle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const circle = visit(path, []);
    if (circle.length > 0) return circle;
  }
  return [];
}
