/** Why the functions cost what they cost that profiles show most: a sentence each. What nobody has explained is ''. */
import type { Cost } from './tree.ts';

/** By name and file, else by name, else by room. */
export function explainCost({ name, room, place }: Pick<Cost, 'name' | 'room' | 'place'>): string {
  const file = place.replace(/:\d+$/, '');
  return reasons[`${name} ${file}`] ?? reasons[name] ?? reasons[room] ?? '';
}

export const reasons: Readonly<Record<string, string>> = {
  // Rooms that are told as a whole.
  'lru-cache': 'Grants, sites and countries are found in maps that remember the order of use.',
  postgres: 'The driver: rows leave for Postgres as one buffer a batch, so little is left to do.',
  // Outside of JavaScript.
  '(garbage collector)': 'Mostly young objects: what JSON.parse made of a body, and what was read from it.',
  '(program)':
    'The event loop, the HTTP parser, and system calls that no JavaScript has asked for: reading from sockets.',
  'uWebSockets.js, from send':
    'The answer goes to its socket: one system call each, which no server is spared.',
  'uWebSockets.js, from open': 'A callback is set for a sender that goes away.',
  'uWebSockets.js, from collectBody': 'A callback is set for the body.',
  'uWebSockets.js, from (anonymous)':
    'Method, path, query and headers of a request are read, and those of its answer set: a call into the library each.',
  createUnsafeBuffer: 'Memory for bodies, and for rows on their way to Postgres.',
  writeBuffer:
    'Handing a frame to the thread that writes it: one call a frame, which is a group of records, not one.',
  read: 'The drain reads what was synced back from the page cache, as one run of bytes.',
  oneShotDigest: 'SHA-256 of the token: the key of its grant, so that no cache holds a token.',
  crc32: 'The checksum of a frame in the journal.',
  now: 'The clock is read for the age of a grant, and for how long an answer took.',
  compareOffset: "Whose row it is: the drain counts every client's rows by comparing 16 bytes.",
  utf8Write: 'Text is written as UTF-8 into the row that Postgres will get.',
  // Sluice.
  'parse src/ingest/batch/split.ts': 'JSON.parse of the body: the price of JSON.',
  'decode src/ingest/batch/split.ts': 'The body from UTF-8 to a string, and whether it was UTF-8.',
  'takeBatch src/ingest/batch/batch.ts': 'The walk over the records of a batch: each gets its own verdict.',
  'splitUrl src/records/url.ts':
    'The record names its page by a URL, which is split into host, path and query without an object of class URL.',
  'before src/records/url.ts': 'Where the parts of a URL, and the pairs of its query, begin and end.',
  'readHost src/records/url.ts': 'The host of the URL, in lower case, without its port.',
  'readCampaign src/records/url.ts': 'The query is split to look for the campaign: utm_source and the like.',
  'decode src/records/url.ts': 'A parameter of the query, with its percent signs resolved where it has any.',
  'readPageview src/records/pageview.ts': 'Every field of a pageview is read and checked.',
  'readVisit src/records/visit.ts': 'What pageviews and events have in common is read and checked.',
  'encodePageview src/records/pageview.ts':
    "The row is written as Postgres' binary COPY has it, once: the journal keeps these bytes.",
  'write src/records/entry.ts':
    'One text of a row: short ASCII is written letter by letter, which is less than a call into Node.',
  'utf8 src/records/entry.ts': 'One text of a row, with its length before it.',
  'uuid src/records/entry.ts': 'One UUID of a row: 36 letters become 16 bytes.',
  'writeUuid src/records/identity.ts': 'One UUID of a row: 36 letters become 16 bytes.',
  'forEachEntry src/records/entry.ts':
    'The drain walks over the entries to frame and count them; nothing is parsed.',
  'readTimestamp src/records/time.ts':
    'The time as text becomes microseconds, and is held against what the gateway takes.',
  'digits src/records/time.ts': 'The digits of a time.',
  'readHead src/http/framing.ts':
    'One pass over the headers: those that are needed, and whether the framing is sound.',
  'judgeFraming src/http/framing.ts': 'Whether the headers leave no doubt of where the body ends.',
};
