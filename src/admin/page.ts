/** Pages of a list, newest first: a cursor is the place of the last entry that was shown. */
import { z } from 'zod';
import type { Reply } from '../http/request.ts';
import { replyJson } from './reply.ts';

/** What is shown when nobody says how many. */
const LIMIT_MAX = 1000;

export const pageFields = {
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT_MAX),
  cursor: z
    .string()
    .transform((text, context) => {
      const [at, id] = Buffer.from(text, 'base64url').toString('utf8').split(' ');
      if (at !== undefined && id !== undefined && /^[0-9T:.+Z-]{10,40}$/.test(at) && UUID.test(id))
        return { at, id };
      context.addIssue({ code: 'custom', message: 'is no cursor of this list' });
      return z.NEVER;
    })
    .optional(),
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface Page {
  readonly limit: number;
  readonly cursor?: { readonly at: string; readonly id: string } | undefined;
}

/** `rows`: one more than was asked for, when there is more. `at`: created_at to the microsecond, as text. */
export function replyPage<T extends { readonly at: string; readonly id: string }>(
  path: string,
  query: string,
  page: Page,
  rows: readonly T[],
  describe: (row: T) => object,
): Reply {
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  const body = shown.map((row) => describe(row));
  if (rows.length <= page.limit || last === undefined) return replyJson(body);
  const parameters = new URLSearchParams(query);
  parameters.set('limit', String(page.limit));
  parameters.set('cursor', Buffer.from(`${last.at} ${last.id}`).toString('base64url'));
  return replyJson(body, { headers: [['Link', `<${path}?${parameters.toString()}>; rel="next"`]] });
}
