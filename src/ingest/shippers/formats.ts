/** The formats that are read, each at a path of its own. */
import { readAkamai } from '../../formats/vendors/akamai.ts';
import { readAccessLog, readNamedRows } from '../../formats/access-log.ts';
import { readCloudflare } from '../../formats/vendors/cloudflare.ts';
import { readCloudfront } from '../../formats/vendors/cloudfront.ts';
import { readNetlify } from '../../formats/vendors/netlify.ts';
import { readVercel } from '../../formats/vendors/vercel.ts';
import type { LogLine } from '../../formats/log-row.ts';

/** `fields`: the columns of lines that do not say; '' = not told. */
export const formats = {
  cloudfront: readCloudfront,
  cloudflare: (text: string) => readCloudflare(text),
  'access-log': (text: string) => readAccessLog(text),
  fastly: (text: string) => readNamedRows(text),
  vercel: (text: string) => readVercel(text),
  netlify: (text: string) => readNetlify(text),
  akamai: (text: string) => readAkamai(text),
} as const satisfies Record<string, (text: string, fields: string) => Iterable<LogLine>>;

export type FormatName = keyof typeof formats;

export function isFormatName(text: string): text is FormatName {
  return Object.hasOwn(formats, text);
}
