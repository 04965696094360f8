/** The receipt of a revocation that was just committed. */
import type { News } from '../../grants/revocation/publish.ts';
import type { Receipt } from '../../grants/revocation/receipt.ts';
import type { Sql } from '../../store/connect.ts';

/** Without its lists: committed, and who has applied it could not be found out. */
export type Receipted = Receipt | Pick<Receipt, 'sequence' | 'bound_ms'>;

export type ReadReceipt = (news: News | null) => Promise<Receipted>;

/** How long an answer waits for the other gateways to say that they have applied it. */
const WAIT_MS = 300;

/** `news` null: nothing new was published (a repeated request); the receipt then covers all that is in the log. */
export function createReceiptReader(
  sql: Sql,
  boundMs: number,
  read: (sequence: number, waitMs: number) => Promise<Receipt>,
): ReadReceipt {
  return async (news) => {
    let sequence = news?.to ?? 0;
    try {
      if (news === null) sequence = await readEnd(sql);
      return await read(sequence, WAIT_MS);
    } catch {
      // The change is committed: its answer must not be an error.
      return { sequence, bound_ms: boundMs };
    }
  };
}

async function readEnd(sql: Sql): Promise<number> {
  const [end] = await sql<{ sequence: number }[]>`
    SELECT coalesce(max(seq), 0)::float8 AS sequence FROM revocation_log`;
  return end?.sequence ?? 0;
}
