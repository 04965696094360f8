/**
 * Brings this gateway's accounts into Postgres, where they are read: those that have changed, every `flushMs`, and once
 * more at the end. When Postgres is away they wait; nothing is lost, since the accounts themselves are kept elsewhere.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../store/connect.ts';
import type { Account, Ledger } from './ledger.ts';

export interface LedgerWriterValues {
  readonly flushMs: number;
  /** For people; the node's id is the ledger's. */
  readonly nodeName: string;
}

export interface LedgerWriterDeps {
  readonly ledger: Pick<Ledger, 'nodeId' | 'takeChanged' | 'putBack'>;
  readonly sql: Sql;
  readonly log: (level: 'warn', fields: object, message: string) => void;
}

/** So many clients in one statement. */
const ROWS_MAX = 1000;
const CLOSE_MS_MAX = 1000;

export function startLedgerWriter(
  values: LedgerWriterValues,
  deps: LedgerWriterDeps,
): { close(): Promise<void> } {
  const { ledger, sql, log } = deps;
  let flushing: Promise<void> | null = null;

  async function flush(): Promise<void> {
    const changed = [...ledger.takeChanged()];
    for (let from = 0; from < changed.length; from += ROWS_MAX) {
      const rows = changed.slice(from, from + ROWS_MAX);
      try {
        await writeAccounts(sql, ledger.nodeId, values.nodeName, rows);
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        log('warn', { cause, clients: rows.length }, "clients' accounts cannot be written yet");
        ledger.putBack(changed.slice(from).map(([clientId]) => clientId));
        return;
      }
    }
  }

  const timer = setInterval(() => {
    flushing ??= flush().finally(() => (flushing = null));
  }, values.flushMs);
  timer.unref();
  return {
    async close() {
      clearInterval(timer);
      const last = (flushing ?? Promise.resolve()).then(flush);
      await Promise.race([last, sleep(CLOSE_MS_MAX, undefined, { ref: false })]);
    },
  };
}

async function writeAccounts(
  sql: Sql,
  nodeId: string,
  nodeName: string,
  rows: readonly (readonly [string, Account])[],
): Promise<void> {
  const column = (name: keyof Account): number[] => rows.map(([, account]) => account[name]);
  await sql`
    INSERT INTO client_ledgers (client_id, node_id, node_name, received, stored, duplicate, quarantined, rejected,
                                skipped, waiting)
    SELECT id, ${nodeId}::uuid, ${nodeName}, received, stored, duplicate, quarantined, rejected, skipped, waiting
    FROM unnest(
      ${rows.map(([clientId]) => clientId)}::uuid[], ${column('received')}::bigint[], ${column('stored')}::bigint[],
      ${column('duplicate')}::bigint[], ${column('quarantined')}::bigint[], ${column('rejected')}::bigint[],
      ${column('skipped')}::bigint[], ${column('waiting')}::bigint[]
    ) AS a (id, received, stored, duplicate, quarantined, rejected, skipped, waiting)
    ON CONFLICT (client_id, node_id) DO UPDATE SET
      node_name = excluded.node_name, received = excluded.received, stored = excluded.stored,
      duplicate = excluded.duplicate, quarantined = excluded.quarantined, rejected = excluded.rejected,
      skipped = excluded.skipped, waiting = excluded.waiting, written_at = now()`;
}
