/** Makes ingest from the settings: limits, look-ups of addresses, and what senders are told to wait. */
import type { Config } from '../config.ts';
import { readTimePolicy } from '../config/retention.ts';
import type { Drain } from '../drain/drain.ts';
import { createCountries } from '../ingest/enrich/country.ts';
import { openCrawlerRanges } from '../ingest/enrich/ranges.ts';
import { createIngest, type Ingest, type IngestDeps } from '../ingest/ingest.ts';
import { createLimiter } from '../ingest/limiter.ts';
import { ENTRY_BYTES_MAX } from '../journal/frame.ts';
import type { Log } from '../telemetry/log.ts';
import type { Stops } from './parts.ts';

/** Escaping may treble what was sent, and printing numbers, 1e20 say, make more than four times as much of it. */
const ENTRY_FACTOR = 5;
const ENTRY_BYTES_MORE = 64 * 1024;
const RETRY_SECONDS_AWAY = 30;
const RETRY_SECONDS_MAX = 300;

export async function makeIngest(
  config: Config,
  parts: Omit<IngestDeps, 'limiter' | 'countryOf' | 'isVerified' | 'secondsUntilRoom'> & {
    readonly drain: Drain;
  },
  log: Log['write'],
  stops: Stops,
): Promise<Ingest> {
  const { requestsPerSecond, recordsPerSecond, bytesPerSecond, burstMs, unknownTokensPerMinute } = config;
  const clientLimits = { requestsPerSecond, recordsPerSecond, bytesPerSecond, burstSeconds: burstMs / 1000 };
  const ranges = await openCrawlerRanges(config.dataDirectory, log);
  stops.push(() => ranges.close());
  return createIngest(
    {
      bodyBytesMax: config.bodyBytesMax,
      entryBytesMax: Math.min(ENTRY_BYTES_MAX, ENTRY_FACTOR * config.bodyBytesMax + ENTRY_BYTES_MORE),
      limits: {
        sentBytesMax: config.requestBytesMax,
        bytesMax: config.decompressedBytesMax,
        ratioMax: config.compressionRatioMax,
      },
      recordsMax: config.recordsMax,
      durability: config.durability,
      ackWaitMs: config.ackWaitMs,
      timePolicy: readTimePolicy(config),
      vendors: config,
    },
    {
      ...parts,
      limiter: createLimiter({ clientLimits, unknownTokensPerMinute }),
      countryOf: createCountries(),
      isVerified: ranges.isVerified,
      // Room comes by whole segments. Without a speed, Postgres is away: a while.
      secondsUntilRoom: () =>
        Math.min(
          RETRY_SECONDS_MAX,
          Math.ceil(parts.drain.secondsFor(config.segmentBytes) ?? RETRY_SECONDS_AWAY),
        ),
    },
  );
}
