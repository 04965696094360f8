/**
 * Second tier: grants in Redis, shared by all gateways. Versioned: an entry never replaces a newer one, and a
 * revocation leaves a tombstone instead of a gap, so that a slow reader can never fill a revoked grant back in.
 *
 * When Redis is down, slow or frozen: every command gives up after `timeoutMs`, after a few failures none is tried
 * for a second, and the answer comes from Postgres: slower, never wrong.
 */
import { Redis } from 'ioredis';
import type { Grant, SiteRole } from './grant.ts';

export interface RedisTier {
  /** Null: not there, or Redis did not answer. Believe it only if its version is not below the least known. */
  read(tokenHash: string): Promise<Grant | null>;
  fill(grant: Grant): void;
  revoke(tokenHash: string, version: number): void;
  stats(): { readonly failures: number; readonly isOpen: boolean };
  close(): Promise<void>;
}

export interface RedisValues {
  readonly url: string;
  readonly timeoutMs: number;
}

export interface RedisDeps {
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
}

const PREFIX = 'sluice:grant:';
const ENTRY_MS = 10 * 60_000;
/** Outlives every entry that a slow reader could still be about to write. */
const TOMBSTONE_MS = 15 * 60_000;
const FAILURES_MAX = 5;
const REST_MS = 1000;

/** KEYS: entry. ARGV: version, value, lifetime in ms. A value is '<version>:<json>', a tombstone '<version>:'. */
const WRITE_UNLESS_NEWER = `
local current = redis.call('GET', KEYS[1])
if current then
  local version = tonumber(string.match(current, '^(%d+):'))
  local isTombstone = string.match(current, ':$') ~= nil
  local mine = tonumber(ARGV[1])
  if version > mine or (version == mine and not isTombstone) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

export function createRedisTier(values: RedisValues, deps: RedisDeps): RedisTier {
  const redis = new Redis(values.url, {
    commandTimeout: values.timeoutMs,
    connectTimeout: 1000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(1000, attempt * 50),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    connectionName: 'sluice',
  });
  let failures = 0;
  let restUntilMs = 0;
  let isOpen = false;
  redis.on('ready', () => {
    isOpen = true;
    restUntilMs = 0;
    failures = 0;
    deps.log('info', {}, 'Redis answers');
  });
  redis.on('close', () => {
    if (isOpen) deps.log('warn', {}, 'Redis is gone; grants come from Postgres');
    isOpen = false;
  });
  // Without a listener the library prints, and may end the process.
  redis.on('error', () => undefined);

  function isResting(): boolean {
    return !isOpen || performance.now() < restUntilMs;
  }

  async function run<T>(command: () => Promise<T>): Promise<T | null> {
    if (isResting()) return null;
    try {
      const answer = await command();
      failures = 0;
      return answer;
    } catch {
      if (++failures >= FAILURES_MAX) restUntilMs = performance.now() + REST_MS;
      return null;
    }
  }

  function write(tokenHash: string, version: number, payload: string, lifetimeMs: number): void {
    void run(() =>
      redis.eval(WRITE_UNLESS_NEWER, 1, PREFIX + tokenHash, version, `${version}:${payload}`, lifetimeMs),
    );
  }

  return {
    async read(tokenHash) {
      const value = await run(() => redis.get(PREFIX + tokenHash));
      return value === null ? null : parseGrant(tokenHash, value);
    },
    fill: (grant) => write(grant.tokenHash, grant.version, printGrant(grant), ENTRY_MS),
    revoke: (tokenHash, version) => write(tokenHash, version, '', TOMBSTONE_MS),
    stats: () => ({ failures, isOpen }),
    async close() {
      redis.disconnect();
    },
  };
}

interface StoredGrant {
  readonly clientId: string;
  readonly expiresAtMs: number | null;
  readonly siteRoles: readonly (readonly [string, SiteRole])[];
}

function printGrant(grant: Grant): string {
  const stored: StoredGrant = {
    clientId: grant.clientId,
    expiresAtMs: grant.expiresAtMs === Infinity ? null : grant.expiresAtMs,
    siteRoles: [...grant.siteRoles],
  };
  return JSON.stringify(stored);
}

/** Null for a tombstone. */
function parseGrant(tokenHash: string, value: string): Grant | null {
  const colon = value.indexOf(':');
  if (colon === value.length - 1) return null;
  const stored = JSON.parse(value.slice(colon + 1)) as StoredGrant;
  return {
    clientId: stored.clientId,
    tokenHash,
    version: Number(value.slice(0, colon)),
    expiresAtMs: stored.expiresAtMs ?? Infinity,
    siteRoles: new Map(stored.siteRoles),
    isRevoked: false,
  };
}
