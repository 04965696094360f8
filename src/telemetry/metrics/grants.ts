/** Metrics of who may write: the layers of the grant cache, revocations, and what they are read from. */
import { counter, gauge, type Family } from './family.ts';

export const grantFamilies: readonly Family[] = [
  counter(
    'sluice_grant_answers_total',
    'Questions about a token, by the layer that was asked: memory and memory_bad (a token that is none) have answered, redis has too, postgres was asked',
    ['layer'],
    ({ grants }) => [
      [grants.hits, 'memory'],
      [grants.negativeHits, 'memory_bad'],
      [grants.redisHits, 'redis'],
      [grants.lookups, 'postgres'],
    ],
  ),
  counter(
    'sluice_grant_lookups_total',
    'Look-ups beyond memory, refreshes included',
    [],
    ({ grants }) => grants.misses,
  ),
  counter(
    'sluice_grant_doubts_total',
    'Look-ups that nobody could answer: 503 for the sender',
    [],
    ({ grants }) => grants.doubts,
  ),
  counter(
    'sluice_site_lookups_total',
    'Questions to Postgres about a domain',
    [],
    ({ grants }) => grants.siteLookups,
  ),
  gauge('sluice_grants_cached', 'Tokens in memory', ['kind'], ({ grants }) => [
    [grants.cached, 'good'],
    [grants.cachedNegatives, 'bad'],
  ]),
  gauge(
    'sluice_grants_believable',
    '1: what is in memory is believed; 0: it is too old, and senders get 503',
    [],
    ({ grants }) => Number(grants.isBelievable),
    'min',
  ),
  gauge(
    'sluice_revocation_log_age_seconds',
    'Since the revocation log was last known to be read to its end',
    [],
    ({ grants }) => grants.feedAgeMs / 1000,
    'max',
  ),
  gauge(
    'sluice_revocation_lag_seconds',
    'From a revocation to its being applied here: the last one',
    [],
    ({ grants }) => grants.revocationLagMs / 1000,
    'max',
  ),
  gauge(
    'sluice_revocation_lag_max_seconds',
    'The longest since the start',
    [],
    ({ grants }) => grants.revocationLagMsMax / 1000,
    'max',
  ),
  gauge(
    'sluice_postgres_up',
    '1: the last look at the revocation log worked; there are two a second by default',
    [],
    ({ grants }) => Number(grants.isLogRead),
    'min',
  ),
  gauge(
    'sluice_redis_up',
    '1: connected, and answers in time; absent without Redis',
    [],
    ({ grants }) =>
      grants.redis === null ? [] : [[Number(grants.redis.isConnected && grants.redis.failures === 0)]],
    'min',
  ),
  gauge(
    'sluice_revocation_push_up',
    '1: what this gateway says by Redis comes back to it; absent without Redis',
    [],
    ({ grants }) => (grants.push === null ? [] : [[Number(grants.push.isHeard)]]),
    'min',
  ),
];
