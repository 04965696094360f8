/**
 * GitHub's word: a report of its secret scanning is signed (ECDSA P-256, SHA-256 over the raw body) with a key that
 * it publishes. Keys are kept for an hour; an unknown key id makes them be read again, at most once a minute, so that
 * a stranger's ids cannot make this gateway knock at GitHub's door.
 */
import { createVerify } from 'node:crypto';
import { z } from 'zod';

export interface GithubKeys {
  verify(body: Buffer, keyId: string, signature: string): Promise<'valid' | 'invalid' | 'unavailable'>;
}

const keyList = z.object({
  public_keys: z.array(z.object({ key_identifier: z.string(), key: z.string() })),
});
const KEEP_MS = 3_600_000;
const AGAIN_MS = 60_000;
const FETCH_MS_MAX = 5000;

export function createGithubKeys(url: string, now: () => number = () => performance.now()): GithubKeys {
  let keys: ReadonlyMap<string, string> | null = null;
  let readAtMs = -Infinity;
  let triedAtMs = -Infinity;

  async function refresh(): Promise<void> {
    triedAtMs = now();
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS_MAX) });
    if (!response.ok) throw new Error(`the keys cannot be read: ${response.status}`);
    const list = keyList.parse(await response.json());
    keys = new Map(list.public_keys.map((entry) => [entry.key_identifier, entry.key]));
    readAtMs = now();
  }

  return {
    async verify(body, keyId, signature) {
      if (keyId === '' || signature === '') return 'invalid';
      const isDue = now() - readAtMs > KEEP_MS || keys?.has(keyId) !== true;
      if (isDue && now() - triedAtMs > AGAIN_MS) {
        try {
          await refresh();
        } catch {
          if (keys === null) return 'unavailable';
        }
      }
      if (keys === null) return 'unavailable';
      const key = keys.get(keyId);
      if (key === undefined) return 'invalid';
      return isSigned(body, key, signature) ? 'valid' : 'invalid';
    },
  };
}

function isSigned(body: Buffer, key: string, signature: string): boolean {
  try {
    return createVerify('SHA256').update(body).verify(key, signature, 'base64');
  } catch {
    return false;
  }
}
