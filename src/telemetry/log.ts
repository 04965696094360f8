/**
 * The log: JSON lines on standard output, written without blocking the gateway. No line per request, and never a
 * token, a header or a body: parts log what they are given names for.
 */
import { pino, type Logger } from 'pino';

export type Level = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  /** What parts receive: level, facts, one sentence. */
  readonly write: (level: Level, fields: object, message: string) => void;
  /** Writes what is still buffered: the last step of a stop. */
  flush(): void;
}

/** A reader of standard output that does not read must not make the gateway grow: beyond this, lines are dropped. */
const BUFFER_BYTES_MAX = 4 * 1024 * 1024;

/** `facts` are in every line. */
export function createLog(level: Level, facts: Readonly<Record<string, unknown>> = {}): Log {
  const destination = pino.destination({ fd: 1, sync: false, maxLength: BUFFER_BYTES_MAX });
  // A closed pipe is no reason to stop taking records.
  destination.on('error', () => undefined);
  const logger: Logger = pino({ level, base: facts, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    write: (at, fields, message) => logger[at](fields, message),
    flush() {
      try {
        destination.flushSync();
      } catch {
        // Nothing was ever written, or nobody reads any more.
      }
    },
  };
}
