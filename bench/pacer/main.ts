/**
 * The pacer in a process of its own, so that it has a core to itself: `node bench/pacer/main.ts <PacedValues as JSON>`
 * prints a PacedResult as JSON. What is answered in the warm-up does not count.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startStream, type StreamValues } from './pacer.ts';

export interface PacedValues extends StreamValues {
  readonly token: string;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** Times in µs. */
export interface PacedResult {
  readonly answered: number;
  readonly refused: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  /** By how much the sender itself was late, within its figures above. */
  readonly latenessP99: number;
}

const FINISH_MS = 5000;

const values = JSON.parse(process.argv[2] ?? '{}') as PacedValues;
const stream = startStream(values);
await sleep(values.warmUpMs);
stream.latencyUs.reset();
stream.latenessUs.reset();
await sleep(values.measuredMs);
await stream.finish(FINISH_MS);
stream.stop();
const { latencyUs, latenessUs, counts } = stream;
const result: PacedResult = {
  answered: latencyUs.count,
  refused: counts.refused + (counts.due - counts.accepted - counts.refused),
  p50: latencyUs.percentile(50),
  p90: latencyUs.percentile(90),
  p99: latencyUs.percentile(99),
  p999: latencyUs.percentile(99.9),
  latenessP99: latenessUs.percentile(99),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
