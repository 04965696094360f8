/**
 * Second tier: grants in Redis, shared by all gateways. An entry never replaces a newer one, and a revocation leaves
 * a tombstone instead of a gap: a slow reader cannot fill a revoked grant back in.
 *
 * Entries carry the sequence number up to which their writer had read the revocation log before it asked Postgres.
 * With it a reader can tell whether all that may have happened since has passed before its own eyes, so that a
 * tombstone that never reached Redis does no harm.
 *
 * When Redis is down, slow or frozen: a command gives up after `timeoutMs`, after 5 failures only one a second is
 * tried, and the answer comes from Postgres: slower, never wrong.
 */
import { Redis } from 'ioredis';
import { z } from 'zod';
import { createMeter } from './limit.ts';
import { readRoles, writeRoles, type Grant } from './grant.ts';

export interface RedisTier {
  /** Null: not there, or Redis did not answer. */
  read(tokenHash: string): Promise<SharedGrant | null>;
  /** Does nothing when something newer is there. */
  fill(grant: Grant, sequence: number): void;
  /** Leaves a tombstone: nothing below `version` can be filled in. */
  revoke(tokenHash: string, version: number, sequence: number): void;
  /** Lost when Redis does not answer. */
  publish(channel: string, text: string): void;
  /** On a connection of its own, made again whenever it is lost. */
  subscribe(channel: string, listener: Listener): Subscription;
  stats(): RedisStats;
  close(): Promise<void>;
}

export interface RedisStats {
  /** In a row. */
  readonly failures: number;
  readonly isConnected: boolean;
}

export interface Listener {
  readonly onMessage: (text: string) => void;
  /** At the start, and after every gap. */
  readonly onSubscribed: () => void;
}

export interface Subscription {
  /** Drops the connection and makes it anew: it is silent. */
  renew(): void;
  close(): void;
}

export interface SharedGrant {
  readonly grant: Grant;
  /** Its reader in Postgres saw at least what the revocation log holds up to here. */
  readonly sequence: number;
}

export interface RedisValues {
  readonly url: string;
  /** Begins every key and channel: instances with a Postgres each may share one Redis. */
  readonly namespace: string;
  readonly timeoutMs: number;
}

export interface RedisDeps {
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  /** Monotonic, in ms. */
  readonly now?: () => number;
}

const ENTRY_MS = 10 * 60_000;
/** Outlives whatever a slow reader could still be about to write. */
const TOMBSTONE_MS = 15 * 60_000;
const FAILURES_MAX = 5;
const REST_MS = 1000;

/**
 * KEYS: entry. ARGV: version, sequence, content ('' for a tombstone), lifetime in ms. Stored: '<version> <sequence>
 * <content>'. The later of two is the one with the higher version, then with the higher sequence; a tombstone does
 * not replace its equal, which was read after the change that it stands for.
 */
const WRITE_UNLESS_NEWER = `
local held = redis.call('GET', KEYS[1])
if held then
  local version, sequence = string.match(held, '^(%d+) (%d+) ')
  version, sequence = tonumber(version or 0), tonumber(sequence or 0)
  local myVersion, mySequence = tonumber(ARGV[1]), tonumber(ARGV[2])
  if version > myVersion then return 0 end
  if version == myVersion and sequence > mySequence then return 0 end
  if version == myVersion and sequence == mySequence and ARGV[3] == '' then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4])
return 1`;

