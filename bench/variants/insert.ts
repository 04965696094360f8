/** What one would write first: each pageview inserted by a statement of its own, and answered when that is committed. */
import { randomUUID } from 'node:crypto';
import type { Pageview } from '../../src/records/pageview.ts';
import type { Sql } from '../../src/store/connect.ts';
import type { Checked } from './checks.ts';
import type { Keep } from './node-http.ts';

/** With more, pgbench inserts no faster on two cores. */
export const INSERT_CONNECTIONS = 16;

export function createInserts(sql: Sql): Keep {
  return {
    keep: (records) => Promise.all(records.map((checked) => insertPageview(sql, checked))),
    take: () => Buffer.alloc(0),
  };
}

/** A statement that the library prepares once on each connection. */
function insertPageview(sql: Sql, { record, siteId, clientId, nowMs }: Checked): PromiseLike<unknown> {
  const hit = record as Pageview;
  const { campaign } = hit;
  return sql`
    INSERT INTO hits (
      site_id, timestamp, id, client_id, received_at, session_id, page_id, path, hostname, referrer, user_agent,
      viewport_width, viewport_height, screen_width, screen_height, language, country_code,
      utm_source, utm_medium, utm_campaign, utm_term, utm_content, qr_code_id
    ) VALUES (
      ${siteId}, ${new Date(hit.timestampUs / 1000)}, ${hit.id ?? randomUUID()}, ${clientId}, ${new Date(nowMs)},
      ${hit.sessionId ?? randomUUID()}, ${hit.pageId ?? randomUUID()}, ${hit.path}, ${hit.hostname},
      ${hit.referrer}, ${hit.userAgent}, ${hit.viewportWidth}, ${hit.viewportHeight}, ${hit.screenWidth},
      ${hit.screenHeight}, ${hit.language}, ${hit.countryCode}, ${campaign.source}, ${campaign.medium},
      ${campaign.campaign}, ${campaign.term}, ${campaign.content}, ${hit.qrCodeId}
    )`;
}
