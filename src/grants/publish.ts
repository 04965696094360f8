/** Announces, inside the transaction that makes the change, that something believed until now no longer holds. */
import type { Transaction } from '../store/connect.ts';

export interface Revocation {
  readonly kind: 'client' | 'site';
  /** client: the hash of its token; site: its domain. */
  readonly subject: string;
  readonly version: number;
}

export const REVOCATION_CHANNEL = 'sluice_revocation';

/** 'revo' as a 32-bit number. */
const REVOCATION_LOCK = 0x7265766f;

/**
 * The lock is held until the commit: it makes the order of sequence numbers the order of commits. Without it a
 * gateway could read 8 while 7 is not committed yet, and never look back.
 */
export async function publishRevocation(tx: Transaction, revocation: Revocation): Promise<void> {
  await tx`SELECT pg_advisory_xact_lock(${REVOCATION_LOCK})`;
  await tx`
    INSERT INTO revocation_log (kind, subject, version)
    VALUES (${revocation.kind}, ${revocation.subject}, ${revocation.version})`;
  await tx`SELECT pg_notify(${REVOCATION_CHANNEL}, '')`;
}
