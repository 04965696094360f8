/**
 * What each client's requests came to, and when it was last used, from where. Counted in memory, and written for all
 * clients at once every `flushMs`, never per request. What was counted since the last write is lost with a killed
 * process: these are figures for people, not for bills.
 *
 * When Postgres is away the counts wait in memory, one small object per client that was active.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Grant } from '../../grants/grant.ts';
import { truncateAddress } from '../../http/address.ts';
import type { Request } from '../../http/request.ts';
import type { Sql } from '../../store/connect.ts';
import type { BatchOutcome } from '../batch/outcome.ts';
import type { Verdict } from '../verdict.ts';

export interface Usage {
  count(grant: Grant, request: Request, verdict: Verdict): void;
  countBatch(grant: Grant, request: Request, outcome: BatchOutcome): void;
  /** Rows of the client's that were there already, as the store found out. */
  readonly countDuplicates: (clientId: string, rows: number) => void;
  /** Writes the last counts. */
  close(): Promise<void>;
}

export interface UsageDeps {
  readonly sql: Sql;
  readonly log: (level: 'warn', fields: object, message: string) => void;
}

interface Use {
  accepted: number;
  rejected: number;
  duplicate: number;
  /** 0: not used, only duplicates of it were found. */
  lastUsedMs: number;
  address: string;
  userAgent: string;
}

/** So many clients in one statement. */
const ROWS_MAX = 1000;
const USER_AGENT_LENGTH_MAX = 256;
const CLOSE_MS_MAX = 1000;

export function startUsage(values: { readonly flushMs: number }, deps: UsageDeps): Usage {
  const { sql, log } = deps;
  let uses = new Map<string, Use>();
  let flushing: Promise<void> | null = null;

  function useOf(clientId: string): Use {
    const known = uses.get(clientId);
    if (known !== undefined) return known;
    const use: Use = { accepted: 0, rejected: 0, duplicate: 0, lastUsedMs: 0, address: '', userAgent: '' };
    uses.set(clientId, use);
    return use;
  }

  function noteUse(grant: Grant, request: Request): Use {
    const use = useOf(grant.clientId);
    // The address costs a call into the library: once per client and flush is enough.
    if (use.lastUsedMs === 0) {
      use.address = truncateAddress(request.address());
      use.userAgent = request.headers.userAgent;
    }
    use.lastUsedMs = Date.now();
    return use;
  }

  async function flush(): Promise<void> {
    const counted = [...uses];
    uses = new Map();
    for (let from = 0; from < counted.length; from += ROWS_MAX) {
      const rows = counted.slice(from, from + ROWS_MAX);
      try {
        await writeUses(sql, rows);
      } catch (error) {
        const cause = error instanceof Error ? error.message : String(error);
        log('warn', { cause, clients: rows.length }, 'the use of clients cannot be written yet');
        for (const [clientId, use] of rows) giveBack(useOf(clientId), use);
      }
    }
  }

  const timer = setInterval(() => {
    if (uses.size > 0) flushing ??= flush().finally(() => (flushing = null));
  }, values.flushMs);
  timer.unref();
  return {
    count(grant, request, verdict) {
      const use = noteUse(grant, request);
      if (verdict.kind === 'accepted') use.accepted++;
      else if (verdict.kind === 'refused') use.rejected++;
    },
    countBatch(grant, request, outcome) {
      const use = noteUse(grant, request);
      if (outcome.isValidatedOnly) return;
      use.accepted += outcome.accepted;
      use.rejected += outcome.errors.length;
    },
    countDuplicates(clientId, rows) {
      useOf(clientId).duplicate += rows;
    },
    async close() {
      clearInterval(timer);
      // A frozen Postgres must not hold up a stop: the counts are worth less than that.
      const last = (flushing ?? Promise.resolve()).then(flush);
      await Promise.race([last, sleep(CLOSE_MS_MAX, undefined, { ref: false })]);
    },
  };
}

function giveBack(into: Use, use: Use): void {
  into.accepted += use.accepted;
  into.rejected += use.rejected;
  into.duplicate += use.duplicate;
  if (into.lastUsedMs >= use.lastUsedMs) return;
  into.lastUsedMs = use.lastUsedMs;
  into.address = use.address;
  into.userAgent = use.userAgent;
}

/** In the order of ids: two gateways that write the same clients do not wait for each other in a circle. */
async function writeUses(sql: Sql, rows: readonly (readonly [string, Use])[]): Promise<void> {
  const ids = rows.map(([clientId]) => clientId);
  await sql.begin(async (tx) => {
    await tx`
      INSERT INTO api_client_hours (api_client_id, hour, accepted, rejected, duplicate)
      SELECT c.id, date_trunc('hour', now()), u.accepted, u.rejected, u.duplicate
      FROM unnest(
        ${ids}::uuid[], ${rows.map(([, use]) => use.accepted)}::bigint[],
        ${rows.map(([, use]) => use.rejected)}::bigint[], ${rows.map(([, use]) => use.duplicate)}::bigint[]
      ) AS u (id, accepted, rejected, duplicate)
      JOIN api_clients c ON c.id = u.id ORDER BY c.id
      ON CONFLICT (api_client_id, hour) DO UPDATE SET
        accepted = api_client_hours.accepted + excluded.accepted,
        rejected = api_client_hours.rejected + excluded.rejected,
        duplicate = api_client_hours.duplicate + excluded.duplicate`;
    await tx`
      INSERT INTO api_client_use (api_client_id, last_used_at, last_used_ip, last_used_user_agent)
      SELECT c.id, to_timestamp(u.used_ms / 1000), nullif(u.ip, ''), nullif(u.user_agent, '')
      FROM unnest(
        ${ids}::uuid[], ${rows.map(([, use]) => use.lastUsedMs)}::float8[],
        ${rows.map(([, use]) => use.address)}::text[], ${rows.map(([, use]) => printable(use.userAgent))}::text[]
      ) AS u (id, used_ms, ip, user_agent)
      JOIN api_clients c ON c.id = u.id WHERE u.used_ms > 0 ORDER BY c.id
      ON CONFLICT (api_client_id) DO UPDATE SET
        last_used_at = excluded.last_used_at, last_used_ip = excluded.last_used_ip,
        last_used_user_agent = excluded.last_used_user_agent
      WHERE api_client_use.last_used_at < excluded.last_used_at`;
  });
}

function printable(userAgent: string): string {
  return userAgent
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .slice(0, USER_AGENT_LENGTH_MAX)
    .toWellFormed();
}
