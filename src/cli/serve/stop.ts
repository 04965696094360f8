/** How a serving process ends: once, in order, and in time. */
import type { Config } from '../../config.ts';
import type { Log } from '../../telemetry/log.ts';

export interface Stop {
  hasBegun(): boolean;
  /** What was added last is stopped first. One that gives a number gives an exit code, and the worst of all counts. */
  add(part: () => Promise<number | void>): void;
  /** Stops all parts and ends the process. A second call ends it at once. */
  run(exitCode: number): Promise<void>;
}

/** What a stop may take beyond its own time, to close connections and the embedded Postgres. */
export const GRACE_MS = 10_000;

export function createStop(config: Config, log: Log, graceMs = GRACE_MS): Stop {
  const parts: (() => Promise<number | void>)[] = [];
  let hasBegun = false;
  return {
    hasBegun: () => hasBegun,
    add: (part) => void parts.push(part),
    async run(exitCode) {
      if (hasBegun) {
        log.flush();
        process.exit(exitCode === 0 ? 130 : exitCode);
      }
      hasBegun = true;
      // A part that cannot be stopped must not keep the process alive for ever.
      setTimeout(() => process.exit(exitCode), config.stopDelayMs + config.stopTimeoutMs + graceMs).unref();
      let worstCode = exitCode;
      for (const part of parts.toReversed()) worstCode = Math.max(worstCode, (await part()) ?? 0);
      log.write('info', {}, 'stopped');
      log.flush();
      process.exit(worstCode);
    },
  };
}
