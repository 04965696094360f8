/** Settings of who may do what: the grant cache, the admin module, sessions. */
import {
  optional,
  parseDuration,
  parseInteger,
  parseNetworks,
  parseText,
  parseUrl,
  setting,
} from './setting.ts';

/** In the order in which they are printed. */
export const administrationSettings = {
  grantsMax: setting(
    'SLUICE_GRANTS_MAX',
    '100 to 10000000',
    '100000',
    'Grants kept in memory (some 300 bytes each).',
    parseInteger(100, 10_000_000),
  ),
  grantStaleMs: setting(
    'SLUICE_GRANT_STALE',
    'duration',
    '30s',
    'How long a grant is believed when neither Postgres nor Redis can confirm it. Then: 503.',
    parseDuration(0),
  ),
  revocationPollMs: setting(
    'SLUICE_REVOCATION_POLL',
    'duration',
    '500ms',
    'How often the revocation log is read, whatever push has arrived.',
    parseDuration(50),
  ),
  redisTimeoutMs: setting(
    'SLUICE_REDIS_TIMEOUT',
    'duration',
    '50ms',
    'How long a look-up waits for Redis before it asks Postgres.',
    parseDuration(1),
  ),
  nodeName: optional(
    'SLUICE_NODE_NAME',
    'name',
    'How this gateway is called in receipts of revocations. Not set: host name and port.',
    parseText(1, 100),
  ),
  adminPort: optional(
    'SLUICE_ADMIN_PORT',
    '0 to 65535, or off',
    'A port of its own for the administration, on SLUICE_HOST; off: none is served. Not set: the same port as records.',
    (value) => (value === 'off' ? ('off' as const) : parseInteger(0, 65_535)(value)),
  ),
  metricsToken: optional(
    'SLUICE_METRICS_TOKEN',
    '16 to 128 characters',
    'Token that GET /metrics asks for. Not set: none is asked for, and metrics are served on an administration port of its own alone.',
    parseText(16, 128),
  ),
  publicUrl: optional(
    'SLUICE_PUBLIC_URL',
    'https://…',
    "Where people's browsers reach the administration: issuer and audience of session cookies, which are Secure when it is https. Not set: http://localhost with the port.",
    (value) => new URL(parseUrl(/^https?:$/)(value)).origin,
  ),
  secret: optional(
    'SLUICE_SECRET',
    '32 to 1000 characters',
    'Signs session cookies; the same for all gateways. Not set: one is made and kept in Postgres.',
    parseText(32, 1000),
  ),
  adminEmail: optional(
    'SLUICE_ADMIN_EMAIL',
    'e-mail address',
    'The first user, made as instance owner when there is no user yet; with SLUICE_ADMIN_PASSWORD.',
    parseText(3, 254),
  ),
  adminPassword: optional(
    'SLUICE_ADMIN_PASSWORD',
    '12 to 200 characters',
    'Password of the first user. Not read once there is a user.',
    parseText(12, 200),
  ),
  sessionMs: setting(
    'SLUICE_SESSION',
    'duration',
    '15m',
    'A session without a request for so long is over; after 12 hours it is in any case.',
    parseDuration(60_000),
  ),
  trustedProxies: setting(
    'SLUICE_TRUSTED_PROXIES',
    'networks, comma between',
    '',
    "Proxies whose X-Forwarded-For tells the sender's address. Not set: the address is the connection's.",
    parseNetworks,
  ),
  githubKeysUrl: setting(
    'SLUICE_GITHUB_KEYS_URL',
    'https://…',
    'https://api.github.com/meta/public_keys/secret_scanning',
    "Where the public keys of GitHub's secret scanning are read, when a report of leaked tokens comes in.",
    parseUrl(/^https?:$/),
  ),
};
