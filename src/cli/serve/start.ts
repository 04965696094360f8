/** What both ways to serve have in common: one process, or several. */
import type { Config } from '../../config.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Stop } from './stop.ts';

/** Where it listens: this process, or those that it supervises. */
export interface Ports {
  readonly port: number;
  /** Null: on the same port, or nowhere. */
  readonly adminPort: number | null;
}

/** Throws a sentence when it cannot be done; nothing is left running then. What is started, `stop` is told how to end. */
export type Start = (config: Config, databaseUrl: string, log: Log, stop: Stop) => Promise<Ports>;
