/** A log file of CloudFront, standard v1, gzipped, from a seed: the same seed, the same bytes. Written as a stream. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface LogFileValues {
  readonly path: string;
  readonly lines: number;
  /** The number of the first line: it sets its time and its request id. */
  readonly first: number;
  readonly seed: number;
}

/** What a correct reader makes of the file, pageviews included. */
export interface LogFileCounts {
  aiFetches: number;
  pageviews: number;
  noStatus: number;
  notAPage: number;
}

const FIELDS =
  'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end';
const CRAWLERS = ['GPTBot/1.2', 'ClaudeBot/1.0', 'PerplexityBot/1.0', 'Bytespider', 'OAI-SearchBot/1.0'];
const BROWSER =
  'Mozilla/5.0%20(X11;%20Linux%20x86_64)%20AppleWebKit/537.36%20Chrome/129.0.0.0%20Safari/537.36';
const START_MS = Date.UTC(2026, 9, 12);

export async function writeLogFile(values: LogFileValues): Promise<LogFileCounts> {
  const counts: LogFileCounts = { aiFetches: 0, pageviews: 0, noStatus: 0, notAPage: 0 };
  const random = createRandom(values.seed);
  const gzip = createGzip({ level: 1 });
  const file = createWriteStream(values.path);
  gzip.pipe(file);
  gzip.write(`#Version: 1.0\n#Fields: ${FIELDS}\n`);
  for (let from = 0; from < values.lines; from += 1000) {
    let text = '';
    for (let index = from; index < Math.min(values.lines, from + 1000); index++)
      text += makeLine(values.first + index, random, counts);
    if (!gzip.write(text)) await once(gzip, 'drain');
  }
  gzip.end();
  await finished(file);
  return counts;
}

/** mulberry32: small, seeded, good enough to mix lines. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function makeLine(index: number, random: () => number, counts: LogFileCounts): string {
  const at = new Date(START_MS + index * 20).toISOString();
  const isCrawler = random() < 0.3;
  const isGone = random() < 0.01;
  const isPage = random() < 0.4;
  const userAgent = isCrawler ? (CRAWLERS[Math.floor(random() * CRAWLERS.length)] ?? '') : BROWSER;
  const path = isPage
    ? `/articles/${Math.floor(random() * 5000)}`
    : `/static/${Math.floor(random() * 500)}.css`;
  const address = `203.0.113.${Math.floor(random() * 250)}`;
  if (isGone) counts.noStatus++;
  else if (isCrawler) counts.aiFetches++;
  else if (isPage) counts.pageviews++;
  else counts.notAPage++;
  const type = isPage ? 'text/html;%20charset=utf-8' : 'text/css';
  const host = 'www.example.com';
  return `${[
    ...[
      at.slice(0, 10),
      at.slice(11, 19),
      'IAD89-P2',
      '48231',
      address,
      'GET',
      'd2example.cloudfront.net',
      path,
    ],
    ...[isGone ? '000' : '200', '-', userAgent, random() < 0.2 ? 'utm_source=news' : '-', '-', 'Hit'],
    ...[
      `request-${index}-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==`,
      host,
      'https',
      '312',
      '0.143',
      '-',
      'TLSv1.3',
    ],
    ...[
      'TLS_AES_128_GCM_SHA256',
      'Hit',
      'HTTP/2.0',
      '-',
      '-',
      '40231',
      '0.121',
      'Hit',
      type,
      '47612',
      '-',
      '-',
    ],
  ].join('\t')}\n`;
}
