/** sluice replay: sends old log files to a gateway, with a progress bar, and goes on where it was stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { formats } from '../../ingest/shippers/formats.ts';
import { parseTimestampUs } from '../../records/time.ts';
import { openCheckpoint, type Checkpoint } from './checkpoint.ts';
import { deliverPart, type Counts } from './deliver.ts';
import { chooseFormat, explainUnread, isInTime } from './lines.ts';
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
    .requiredOption('--url <url>', 'the gateway, such as https://sluice.example.com', parseUrl)
    .addOption(
      new Option('--token <token>', 'of a client that may write to the site')
        .env('REPLAY_TOKEN')
        .makeOptionMandatory(),
    )
    .requiredOption('--site <site>', 'id or domain of the site')
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
  const checkpoint = await openCheckpoint(options.checkpoint, describePurpose(options));
  const total: Counts = { received: 0, accepted: 0, duplicate: 0, skipped: 0, quarantined: 0, rejected: 0 };
  const progress = showProgress(sources, total);
  const run = { options, checkpoint, total, progress, startedAtMs: performance.now() };
  const faults: string[] = [];
  let isGoingOn = false;
  try {
    for (const source of sources) {
      const linesDone = options.dryRun === true ? 0 : checkpoint.linesDone(source.name, source.bytes);
      isGoingOn ||= linesDone > 0;
      const fault = await replaySource(source, linesDone, run);
      if (fault !== null) faults.push(`${source.name === '-' ? 'standard input' : source.name}: ${fault}`);
    }
  } finally {
    progress.stop();
  }
  process.stdout.write(`${describe(total)}\n`);
  if (isGoingOn)
    process.stderr.write(
      `what ${options.checkpoint} says was sent there before is left out; to send it again remove that file, or name another by --checkpoint\n`,
    );
  if (total.quarantined > 0 && options.dryRun !== true)
    process.stderr.write(`'sluice quarantine list' says why lines are in quarantine\n`);
  if (faults.length === 0 && sources.every((source) => source.linesRead() === 0))
    faults.push(`there is no line in ${files.join(', ')}`);
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

interface Run {
  readonly options: ReplayOptions;
  readonly checkpoint: Checkpoint;
  readonly total: Counts;
  readonly progress: Progress;
  readonly startedAtMs: number;
}

/** Null, or what is wrong with the file: the others go on without it. Throws when the gateway refuses. */
async function replaySource(source: Source, linesDone: number, run: Run): Promise<string | null> {
  const { options, checkpoint, total, progress } = run;
  let lines = 0;
  // Of a line that is left out for its time the time could be read.
  let isLog = linesDone > 0;
  let reason = `'sluice quarantine list' says why`;
  const isWanted = (line: string, header: string): boolean => {
    const isIn = isInTime(line, header, options);
    isLog ||= !isIn;
    return isIn;
  };
  for await (const part of source.parts(linesDone, isWanted)) {
    if ('unreadable' in part)
      return lines === 0 ? part.unreadable : `${part.unreadable}; ${lines} lines before that were sent`;
    const unread = isLog || lines > 0 ? null : explainUnread(part.text, options);
    if (unread !== null) return unread;
    const delivered = await deliverPart(targetOf(part.text, options), part.text, progress.wait);
    for (const name of Object.keys(total) as (keyof Counts)[]) total[name] += delivered.counts[name];
    lines += delivered.counts.received;
    isLog ||= delivered.records > 0;
    reason = delivered.detail ?? reason;
    if (options.dryRun !== true) await checkpoint.save(source.name, source.bytes, part.linesDone);
    progress.update();
    await keepRate(options.rate, total.received, run.startedAtMs);
  }
  return lines > 0 && !isLog ? `none of its ${lines} lines became a record: ${reason}` : null;
}

/** Sent elsewhere, or asked for more, a file begins anew. */
function describePurpose({ url, site, pageviews, hostname, fields, since, until }: ReplayOptions): string {
  const more = { pageviews, hostname, fields: fields === '' ? undefined : fields, since, until };
  return `${new URL(url).origin} ${site} ${JSON.stringify(more)}`;
}

function targetOf(text: string, options: ReplayOptions): { url: string; token: string } {
  const path = `/api/sites/${encodeURIComponent(options.site)}/ingest/${chooseFormat(text, options.format)}`;
  const url = new URL(path, options.url);
  if (options.fields !== '') url.searchParams.set('fields', options.fields);
  if (options.hostname !== undefined) url.searchParams.set('hostname', options.hostname);
  if (options.pageviews === true) url.searchParams.set('pageviews', '1');
  if (options.dryRun === true) url.searchParams.set('validate_only', '1');
  return { url: url.toString(), token: options.token };
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

function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must begin with http:// or https://.');
  return text;
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
