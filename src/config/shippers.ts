/** Settings of vendors that deliver logs. */
import { optional } from './setting.ts';

/** In the order in which they are printed. */
export const shipperSettings = {
  vercelSecrets: optional(
    'SLUICE_VERCEL_SECRET',
    'texts, by comma',
    "Signature secrets of Vercel's drains: deliveries to …/ingest/vercel must then be signed with one, beside having a token.",
    (value) =>
      value.split(',').map((secret) => {
        if (secret.trim().length < 8)
          throw new Error('must have 8 characters or more, or several such by comma');
        return secret.trim();
      }),
  ),
  vercelVerify: optional(
    'SLUICE_VERCEL_VERIFY',
    'text',
    "The code that Vercel's drain form shows; answers of …/ingest/vercel have it as x-vercel-verify.",
    (value) => {
      if (!/^[\x21-\x7e]{1,200}$/.test(value)) throw new Error('must be printable ASCII without spaces');
      return value;
    },
  ),
  fastlyServiceIds: optional(
    'SLUICE_FASTLY_SERVICE_IDS',
    'ids, by comma, or *',
    'Fastly services whose log streaming may be pointed here: the answer to its challenge.',
    (value) =>
      value.split(',').map((id) => {
        if (!/^(\*|\w{1,64})$/.test(id.trim()))
          throw new Error('must be * or ids of Fastly services, by comma');
        return id.trim();
      }),
  ),
};
