/**
 * CloudFront's log files, gzipped, one POST each, as a function that is called for every new file would send them. Every
 * file is another one, since the same line sent again would be the same row. Sent by fetch: a file takes so long that
 * the sender costs nothing.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLogFile } from '../log-file.ts';
import { spreadOf } from '../rounds.ts';
import { findForm, type MadeRequest } from '../table/forms.ts';
import { serverOf, type Field } from '../table/race.ts';
import { sendOnce, settle } from '../table/stored.ts';
import type { World } from '../world.ts';
import type { Found } from './line.ts';

export interface LogFilesValues {
  readonly rounds: number;
  readonly files: number;
  readonly linesPerFile: number;
}

export async function benchLogFiles(
  world: World,
  field: Field,
  values: LogFilesValues,
  tell: (line: string) => void,
): Promise<Found> {
  const { port } = serverOf(field, 'journal');
  const form = findForm('ai-fetch');
  const [marker] = form.make(field.senders, 1, false);
  if (marker === undefined) throw new Error('there is nothing to send');
  const rates: number[] = [];
  for (let round = -1; round < values.rounds; round++) {
    tell(`CloudFront files: round ${round + 1} of ${values.rounds}`);
    const { requests, fetches } = await makeFiles(world, field, values, round + 1);
    const startedAtMs = performance.now();
    await sendOnce(port, requests);
    const seconds = (performance.now() - startedAtMs) / 1000;
    await settle(world.sql, port, form, marker, fetches);
    if (round >= 0) rates.push((values.files * values.linesPerFile) / seconds);
  }
  const what = `CloudFront files of ${values.linesPerFile} lines, gzipped`;
  return { figures: {}, lines: [{ what, measured: spreadOf(rates), unit: 'lines/s' }] };
}

/** Files that no other round has, and how many fetches by AI crawlers they hold. */
async function makeFiles(
  world: World,
  { senders }: Field,
  { files, linesPerFile }: LogFilesValues,
  round: number,
): Promise<{ readonly requests: readonly MadeRequest[]; readonly fetches: number }> {
  const requests: MadeRequest[] = [];
  const path = join(world.directory, 'cloudfront.gz');
  let fetches = 0;
  for (let file = 0; file < files; file++) {
    const number = round * files + file;
    const counts = await writeLogFile({
      path,
      lines: linesPerFile,
      first: number * linesPerFile,
      seed: number,
    });
    fetches += counts.aiFetches;
    requests.push({
      path: `/api/sites/${senders.siteId}/ingest/cloudfront?pageviews=1`,
      token: senders.tokens[0] ?? '',
      body: await readFile(path),
      contentType: 'text/plain',
      encoding: '',
      records: [],
    });
  }
  await rm(path);
  return { requests, fetches };
}
