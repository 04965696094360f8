/** Throws away what nobody needs any more, every 10 minutes. Several gateways may do it at once: it is idempotent. */
import type { Sql } from '../store/connect.ts';
import { KEY_HOURS } from './clients/token.ts';

export interface Housekeeping {
  /** What is under way goes on, and is not waited for: it may as well be done by another gateway. */
  close(): void;
}

const INTERVAL_MS = 10 * 60_000;
/** Gateways catch up on the revocation log for 10 minutes at most: a week is for people. */
const LOG_DAYS = 7;
const HOURS_DAYS = 90;

export function startHousekeeping(
  sql: Sql,
  log: (level: 'warn', fields: object, message: string) => void,
): Housekeeping {
  let working: Promise<void> | null = null;

  async function tidy(): Promise<void> {
    try {
      await sql`DELETE FROM sessions WHERE expires_at < now()`;
      await sql`DELETE FROM idempotent_tokens WHERE created_at < now() - make_interval(hours => ${KEY_HOURS})`;
      await sql`DELETE FROM gateway_nodes WHERE seen_at < now() - interval '1 hour'`;
      await sql`DELETE FROM api_client_hours WHERE hour < now() - make_interval(days => ${HOURS_DAYS})`;
      // The newest entry stays: an empty log would look like one that lost its end.
      await sql`
        DELETE FROM revocation_log
        WHERE created_at < now() - make_interval(days => ${LOG_DAYS})
          AND seq < (SELECT max(seq) FROM revocation_log)`;
    } catch (error) {
      log('warn', { cause: error instanceof Error ? error.message : String(error) }, 'housekeeping failed');
    }
  }

  const timer = setInterval(() => {
    working ??= tidy().finally(() => (working = null));
  }, INTERVAL_MS);
  timer.unref();
  return {
    close: () => clearInterval(timer),
  };
}
