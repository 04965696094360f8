/**
 * Why rows are kept in COPY's binary format: the same pageviews encoded as text and as binary, and sent to the same
 * table, in interleaved rounds. Counts encoding and COPY together, and Sluice's share of the CPU.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameRows, sortByTable } from '../src/drain/batch.ts';
import { createRowWriter, tables } from '../src/records/entry.ts';
import { createIdSource, printUuid } from '../src/records/identity.ts';
import { encodePageview, readPageview, type Pageview } from '../src/records/pageview.ts';
import { isFault, readPayload } from '../src/records/payload.ts';
import { connectPostgres } from '../src/store/connect.ts';
import { copyIn } from '../src/store/copy.ts';
import { startEmbeddedPostgres } from '../src/store/embedded.ts';
import { migrate } from '../src/store/migrate.ts';
import { createPartitions } from '../src/store/partitions.ts';
import { ratioOf, runRounds, spreadOf, type Spread } from './rounds.ts';

export interface CopyFormatResult {
  readonly rowsPerSecond: Readonly<Record<string, Spread>>;
  readonly 'client µs per row': Readonly<Record<string, Spread>>;
  readonly 'binary / text': Spread;
}

const SITE = '11111111-2222-4333-8444-555555555555';
const columns = tables[0]?.columns.join(', ') ?? '';
const ids = createIdSource(randomBytes);

export async function benchCopyFormat(
  values: { readonly rounds: number; readonly rows: number },
  tell: (line: string) => void,
): Promise<CopyFormatResult> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  await chmod(directory, 0o711);
  const postgres = await startEmbeddedPostgres({ directory });
  const sql = connectPostgres({
    url: postgres.url,
    applicationName: 'sluice-bench',
    connectionsMax: 1,
    statementTimeoutMs: 60_000,
    lockTimeoutMs: 0,
  });
  try {
    await migrate(sql);
    const now = new Date();
    await createPartitions(sql).ensure('hits', new Set([now.getUTCFullYear() * 12 + now.getUTCMonth()]));
    const pageview = makePageview(now.getTime());
    const clientUs: Record<string, number[]> = { binary: [], text: [] };
    const encoders: Readonly<Record<string, () => Buffer>> = {
      binary: () => encodeBinary(pageview, values.rows, now.getTime()),
      text: () => encodeText(pageview, values.rows, now.getTime()),
    };
    const measured = await runRounds(['binary', 'text'], values.rounds, async (variant, round) => {
      tell(`copy-format: round ${round + 1} of ${values.rounds}, ${variant}`);
      await sql`TRUNCATE hits`;
      const format = variant === 'binary' ? ' (FORMAT binary)' : '';
      const cpu = process.cpuUsage();
      const started = performance.now();
      await copyIn(
        sql,
        `COPY hits (${columns}) FROM STDIN${format}`,
        encoders[variant]?.() ?? Buffer.alloc(0),
      );
      const seconds = (performance.now() - started) / 1000;
      const used = process.cpuUsage(cpu);
      if (round >= 0) clientUs[variant]?.push((used.user + used.system) / values.rows);
      const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM hits`;
      if (row?.n !== values.rows)
        throw new Error(`disqualified: ${variant} stored ${row?.n} of ${values.rows} rows`);
      return values.rows / seconds;
    });
    const spread = (each: Readonly<Record<string, readonly number[]>>) =>
      Object.fromEntries(Object.entries(each).map(([variant, numbers]) => [variant, spreadOf(numbers)]));
    return {
      rowsPerSecond: spread(measured),
      'client µs per row': spread(clientUs),
      'binary / text': ratioOf(measured, 'binary', 'text'),
    };
  } finally {
    await sql.end({ timeout: 1 });
    await postgres.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function makePageview(nowMs: number): Pageview {
  const payload = readPayload(
    Buffer.from(
      JSON.stringify({
        url: 'https://bench.example.com/articles/how-to-measure?utm_source=newsletter&utm_medium=email',
        timestamp: new Date(nowMs).toISOString(),
        visitor_ip: '192.0.2.1',
        user_agent:
          'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
        referrer: 'https://news.example.org/today',
        viewport_width: 1280,
        viewport_height: 720,
        language: 'en-GB',
      }),
    ),
  );
  if (isFault(payload)) throw new Error(payload.detail);
  const pageview = readPageview(payload, {
    nowMs,
    timePolicy: { pastMs: 1e9, futureMs: 1e9 },
    countryOf: () => 'DE',
    isVerified: () => null,
    clientId: SITE,
    idempotencyKey: '',
    index: 0,
  });
  if (isFault(pageview)) throw new Error(pageview.detail);
  return pageview;
}

function encodeBinary(pageview: Pageview, rows: number, nowMs: number): Buffer {
  const writer = createRowWriter();
  const parts: Buffer[] = [];
  for (let row = 0; row < rows; row++) {
    encodePageview(writer, pageview, { siteId: SITE, clientId: SITE, nowMs, ids });
    parts.push(Buffer.from(writer.buffer().subarray(0, writer.length())));
  }
  const [batch] = sortByTable(Buffer.concat(parts));
  if (batch === undefined) throw new Error('no rows');
  return frameRows(batch, 0, rows).copyStream;
}

/** COPY's text format: tabs between, \N for null, four characters escaped. */
function encodeText(pageview: Pageview, rows: number, nowMs: number): Buffer {
  const id = Buffer.alloc(16);
  const fresh = (): string => {
    ids.writeRandom(id, 0);
    return printUuid(id, 0);
  };
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    const { campaign } = pageview;
    const fields = [
      ...[
        SITE,
        new Date(pageview.timestampUs / 1000).toISOString(),
        fresh(),
        SITE,
        new Date(nowMs).toISOString(),
      ],
      ...[fresh(), fresh(), pageview.path, pageview.hostname, pageview.referrer, pageview.userAgent],
      ...[pageview.viewportWidth, pageview.viewportHeight, pageview.screenWidth, pageview.screenHeight],
      ...[pageview.language, pageview.countryCode],
      ...[
        campaign.source,
        campaign.medium,
        campaign.campaign,
        campaign.term,
        campaign.content,
        pageview.qrCodeId,
      ],
    ];
    lines.push(fields.map(escapeField).join('\t'));
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escapeField(value: string | number | null): string {
  if (value === null) return '\\N';
  return typeof value === 'number'
    ? String(value)
    : value.replace(/[\\\t\n\r]/g, (each) => ESCAPES[each] ?? each);
}
