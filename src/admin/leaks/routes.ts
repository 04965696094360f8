/** The routes for tokens found in the wild: anybody's, and GitHub's secret scanning in GitHub's own form. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { hashToken } from '../../grants/token.ts';
import type { Route } from '../../http/request.ts';
import type { Author } from '../actor.ts';
import { readBody } from '../body.ts';
import { isRefusal, refuse } from '../refusal.ts';
import { replyJson } from '../reply.ts';
import type { Call, Outcome } from '../route.ts';
import { createThrottle } from '../sign-in/throttle.ts';
import type { TeamDeps } from '../teams/routes.ts';
import type { GithubKeys } from './github.ts';
import { revokeLeaked } from './leak.ts';

const TOKENS_MAX = 1000;
const TOKEN_LENGTH_MAX = 1000;
export const report = z.strictObject({
  tokens: z.array(z.string().max(TOKEN_LENGTH_MAX)).min(1).max(TOKENS_MAX),
});
export const githubReport = z
  .array(z.object({ token: z.string().max(TOKEN_LENGTH_MAX), type: z.string() }))
  .max(TOKENS_MAX);
/** As GitHub's own service has it: 60 requests an hour. */
const LIMIT = { points: 60, seconds: 3600 };
const KEY_ID = 'github-public-key-identifier';
const SIGNATURE = 'github-public-key-signature';

export interface LeakDeps extends TeamDeps {
  readonly githubKeys: GithubKeys;
}

export function createLeakRoutes({ sql, make, makeChange, githubKeys }: LeakDeps): readonly Route[] {
  const throttle = createThrottle({ perAddress: LIMIT, perAccount: LIMIT, perBoth: LIMIT });

  const authorOf = (call: Call, label: string): Author => ({
    actor: { kind: 'anonymous', label },
    source: call.source,
  });

  async function takeReport(call: Call): Promise<Outcome> {
    const address = call.source.ip ?? '';
    const throttled = await throttle.take(address, address);
    if (throttled !== null) return throttled;
    const body = readBody(call.request, report);
    if (isRefusal(body)) return body;
    await revokeLeaked(sql, makeChange, authorOf(call, 'leaked token report'), body.tokens);
    return replyJson({ received: body.tokens.length }, { status: '202 Accepted' });
  }

  async function takeGithubReport(call: Call): Promise<Outcome> {
    const { body, fields } = call.request;
    if (body === null) return refuse('body_too_large', 'The report is too large.');
    const verdict = await githubKeys.verify(body, fields[KEY_ID] ?? '', fields[SIGNATURE] ?? '');
    if (verdict === 'unavailable')
      return refuse(
        'database_unavailable',
        "GitHub's public keys cannot be read now. Send the report again.",
      );
    if (verdict === 'invalid')
      return refuse('signature_invalid', 'The signature is not that of GitHub over this body.');
    const matches = readReport(body);
    if (matches === null) return refuse('body_not_json', 'The body is no list of {token, type}.');
    const tokens = matches.map(({ token }) => token);
    const revoked = await revokeLeaked(sql, makeChange, authorOf(call, 'GitHub secret scanning'), tokens);
    return replyJson(
      matches.map(({ token, type }) => ({
        token_hash: createHash('sha256').update(token).digest('base64'),
        token_type: type,
        label: revoked.has(hashToken(token)) ? 'true_positive' : 'false_positive',
      })),
    );
  }

  return [
    make.machine('/api/tokens/revoke-leaked', takeReport),
    make.machine('/api/tokens/github-secret-scanning', takeGithubReport, [KEY_ID, SIGNATURE]),
  ];
}

function readReport(body: Buffer): z.infer<typeof githubReport> | null {
  try {
    const parsed = githubReport.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
