/**
 * New tokens. With an Idempotency-Key a request that is sent again, because its answer was lost, gets the same token:
 * not from a table, but computed again from the key, which only the sender has, a salt, and the instance's secret.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createToken, hashToken } from '../../grants/token.ts';
import type { Transaction } from '../../store/connect.ts';
import type { Request } from '../../http/request.ts';
import type { Author } from '../actor.ts';
import type { Change } from '../change.ts';
import { isRefusal, refuse, type Refusal } from '../refusal.ts';
import { findClient, type ClientRow, type Owner } from './client.ts';
import type { Secrets } from '../sign-in/secret.ts';

/** A client with the token that it just got, or got by an earlier request with the same key. */
export interface Issued {
  readonly client: ClientRow;
  readonly token: string;
}

const REPLACED = refuse(
  'conflict',
  'The token made with this Idempotency-Key has been replaced since, or its client is gone. Take a new key.',
);

/** `give` makes the client, or changes it, so that it has the token; not called for a repeated request. */
export async function issueToken(
  change: Change,
  secrets: Secrets,
  call: IssueCall,
  owner: Owner,
  give: (token: string) => Promise<ClientRow>,
): Promise<Issued | Refusal> {
  const { actor } = call.author;
  const { method, path, body, headers } = call.request;
  const taken = await takeToken(change.tx, secrets, {
    actorId: 'id' in actor ? actor.id : NOBODY,
    idempotencyKey: headers.idempotencyKey,
    wanted: `${method} ${path} ${body?.toString('utf8') ?? ''}`,
  });
  if (isRefusal(taken)) return taken;
  if (taken.kind === 'repeated') {
    const client = await findClient(change.tx, owner, taken.clientId);
    if (client === null || hashToken(taken.token) !== client.secret_hash) return REPLACED;
    return { client, token: taken.token };
  }
  const client = await give(taken.token);
  await taken.remember(client.id);
  return { client, token: taken.token };
}

export interface IssueCall {
  readonly author: Author;
  readonly request: Request;
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

interface TokenRequest {
  readonly actorId: string;
  /** '' = none. */
  readonly idempotencyKey: string;
  /** What was asked for: the same key may not be used for anything else. */
  readonly wanted: string;
}

/** A client that was made, or got its token, by an earlier request with the same key. */
interface Repeated {
  readonly kind: 'repeated';
  readonly clientId: string;
  readonly token: string;
}

interface Fresh {
  readonly kind: 'fresh';
  readonly token: string;
  /** Call once the client has the token. */
  remember(clientId: string): Promise<void>;
}

const KEY = /^[\x21-\x7e]{1,255}$/;
/** How long a key is remembered. */
export const KEY_HOURS = 24;
const RANDOM_BYTES = 32;
const SALT_BYTES = 16;

async function takeToken(
  tx: Transaction,
  secrets: Secrets,
  request: TokenRequest,
): Promise<Repeated | Fresh | Refusal> {
  const { actorId, idempotencyKey: key, wanted } = request;
  if (key === '')
    return { kind: 'fresh', token: createToken(randomBytes(RANDOM_BYTES)), remember: async () => undefined };
  if (!KEY.test(key))
    return refuse(
      'header_invalid',
      'Idempotency-Key must be 1 to 255 printable ASCII characters.',
      'Idempotency-Key',
    );
  const keyHash = digest(key);
  const requestHash = digest(wanted);
  // Two requests with one key at the same time: the second waits for the first.
  await tx`SELECT pg_advisory_xact_lock(hashtextextended(${`${actorId} ${keyHash}`}, 0))`;
  const [earlier] = await tx<{ request_hash: string; api_client_id: string; salt: string }[]>`
    SELECT request_hash, api_client_id, salt FROM idempotent_tokens
    WHERE actor_id = ${actorId} AND key_hash = ${keyHash}
      AND created_at > now() - make_interval(hours => ${KEY_HOURS})`;
  const derive = (salt: string): string => createToken(secrets.deriveToken([actorId, key, salt].join('\n')));
  if (earlier !== undefined) {
    if (earlier.request_hash !== requestHash)
      return refuse('key_reused', 'This Idempotency-Key was used for another request. Take a new key.');
    return { kind: 'repeated', clientId: earlier.api_client_id, token: derive(earlier.salt) };
  }
  const salt = randomBytes(SALT_BYTES).toString('hex');
  return {
    kind: 'fresh',
    token: derive(salt),
    async remember(clientId) {
      await tx`
        INSERT INTO idempotent_tokens (actor_id, key_hash, request_hash, api_client_id, salt)
        VALUES (${actorId}, ${keyHash}, ${requestHash}, ${clientId}, ${salt})
        ON CONFLICT (actor_id, key_hash) DO UPDATE
        SET request_hash = excluded.request_hash, api_client_id = excluded.api_client_id, salt = excluded.salt,
            created_at = now()`;
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
