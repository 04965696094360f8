/**
 * Who has to wait: a client over its limits, and an address that keeps sending tokens that nobody knows. Decided before
 * a body is read, in memory, without a question to anybody.
 *
 * Only a token that has to be looked up counts as a failure, so a sender whose token was good a moment ago goes on being
 * told 401; and a good token in memory is let in from whatever address.
 */
import { LRUCache } from 'lru-cache';
import type { Grant } from '../grants/grant.ts';
import {
  charge,
  findExcess,
  isUnlimited,
  rateOf,
  type Excess,
  type Limits,
  type Measure,
} from '../grants/limit.ts';
import { truncateAddress } from '../http/address.ts';
import { refuse, type Refusal } from './verdict.ts';

export interface LimiterValues {
  /** For clients that have none of their own. */
  readonly clientLimits: Limits;
  /** Look-ups of unknown tokens that one address may cause in a minute. 0 = any number. */
  readonly unknownTokensPerMinute: number;
}

export interface Limiter {
  /** Null: come in. */
  judge(grant: Grant): Refusal | null;
  charge(grant: Grant, measure: Measure, units: number): void;
  /** Null: its token may be looked up. */
  judgeAddress(address: string): Refusal | null;
  countUnknown(address: string): void;
  stats(): { readonly limited: number; readonly blocked: number };
}

/** Each some 100 bytes. The address that was quiet longest is forgotten first. */
const ADDRESSES_MAX = 50_000;
const MINUTE_MS = 60_000;

/** `now`: monotonic, in ms. */
export function createLimiter(values: LimiterValues, now: () => number = () => performance.now()): Limiter {
  const { clientLimits, unknownTokensPerMinute } = values;
  /** As in a meter: until when its unknown tokens would have come at an even rate. */
  const addresses = new LRUCache<string, number>({ max: ADDRESSES_MAX });
  const intervalMs = MINUTE_MS / Math.max(1, unknownTokensPerMinute);
  let limited = 0;
  let blocked = 0;

  return {
    judge(grant) {
      const limits = grant.limits ?? clientLimits;
      if (isUnlimited(limits)) return null;
      const excess = findExcess(limits, grant.meter, now());
      if (excess === null) return null;
      limited++;
      return refuseExcess(excess);
    },
    charge(grant, measure, units) {
      const limits = grant.limits ?? clientLimits;
      if (rateOf(limits, measure) !== null) charge(limits, grant.meter, measure, units, now());
    },
    judgeAddress(address) {
      if (unknownTokensPerMinute === 0) return null;
      const waitMs = (addresses.get(nameSender(address)) ?? 0) - now() - MINUTE_MS + intervalMs;
      if (waitMs <= 0) return null;
      blocked++;
      return {
        ...refuse(
          'too_many_unknown_tokens',
          `Your address has sent more than ${unknownTokensPerMinute} unknown tokens within a minute.`,
        ),
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      };
    },
    countUnknown(address) {
      if (unknownTokensPerMinute === 0) return;
      const sender = nameSender(address);
      addresses.set(sender, Math.max(addresses.get(sender) ?? 0, now()) + intervalMs);
    },
    stats: () => ({ limited, blocked }),
  };
}

/** Who has an address of IPv6 has more of them than can be counted: there it is the network (/48). */
function nameSender(address: string): string {
  return address.includes(':') ? truncateAddress(address) : address;
}

/** The fields of draft-ietf-httpapi-ratelimit-headers-10: quota and window, what is left, and when it is more. */
function refuseExcess({ measure, perSecond, burstSeconds, waitMs }: Excess): Refusal {
  const seconds = Math.ceil(waitMs / 1000);
  const quota = Math.floor(perSecond * burstSeconds);
  return {
    ...refuse(
      'rate_limited',
      `The client may send ${perSecond} ${measure} per second, ${quota} at once. Try again in ${seconds} s.`,
    ),
    retryAfterSeconds: seconds,
    headers: [
      ['RateLimit-Policy', `"${measure}";q=${quota};w=${burstSeconds}`],
      ['RateLimit', `"${measure}";r=0;t=${seconds}`],
    ],
  };
}
