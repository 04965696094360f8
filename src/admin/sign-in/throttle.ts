/**
 * How often somebody may try: by address, by account, and by both. The account's limit is loose, so that a stranger
 * cannot lock a user out by guessing; the limit of one address on one account is tight. Counted in this process;
 * addresses are counted by network (/24, /48).
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { truncateAddress } from '../../http/address.ts';
import { refuse, type Refusal } from '../refusal.ts';

export interface Throttle {
  /** Null: go on. Counts the attempt. */
  take(address: string, account: string): Promise<Refusal | null>;
  /** A success takes the account's failures back. */
  forgive(address: string, account: string): Promise<void>;
}

export interface Limit {
  readonly points: number;
  readonly seconds: number;
}

export interface ThrottleValues {
  readonly perAddress: Limit;
  readonly perAccount: Limit;
  readonly perBoth: Limit;
}

export const SIGN_IN_LIMITS: ThrottleValues = {
  perAddress: { points: 60, seconds: 300 },
  perAccount: { points: 50, seconds: 900 },
  perBoth: { points: 5, seconds: 300 },
};

export function createThrottle(values: ThrottleValues): Throttle {
  const byAddress = createLimiter(values.perAddress);
  const byAccount = createLimiter(values.perAccount);
  const byBoth = createLimiter(values.perBoth);

  return {
    async take(address, account) {
      const network = truncateAddress(address);
      // An address that may not try any more makes no further keys: that bounds the memory of this.
      let waitMs = await consume(byAddress, network);
      if (waitMs === 0) {
        waitMs = Math.max(await consume(byAccount, account), await consume(byBoth, `${network} ${account}`));
      }
      if (waitMs === 0) return null;
      const seconds = Math.ceil(waitMs / 1000);
      return {
        ...refuse('too_many_requests', `Too many attempts. Try again in ${seconds} s.`),
        retryAfterSeconds: seconds,
      };
    },
    async forgive(address, account) {
      await byBoth.delete(`${truncateAddress(address)} ${account}`);
      await byAccount.delete(account);
    },
  };
}

function createLimiter({ points, seconds }: Limit): RateLimiterMemory {
  return new RateLimiterMemory({ points, duration: seconds });
}

/** How long to wait; 0: not at all. */
async function consume(limiter: RateLimiterMemory, key: string): Promise<number> {
  try {
    await limiter.consume(key);
    return 0;
  } catch (error) {
    if (error instanceof RateLimiterRes) return Math.max(1, error.msBeforeNext);
    throw error;
  }
}
