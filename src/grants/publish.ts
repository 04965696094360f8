/** Announces, inside the transaction that makes the change, that something believed until now no longer holds. */
import type { Transaction } from '../store/connect.ts';

export interface Revocation {
  readonly kind: 'client' | 'site';
  /** client: the hash of its token; site: its domain. */
  readonly subject: string;
  /** client: its version after the change; nothing below it is believed any more. site: without meaning. */
  readonly version: number;
}

export const REVOCATION_CHANNEL = 'sluice_revocation';

/** 'revo' as a 32-bit number. */
const REVOCATION_LOCK = 0x7265766f;

/**
 * The last step of its transaction: the lock is held until the commit, which makes the order of sequence numbers the
 * order of commits. Without it a gateway could read 8 while 7 is not committed yet, and never look back.
 */
export async function publishRevocation(
  tx: Transaction,
  ...revocations: readonly Revocation[]
): Promise<void> {
  await tx`SELECT pg_advisory_xact_lock(${REVOCATION_LOCK})`;
  for (const { kind, subject, version } of revocations) {
    await tx`INSERT INTO revocation_log (kind, subject, version) VALUES (${kind}, ${subject}, ${version})`;
  }
  await tx`SELECT pg_notify(${REVOCATION_CHANNEL}, '')`;
}
