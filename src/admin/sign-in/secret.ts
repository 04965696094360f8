/** The instance's secret, and the keys derived from it: one for each purpose, so that none can stand for another. */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Sql } from '../../store/connect.ts';

export interface Secrets {
  /** Signs session cookies. */
  readonly sessionKey: Uint8Array;
  /** 32 bytes for a token, the same for the same text. */
  deriveToken(text: string): Buffer;
}

const NAME = 'instance';
const KEY_BYTES = 32;

/** `configured`: SLUICE_SECRET. Null: the one in Postgres, made by the first gateway that looks. */
export async function loadSecrets(sql: Sql, configured: string | null): Promise<Secrets> {
  const secret = configured ?? (await ensureSecret(sql));
  const tokenKey = deriveKey(secret, 'sluice token');
  return {
    sessionKey: deriveKey(secret, 'sluice session'),
    deriveToken: (text) => createHmac('sha256', tokenKey).update(text).digest(),
  };
}

async function ensureSecret(sql: Sql): Promise<string> {
  const made = randomBytes(KEY_BYTES).toString('base64url');
  await sql`INSERT INTO instance_secrets (name, value) VALUES (${NAME}, ${made}) ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ value: string }[]>`SELECT value FROM instance_secrets WHERE name = ${NAME}`;
  if (row === undefined) throw new Error('the instance secret is gone between two statements');
  return row.value;
}

function deriveKey(secret: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', purpose, KEY_BYTES));
}