export function createRedisTier(values: RedisValues, deps: RedisDeps): RedisTier {
  const { log, now = () => performance.now() } = deps;
  const prefix = `${values.namespace}:grant:`;
  const redis = new Redis(values.url, {
    commandTimeout: values.timeoutMs,
    connectTimeout: 1000,
    // A connection that is open but silent is made anew.
    socketTimeout: 2000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => Math.min(1000, attempt * 50),
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    connectionName: 'sluice',
  });
  /** In a row. */
  let failures = 0;
  let restUntilMs = 0;
  let isConnected = false;
  redis.on('ready', () => {
    isConnected = true;
    failures = 0;
    log('info', {}, 'Redis answers');
  });
  redis.on('close', () => {
    if (isConnected) log('warn', {}, 'Redis is gone; grants come from Postgres');
    isConnected = false;
  });
  // Without a listener the library prints the error itself.
  redis.on('error', () => undefined);

  /** Null: no answer. */
  async function run<T>(command: () => Promise<T>): Promise<T | null> {
    if (!isConnected) return null;
    if (failures >= FAILURES_MAX) {
      if (now() < restUntilMs) return null;
      restUntilMs = now() + REST_MS;
    }
    try {
      const answer = await command();
      failures = 0;
      return answer;
    } catch {
      failures++;
      if (failures === FAILURES_MAX) {
        restUntilMs = now() + REST_MS;
        log('warn', { failures }, 'Redis does not answer in time; grants come from Postgres');
      }
      return null;
    }
  }

  function write(
    tokenHash: string,
    version: number,
    sequence: number,
    content: string,
    lifetimeMs: number,
  ): void {
    const key = prefix + tokenHash;
    void run(() => redis.eval(WRITE_UNLESS_NEWER, 1, key, version, sequence, content, lifetimeMs));
  }

  return {
    async read(tokenHash) {
      const text = await run(() => redis.get(prefix + tokenHash));
      return text === null ? null : parseEntry(tokenHash, text);
    },
    fill: (grant, sequence) => write(grant.tokenHash, grant.version, sequence, printGrant(grant), ENTRY_MS),
    revoke: (tokenHash, version, sequence) => write(tokenHash, version, sequence, '', TOMBSTONE_MS),
    publish: (channel, text) => void run(() => redis.publish(`${values.namespace}:${channel}`, text)),
    subscribe: (channel, listener) => subscribe(values.url, `${values.namespace}:${channel}`, listener),
    stats: () => ({ failures, isConnected }),
    async close() {
      isConnected = false;
      redis.disconnect();
    },
  };
}

function subscribe(url: string, channel: string, listener: Listener): Subscription {
  const subscriber = new Redis(url, {
    connectTimeout: 1000,
    maxRetriesPerRequest: null,
    autoResubscribe: false,
    retryStrategy: (attempt) => Math.min(1000, attempt * 50),
    connectionName: 'sluice-listener',
  });
  subscriber.on('error', () => undefined);
  subscriber.on('message', (_channel: string, text: string) => listener.onMessage(text));
  subscriber.on('ready', () => {
    subscriber.subscribe(channel).then(listener.onSubscribed, () => subscriber.disconnect(true));
  });
  return {
    renew: () => subscriber.disconnect(true),
    close: () => subscriber.disconnect(),
  };
}

const role = z.enum(['owner', 'admin', 'editor', 'viewer']);
const perSecond = z.number().positive().nullable();

const storedGrant = z.object({
  clientId: z.guid(),
  expiresAtMs: z.number().nullable(),
  roles: z.array(z.tuple([z.guid(), role, role.nullable()]).readonly()).readonly(),
  // Not there: written by a release that knew of none.
  limits: z
    .object({
      requestsPerSecond: perSecond,
      recordsPerSecond: perSecond,
      bytesPerSecond: perSecond,
      burstSeconds: z.number().positive(),
    })
    .nullable()
    .default(null),
});
type StoredGrant = z.infer<typeof storedGrant>;

function printGrant(grant: Grant): string {
  const stored: StoredGrant = {
    clientId: grant.clientId,
    expiresAtMs: grant.expiresAtMs === Infinity ? null : grant.expiresAtMs,
    roles: writeRoles(grant),
    limits: grant.limits,
  };
  return JSON.stringify(stored);
}

/** Null for a tombstone, and for what this version of the gateway cannot read: others may write there as well. */
function parseEntry(tokenHash: string, text: string): SharedGrant | null {
  const [, version, sequence, content] = /^(\d{1,15}) (\d{1,15}) (\{.*\})$/s.exec(text) ?? [];
  const stored = content === undefined ? null : readContent(content);
  if (stored === null) return null;
  const { clientId, expiresAtMs, roles, limits } = stored;
  return {
    grant: {
      clientId,
      tokenHash,
      version: Number(version),
      expiresAtMs: expiresAtMs ?? Infinity,
      ...readRoles(roles),
      limits,
      meter: createMeter(),
      isVoid: false,
    },
    sequence: Number(sequence),
  };
}

function readContent(content: string): StoredGrant | null {
  try {
    return storedGrant.parse(JSON.parse(content));
  } catch {
    return null;
  }
}
