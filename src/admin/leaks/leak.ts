/**
 * Tokens found in the wild. Whoever has one may end it: nothing else is asked for, and nothing is told, not even
 * whether it was one of ours.
 */
import { hashToken, isPossibleToken } from '../../grants/token.ts';
import type { Sql } from '../../store/connect.ts';
import type { Author } from '../actor.ts';
import { revokeClient } from '../clients/change.ts';
import { findClient, ownerOf, tokenHashesOf } from '../clients/client.ts';
import type { MakeChange } from '../change.ts';

interface Found {
  readonly id: string;
  readonly hash: string;
  readonly user_id: string | null;
  readonly tenant_id: string | null;
  readonly organization_id: string | null;
}

/** Hashes of those among `tokens` that are some client's; the clients are revoked, each in its own transaction. */
export async function revokeLeaked(
  sql: Sql,
  makeChange: MakeChange,
  author: Author,
  tokens: readonly string[],
): Promise<ReadonlySet<string>> {
  const hashes = tokens.filter((token) => isPossibleToken(token)).map((token) => hashToken(token));
  const found = await sql<Found[]>`
    SELECT c.id, c.user_id, c.tenant_id, c.organization_id, leaked.hash
    FROM unnest(${hashes}::text[]) AS leaked (hash)
    JOIN api_clients c ON c.secret_hash = leaked.hash
      OR c.previous_secret_hash = leaked.hash AND c.previous_expires_at > now()`;
  const revoked = new Set<string>();
  for (const client of found) {
    await makeChange(author, async (change) => {
      const owner = ownerOf(client);
      const before = await findClient(change.tx, owner, client.id, true);
      // Rolled meanwhile: the token found is dead already, and the new one is somebody else's.
      if (before !== null && tokenHashesOf(before).includes(client.hash))
        await revokeClient(change, owner, before);
    });
    revoked.add(client.hash);
  }
  return revoked;
}
