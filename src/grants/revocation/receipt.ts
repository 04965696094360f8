/**
 * Which gateways have applied a revocation. Each gateway keeps one row that says how far it has applied the log:
 * written as soon as it has moved on, and every 5 s as a sign of life.
 *
 * Names are unique among running gateways: one that starts takes the place of what had its name before.
 * A gateway that cannot reach Postgres cannot say that it has applied anything: it stays among the pending ones,
 * although Redis may well have told it. After a minute without a sign of life it is left out: by then it answers
 * nothing but 503, or is gone.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../../store/connect.ts';
import { awaitWithin } from '../lookup/gate.ts';

export interface Receipt {
  readonly sequence: number;
  /** Names of the gateways that refuse what was revoked. */
  readonly applied_by: readonly string[];
  /** Those that have not said so yet. */
  readonly pending: readonly { readonly node: string; readonly last_seen_at: string }[];
  /** No gateway takes the revoked token for longer than this after the revocation was committed, whatever happens. */
  readonly bound_ms: number;
}

export interface Receipts {
  /** The log has been applied further: say so. */
  advance(): void;
  /** Waits until no gateway is pending, for `waitMs` at most. Throws when Postgres does not answer. */
  read(sequence: number, waitMs: number): Promise<Receipt>;
  close(): Promise<void>;
}

export interface ReceiptValues {
  readonly nodeName: string;
  readonly boundMs: number;
}

export interface ReceiptDeps {
  readonly sql: Sql;
  readonly lastSequence: () => number | null;
}

const BEAT_MS = 5000;
const LIVE_SECONDS = 60;
const LOOK_AGAIN_MS = 10;
const CLOSE_MS_MAX = 500;

export function startReceipts(values: ReceiptValues, deps: ReceiptDeps): Receipts {
  const { sql, lastSequence } = deps;
  const id = randomUUID();
  let reporting: Promise<void> | null = null;
  let isReportedAgain = false;
  let isFirst = true;
  let isClosed = false;

  /** One at a time; an advance during a report makes one more after it. */
  function report(): void {
    isReportedAgain = true;
    reporting ??= reportWhileAdvancing().finally(() => (reporting = null));
  }

  async function reportWhileAdvancing(): Promise<void> {
    while (isReportedAgain && !isClosed) {
      isReportedAgain = false;
      const sequence = lastSequence();
      if (sequence === null) return;
      try {
        // What had this name before was killed, or it would have taken its row along.
        if (isFirst) await sql`DELETE FROM gateway_nodes WHERE name = ${values.nodeName}`;
        isFirst = false;
        await sql`
          INSERT INTO gateway_nodes (id, name, applied_sequence, seen_at)
          VALUES (${id}, ${values.nodeName}, ${sequence}, now())
          ON CONFLICT (id) DO UPDATE SET applied_sequence = excluded.applied_sequence, seen_at = now()`;
      } catch {
        // Postgres is away: the next beat says it.
      }
    }
  }

  async function look(sequence: number): Promise<Receipt> {
    const nodes = await sql<{ name: string; is_applied: boolean; seen_at: Date }[]>`
      SELECT name, applied_sequence >= ${sequence} AS is_applied, seen_at FROM gateway_nodes
      WHERE seen_at > now() - make_interval(secs => ${LIVE_SECONDS}) ORDER BY name, id`;
    return {
      sequence,
      applied_by: nodes.filter((node) => node.is_applied).map((node) => node.name),
      pending: nodes
        .filter((node) => !node.is_applied)
        .map((node) => ({ node: node.name, last_seen_at: node.seen_at.toISOString() })),
      bound_ms: values.boundMs,
    };
  }

  report();
  const timer = setInterval(report, BEAT_MS);
  timer.unref();
  return {
    advance: report,
    async read(sequence, waitMs) {
      const deadline = performance.now() + waitMs;
      for (;;) {
        const receipt = await look(sequence);
        if (receipt.pending.length === 0 || performance.now() >= deadline) return receipt;
        await sleep(LOOK_AGAIN_MS);
      }
    },
    async close() {
      isClosed = true;
      clearInterval(timer);
      const leave = async (): Promise<void> => {
        await reporting;
        await sql`DELETE FROM gateway_nodes WHERE id = ${id}`;
      };
      await awaitWithin(CLOSE_MS_MAX, leave()).catch(() => undefined);
    },
  };
}
