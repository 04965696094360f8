/**
 * Rows in memory, for variants that answer without waiting for anything: the same bytes that Sluice would keep. Holds
 * the last 64 MiB; what is older is written over. `take` gives what is held, so that it can be compared with what was sent.
 */
import { randomBytes } from 'node:crypto';
import { createRowWriter } from '../../src/records/entry.ts';
import { createIdSource } from '../../src/records/identity.ts';
import type { Checked } from './checks.ts';

export interface Held {
  keep(records: readonly Checked[]): void;
  /** Whole entries, since the buffer was last begun anew, as it is now. */
  take(): Buffer;
}

const BYTES = 64 * 1024 * 1024;

export function createHeld(): Held {
  const writer = createRowWriter();
  const ids = createIdSource(randomBytes);
  const buffer = Buffer.allocUnsafeSlow(BYTES);
  let end = 0;
  return {
    keep(records) {
      for (const { kind, record, siteId, clientId, nowMs } of records) {
        kind.encode(writer, record, { siteId, clientId, nowMs, ids });
        if (end + writer.length() > BYTES) end = 0;
        end += writer.buffer().copy(buffer, end, 0, writer.length());
      }
    },
    take() {
      const held = Buffer.from(buffer.subarray(0, end));
      end = 0;
      return held;
    },
  };
}
