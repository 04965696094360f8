/**
 * Passwords: argon2id with OWASP's least parameters (19 MiB, 2 passes, 1 lane), computed outside of the event loop.
 * No more than two at once, and a bounded number waiting: guessing costs memory, and must not cost the gateway's.
 */
import argon2 from 'argon2';
import { createPlaces } from '../../http/places.ts';

export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * Takes the same time whether there is a hash or not: an unknown user must not be told from a known one.
   * 'busy': too many are being checked.
   */
  verify(hash: string | null, password: string): Promise<'right' | 'wrong' | 'busy'>;
}

export const PASSWORD_LENGTH_MIN = 12;
export const PASSWORD_LENGTH_MAX = 200;

const PARAMETERS = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const RUNNING_MAX = 2;
const WAITING_MAX = 16;

/** Argon2id as this release reads it; anything else cannot be checked. */
export function isPasswordHash(text: string): boolean {
  return text.startsWith('$argon2id$');
}

export async function createPasswords(): Promise<Passwords> {
  /** Of nobody's password: what an unknown user's is compared with. */
  const decoy = await argon2.hash('', PARAMETERS);
  const places = createPlaces(RUNNING_MAX);
  return {
    hash: (password) => argon2.hash(password, PARAMETERS),
    async verify(hash, password) {
      if (places.waiting() >= WAITING_MAX) return 'busy';
      const isRight = await places.run(() => argon2.verify(hash ?? decoy, password));
      return isRight && hash !== null ? 'right' : 'wrong';
    },
  };
}
