/** Announces, inside the transaction that makes the change, that something believed until now no longer holds. */
import type { Transaction } from '../../store/connect.ts';

export interface Revocation {
  readonly kind: 'client' | 'site';
  /** client: the hash of its token; site: its domain. */
  readonly subject: string;
  /** client: its version after the change; nothing below it is believed any more. site: without meaning. */
  readonly version: number;
}

export interface LoggedRevocation extends Revocation {
  readonly sequence: number;
  /** When its transaction began, by the database's clock, in ms since 1970. */
  readonly loggedAtMs: number;
}

/** A stretch of the revocation log without a gap: all that was logged after `from`, up to `to`. */
export interface News {
  readonly from: number;
  readonly to: number;
  readonly revocations: readonly LoggedRevocation[];
}

export const REVOCATION_CHANNEL = 'sluice_revocation';

/** 'revo' as a 32-bit number. */
const REVOCATION_LOCK = 0x7265766f;

/**
 * The last step of its transaction: the lock is held until the commit, which makes the order of sequence numbers the
 * order of commits. Without it a gateway could read 8 while 7 is not committed yet, and never look back. What it
 * returns may be told to gateways once the transaction is committed, and not before.
 */
export async function publishRevocation(
  tx: Transaction,
  ...revocations: readonly Revocation[]
): Promise<News> {
  await tx`SELECT pg_advisory_xact_lock(${REVOCATION_LOCK})`;
  const [before] = await tx<{ sequence: number }[]>`
    SELECT coalesce(max(seq), 0)::float8 AS sequence FROM revocation_log`;
  const logged = await tx<LoggedRevocation[]>`
    INSERT INTO revocation_log (kind, subject, version)
    SELECT kind, subject, version FROM unnest(
      ${revocations.map(({ kind }) => kind)}::text[],
      ${revocations.map(({ subject }) => subject)}::text[],
      ${revocations.map(({ version }) => version)}::bigint[]
    ) WITH ORDINALITY AS news (kind, subject, version, place)
    ORDER BY place
    RETURNING kind, subject, version::float8, seq::float8 AS sequence,
              (extract(epoch FROM created_at) * 1000)::float8 AS "loggedAtMs"`;
  await tx`SELECT pg_notify(${REVOCATION_CHANNEL}, '')`;
  const from = before?.sequence ?? 0;
  return { from, to: logged.at(-1)?.sequence ?? from, revocations: [...logged] };
}
