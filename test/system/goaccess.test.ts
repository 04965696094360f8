/** Debian's goaccess reads the same CloudFront files (standard v1) as we do, and counts the same. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeLogFile } from '../../bench/log-file.ts';
import { readCloudfront } from '../../src/formats/vendors/cloudfront.ts';
import { isUnread } from '../../src/formats/log-row.ts';
import { makeDirectory } from '../setup/gateway.ts';
import { installPrograms } from './programs.ts';

let directory: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  installPrograms('goaccess');
  directory = await makeDirectory();
});
afterAll(() => directory.remove());

interface Totals {
  readonly lines: number;
  /** With a status: goaccess takes a line without one, the viewer being gone, for a failed one. */
  readonly answered: number;
  readonly bytes: number;
  readonly ofCrawlers: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

interface Report {
  readonly general: { total_requests: number; valid_requests: number; bandwidth: number };
  readonly status_codes: { data: { items: { hits: { count: number }; data: string }[] }[] };
}

function countByGoaccess(text: string): Omit<Totals, 'ofCrawlers'> {
  const output = join(directory.path, 'report.json');
  execFileSync('goaccess', ['-', '--log-format=CLOUDFRONT', '--no-progress', '-o', output], { input: text });
  const report = JSON.parse(readFileSync(output, 'utf8')) as Report;
  const items = report.status_codes.data.flatMap((group) => group.items);
  return {
    lines: report.general.total_requests,
    answered: report.general.valid_requests,
    bytes: report.general.bandwidth,
    byStatus: Object.fromEntries(items.map((item) => [item.data.slice(0, 3), item.hits.count])),
  };
}

function countOurselves(text: string): Totals {
  const byStatus: Record<string, number> = {};
  let lines = 0;
  let bytes = 0;
  let ofCrawlers = 0;
  for (const { row } of readCloudfront(text, '')) {
    if (row === null || isUnread(row)) throw new Error(row?.unread ?? 'no request');
    lines++;
    if (row.statusCode === 0) continue;
    bytes += row.bytesServed ?? 0;
    byStatus[row.statusCode] = (byStatus[row.statusCode] ?? 0) + 1;
    if (/bot|spider/i.test(row.userAgent ?? '')) ofCrawlers++;
  }
  const answered = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  return { lines, answered, bytes, ofCrawlers, byStatus };
}

it('goaccess agrees on the lines, the bytes and the statuses of the sample', () => {
  const text = readFileSync(join(import.meta.dirname, '../formats/samples/cloudfront-v1.log'), 'utf8');
  const { ofCrawlers: _, ...ours } = countOurselves(text);
  expect(ours.lines).toBe(5);
  expect(countByGoaccess(text)).toEqual(ours);
});

it('goaccess agrees on 50,000 generated lines, and so does their generator', async () => {
  const path = join(directory.path, 'generated.gz');
  const made = await writeLogFile({ path, lines: 50_000, first: 0, seed: 11 });
  const text = gunzipSync(readFileSync(path)).toString('utf8');
  const { ofCrawlers, ...ours } = countOurselves(text);
  expect(countByGoaccess(text)).toEqual(ours);
  expect(ours).toMatchObject({ lines: 50_000, answered: 50_000 - made.noStatus });
  expect(ofCrawlers).toBe(made.aiFetches);
});
