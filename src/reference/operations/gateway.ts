/** What is neither a record nor a thing that people manage: the gateway itself, leaked tokens, pages. */
import { z } from 'zod';
import { filters } from '../../admin/audit/routes.ts';
import { githubReport, report } from '../../admin/leaks/routes.ts';
import { query as liveQuery } from '../../console/live.ts';
import { operationsOf, type Operations } from '../operation.ts';
import { count, receipt } from './forms.ts';
import { auditEntries } from './teams.ts';

const ofInstance = operationsOf('Instance', 'session');
const ofGateway = operationsOf('Gateway', 'none');
const ofLeaks = operationsOf('Leaked tokens', 'none');
const TEXT = 'text/plain';
const PAGE = 'text/html';

export const gatewayOperations: Operations = {
  'GET /api/audit': ofInstance('Read what was changed, newest first', {
    query: filters,
    replies: { 200: auditEntries },
  }),
  'GET /api/revocations/:sequence': ofInstance('Read which gateways have applied a revocation', {
    replies: { 200: receipt },
  }),
  'GET /api/console/live': ofInstance('Watch a gateway: a sample a second, as server-sent events', {
    query: liveQuery,
    replies: { 200: { 'text/event-stream': null } },
  }),
  'POST /api/tokens/revoke-leaked': ofLeaks('End tokens by showing them', {
    body: report,
    replies: { 202: z.strictObject({ received: count }) },
  }),
  'POST /api/tokens/github-secret-scanning': ofLeaks("Take a report of GitHub's secret scanning", {
    body: githubReport,
    replies: {
      200: z.array(
        z.strictObject({
          token_hash: z.string(),
          token_type: z.string(),
          label: z.enum(['true_positive', 'false_positive']),
        }),
      ),
    },
  }),
  'GET /healthz': ofGateway('Ask whether the process lives', { replies: { 200: { [TEXT]: null } } }),
  'GET /readyz': ofGateway('Ask whether it takes records', {
    replies: { 200: readiness(), 503: readiness() },
  }),
  'GET /metrics': operationsOf('Gateway', 'token')('Read the metrics, with their own token if there is one', {
    replies: { 200: { [TEXT]: null } },
  }),
  'GET /': ofGateway('Be led to the console', { replies: { 302: null } }),
  'GET /console': ofGateway('Open the console', { replies: { 200: { [PAGE]: null }, 304: null } }),
  'GET /console/*': ofGateway('Read a file of the console', { replies: { 200: { '*/*': null }, 304: null } }),
  'GET /api/docs': ofGateway('Open this reference', { replies: { 200: { [PAGE]: null }, 304: null } }),
  'GET /api/docs/*': ofGateway('Read a file of this reference', {
    replies: { 200: { '*/*': null }, 304: null },
  }),
  'GET /api/docs/v1/openapi.json': ofGateway('Read this reference as OpenAPI', {
    replies: { 200: z.looseObject({ openapi: z.string() }) },
  }),
};

function readiness() {
  return z.strictObject({
    status: z.enum(['ready', 'not_ready']),
    unready: z.array(z.string()),
    checks: z.record(z.string(), z.string()),
  });
}
