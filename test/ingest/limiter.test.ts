import { expect, it } from 'vitest';
import { createLimiter } from '../../src/ingest/limiter.ts';

const NONE = { requestsPerSecond: null, recordsPerSecond: null, bytesPerSecond: null, burstSeconds: 1 };

it.each([
  ['one address of IPv4', ['192.0.2.1'], '192.0.2.1', '192.0.2.2'],
  ['one network of IPv6', ['2001:db8:1::1', '2001:db8:1:2::7'], '2001:db8:1:9::9', '2001:db8:2::1'],
])('unknown tokens are counted by %s', (_, senders, counted, other) => {
  const limiter = createLimiter({ clientLimits: NONE, unknownTokensPerMinute: 10 }, () => 0);
  for (let sent = 0; sent < 10; sent++) limiter.countUnknown(senders[sent % senders.length] ?? '');
  expect(limiter.judgeAddress(counted)).toMatchObject({ code: 'too_many_unknown_tokens' });
  expect(limiter.judgeAddress(other)).toBeNull();
});
