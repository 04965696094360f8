/** sluice replay: sends old log files to a gateway, with a progress bar, and goes on where it was stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { isUnread } from '../../formats/log-row.ts';
import { formats, isFormatName, type FormatName } from '../../ingest/shippers/formats.ts';
import { parseTimestampUs } from '../../records/time.ts';
import { openCheckpoint } from './checkpoint.ts';
import { deliverPart, type Counts } from './deliver.ts';
import { findSources, type Source } from './source.ts';

interface ReplayOptions {
  readonly url: string;
  readonly token: string;
  readonly site: string;
  readonly format: string;
  readonly fields: string;
  readonly hostname?: string;
  readonly pageviews?: true;
  readonly since?: number;
  readonly until?: number;
  readonly rate?: number;
  readonly checkpoint: string;
  readonly dryRun?: true;
}

export function addReplayCommand(program: Command): void {
  program
    .command('replay')
    .description('send old log files (plain, gzip, zstd) to a gateway; safe to stop, and to run again')
    .argument('<files...>', "files and folders; '-' is standard input")
    .requiredOption('--url <url>', 'the gateway, such as https://sluice.example.com')
    .addOption(
      new Option('--token <token>', 'of a client that may write to the site')
        .env('REPLAY_TOKEN')
        .makeOptionMandatory(),
    )
    .requiredOption('--site <id>', 'id of the site')
    .addOption(
      new Option('--format <name>', 'what the files are')
        .choices(['auto', ...Object.keys(formats)])
        .default('auto'),
    )
    .option('--fields <a,b>', 'columns of lines that do not say', '')
    .option('--hostname <host>', 'host of lines that name none')
    .option('--pageviews', 'views of pages by people become pageviews')
    .option('--since <time>', 'only what happened at or after it, RFC 3339', parseTime)
    .option('--until <time>', 'only what happened before it, RFC 3339', parseTime)
    .option('--rate <n>', 'lines a second at most', parseRate)
    .option('--checkpoint <file>', 'where it keeps how far it has come', '.sluice-replay.json')
    .option('--dry-run', 'have everything checked, and nothing kept')
    .action((files: string[], options: ReplayOptions) => replay(files, options));
}

async function replay(files: readonly string[], options: ReplayOptions): Promise<void> {
  const sources = await findSources(files, process.stdin);
  const checkpoint = await openCheckpoint(options.checkpoint);
  const total: Counts = { received: 0, accepted: 0, duplicate: 0, skipped: 0, quarantined: 0, rejected: 0 };
  const progress = showProgress(sources, total);
  const startedAtMs = performance.now();
  let isGoingOn = false;
  try {
    for (const source of sources) {
      const done = options.dryRun === true ? 0 : checkpoint.linesDone(source.name, source.bytes);
      isGoingOn ||= done > 0;
      for await (const part of source.parts(done, (line, header) => isInTime(line, header, options))) {
        const counts = await deliverPart(targetOf(part.text, options), part.text, progress.wait);
        for (const name of Object.keys(total) as (keyof Counts)[]) total[name] += counts[name];
        if (options.dryRun !== true) await checkpoint.save(source.name, source.bytes, part.linesDone);
        progress.update();
        await keepRate(options.rate, total.received, startedAtMs);
      }
    }
  } finally {
    progress.stop();
  }
  process.stdout.write(`${describe(total)}\n`);
  if (isGoingOn)
    process.stderr.write(
      `what ${options.checkpoint} says was sent before is left out; for another gateway or site name another --checkpoint\n`,
    );
  if (total.quarantined > 0 && options.dryRun !== true)
    process.stderr.write(`'sluice quarantine list' says why lines are in quarantine\n`);
}

function targetOf(text: string, options: ReplayOptions): { url: string; token: string } {
  const format = options.format === 'auto' ? detectFormat(text) : options.format;
  const url = new URL(`/api/sites/${options.site}/ingest/${format}`, options.url);
  if (options.fields !== '') url.searchParams.set('fields', options.fields);
  if (options.hostname !== undefined) url.searchParams.set('hostname', options.hostname);
  if (options.pageviews === true) url.searchParams.set('pageviews', '1');
  if (options.dryRun === true) url.searchParams.set('validate_only', '1');
  return { url: url.toString(), token: options.token };
}

/** By the first line: each format has something that no other has. */
export function detectFormat(text: string): FormatName {
  const [first = ''] = text.split('\n', 1);
  if (first.startsWith('#') || /"cs-uri-stem"|"cs_uri_stem"|\t/.test(first)) return 'cloudfront';
  if (first.includes('"ClientRequest')) return 'cloudflare';
  if (first.includes('"reqTimeSec"')) return 'akamai';
  if (first.includes('"log_type"')) return 'netlify';
  return /"proxy" *: *\{/.test(first) ? 'vercel' : 'access-log';
}

/** A line whose time cannot be read is sent: the gateway keeps it with the reason. */
function isInTime(line: string, header: string, options: ReplayOptions): boolean {
  const { since, until } = options;
  if (since === undefined && until === undefined) return true;
  const format = options.format === 'auto' ? detectFormat(header === '' ? line : header) : options.format;
  if (!isFormatName(format)) return true;
  const [read] = [...formats[format](header + line, options.fields)];
  const row = read?.row ?? null;
  if (row === null || isUnread(row)) return true;
  const { timestampMs } = row;
  return timestampMs >= (since ?? -Infinity) && timestampMs < (until ?? Infinity);
}

async function keepRate(rate: number | undefined, linesSent: number, startedAtMs: number): Promise<void> {
  if (rate === undefined) return;
  const dueMs = startedAtMs + (linesSent / rate) * 1000 - performance.now();
  if (dueMs > 0) await sleep(dueMs);
}

interface Progress {
  update(): void;
  readonly wait: (cause: string, waitMs: number) => void;
  stop(): void;
}

const LINE_EVERY_MS = 5000;

/** A bar over bytes on standard error; where that is no terminal, a plain line every few seconds. */
function showProgress(sources: readonly Source[], total: Counts): Progress {
  const bytes = (): number => sources.reduce((sum, source) => sum + source.bytesRead(), 0);
  const bytesTotal = sources.reduce((sum, source) => sum + source.bytes, 0);
  const wait = (cause: string, waitMs: number): void => {
    process.stderr.write(
      `\nthe gateway does not take it (${cause}): again in ${Math.ceil(waitMs / 1000)} s\n`,
    );
  };
  if (!process.stderr.isTTY) {
    let saidAtMs = performance.now();
    const update = (): void => {
      if (performance.now() - saidAtMs < LINE_EVERY_MS) return;
      saidAtMs = performance.now();
      process.stderr.write(`${bytes()} of ${bytesTotal} bytes: ${describe(total)}\n`);
    };
    return { update, wait, stop: () => undefined };
  }
  const bar = new SingleBar({
    format: '{bar} {percentage} %, {eta_formatted} left: {counts}',
    etaBuffer: 50,
  });
  bar.start(Math.max(1, bytesTotal), 0, { counts: '' });
  return { update: () => bar.update(bytes(), { counts: describe(total) }), wait, stop: () => bar.stop() };
}

function describe(counts: Counts): string {
  const { received, accepted, duplicate, skipped, quarantined, rejected } = counts;
  return `${received} lines: ${accepted} accepted (${duplicate} were there), ${skipped} skipped, ${quarantined} quarantined, ${rejected} rejected`;
}

function parseTime(text: string): number {
  const timestampUs = parseTimestampUs(text);
  if (timestampUs === null)
    throw new InvalidArgumentError('It must be RFC 3339, such as 2026-01-31T00:00:00Z.');
  return timestampUs / 1000;
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (!Number.isFinite(rate) || rate <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return rate;
}
