/** Settings of how much is let in at once, from one client, from one address and in all. */
import { MIB, parseBytes, parseDuration, parseInteger, setting } from './setting.ts';

const RATE_MAX = 1_000_000_000;
const parseRate = (value: string): number | null => {
  const rate = parseInteger(0, RATE_MAX)(value);
  return rate === 0 ? null : rate;
};

/** In the order in which they are printed. */
export const overloadSettings = {
  requestsPerSecond: setting(
    'SLUICE_LIMIT_REQUESTS',
    '0 to 1000000000',
    '0',
    'Requests per second of a client that has no limits of its own, on this gateway; more is answered with 429. 0: any number.',
    parseRate,
  ),
  recordsPerSecond: setting(
    'SLUICE_LIMIT_RECORDS',
    '0 to 1000000000',
    '0',
    'Records per second, in the same way. A batch that exceeds it is taken, and paid for by waiting.',
    parseRate,
  ),
  bytesPerSecond: setting(
    'SLUICE_LIMIT_BYTES',
    '0 to 1000000000',
    '0',
    'Bytes of bodies per second, as sent, in the same way.',
    parseRate,
  ),
  burstMs: setting(
    'SLUICE_LIMIT_BURST',
    'duration',
    '10s',
    "So many seconds' worth of these may come at once.",
    parseDuration(1000),
  ),
  unknownTokensPerMinute: setting(
    'SLUICE_UNKNOWN_TOKENS',
    '0 to 1000000',
    '300',
    'Unknown tokens per minute from one address that are looked up; more is answered with 429. 0: any number.',
    parseInteger(0, 1_000_000),
  ),
  inFlightBytesMax: setting(
    'SLUICE_IN_FLIGHT_MAX_BYTES',
    'size',
    '256MiB',
    'Bodies in memory in all, decompressed ones included; more is answered with 503 before it is read.',
    // The largest body of all, a delivery of Firehose, must fit compressed and decompressed.
    parseBytes(128 * MIB, 64 * 1024 * MIB),
  ),
  httpConnectionsMax: setting(
    'SLUICE_CONNECTIONS_MAX',
    '10 to 1000000',
    '20000',
    'Connections at once; more are closed as soon as they are open.',
    parseInteger(10, 1_000_000),
  ),
};
