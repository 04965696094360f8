import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AI_FETCHES,
  UNREAD_LINES,
  createRowWriter,
  describeRow,
  EVENTS,
  forEachEntry,
  HITS,
  rowTimestampUs,
  tables,
} from '../../src/records/entry.ts';
import { encodeEvent, readEvent } from '../../src/records/event.ts';
import { encodePageview, readPageview } from '../../src/records/pageview.ts';
import { isFault } from '../../src/records/payload.ts';
import { decodeEntry, schema } from './decode.ts';
import { CLIENT, context, NOW_MS, payloadOf, rowContext, SITE, visit } from './samples.ts';

const UNFILLED = ['is_unique', 'region', 'city', 'provider', 'asn', 'asn_org'];

describe('the tables', () => {
  it('have the numbers that journals on disk already hold', () => {
    expect(tables.map((table) => `${table.name} ${table.columns.length}`)).toEqual([
      'hits 23',
      'events 13',
      'ai_fetches 19',
      'unread_lines 8',
      'ai_fetches 20',
    ]);
    expect([HITS, EVENTS, UNREAD_LINES, AI_FETCHES]).toEqual([0, 1, 3, 4]);
  });

  it('have the columns of the schema, each once, but for those that are never filled', () => {
    for (const { name, columns } of [HITS, EVENTS, AI_FETCHES, UNREAD_LINES].flatMap(
      (at) => tables[at] ?? [],
    )) {
      const expected = Object.keys(schema[name] ?? {}).filter((column) => !UNFILLED.includes(column));
      expect(expected.length).toBeGreaterThan(0);
      expect([...columns].toSorted()).toEqual(expected.toSorted());
    }
  });

  it('begin with what the drain reads at fixed places', () => {
    for (const { columns } of tables)
      expect(columns.slice(0, 4)).toEqual(['site_id', 'timestamp', 'id', 'client_id']);
  });
});

/** `count` entries, one behind the other. */
function makeEntries(count: number): Buffer {
  const writer = createRowWriter();
  const entries: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const payload = payloadOf({ ...visit, name: 'n', referrer: 'x'.repeat(index) });
    if (index % 2 === 0) {
      const pageview = readPageview(payload, context);
      if (!isFault(pageview)) encodePageview(writer, pageview, rowContext);
    } else {
      const event = readEvent(payload, context);
      if (!isFault(event)) encodeEvent(writer, event, rowContext);
    }
    entries.push(Buffer.from(writer.buffer().subarray(0, writer.length())));
  }
  return Buffer.concat(entries);
}

function listEntries(buffer: Buffer, start: number, end: number): [number, number, number][] {
  const found: [number, number, number][] = [];
  forEachEntry(buffer, start, end, (...entry) => found.push(entry));
  return found;
}

describe('a sequence of entries', () => {
  const entries = makeEntries(5);

  it('is visited one by one, in order and without a gap', () => {
    const found = listEntries(entries, 0, entries.length);
    expect(found.map(([table]) => table)).toEqual([HITS, EVENTS, HITS, EVENTS, HITS]);
    let at = 0;
    for (const [table, rowStart, rowEnd] of found) {
      expect(rowStart).toBe(at + 8);
      expect(decodeEntry(entries.subarray(at, rowEnd)).table).toBe(tables[table]?.name);
      at = rowEnd;
    }
    expect(at).toBe(entries.length);
  });

  it('may be empty', () => {
    expect(listEntries(entries, 7, 7)).toEqual([]);
  });

  it('may lie anywhere in a buffer', () => {
    const buffer = Buffer.concat([Buffer.alloc(13, 0xff), entries, Buffer.alloc(13, 0xff)]);
    expect(listEntries(buffer, 13, 13 + entries.length)).toEqual(
      listEntries(entries, 0, entries.length).map(([table, start, end]) => [table, start + 13, end + 13]),
    );
  });

  it('that is cut off anywhere but between two entries is refused', () => {
    const bounds = new Set([0, ...listEntries(entries, 0, entries.length).map(([, , rowEnd]) => rowEnd)]);
    for (let end = 0; end <= entries.length; end++) {
      const read = (): unknown => listEntries(entries, 0, end);
      if (bounds.has(end)) expect(read).not.toThrow();
      else expect(read).toThrow(/an entry of the journal/);
    }
  });

  it.each([
    ['a table that does not exist', (bytes: Buffer) => bytes.writeUInt8(5, 4)],
    ['a reserved byte that is not zero', (bytes: Buffer) => bytes.writeUInt8(1, 6)],
    ['a length beyond the end', (bytes: Buffer) => bytes.writeUInt32LE(0xffff_ffff, 0)],
  ])('with %s is refused', (_, spoil) => {
    const bytes = Buffer.from(makeEntries(1));
    spoil(bytes);
    expect(() => listEntries(bytes, 0, bytes.length)).toThrow(/an entry of the journal/);
  });

  it('with a row too short for its identity is refused, however whole it is', () => {
    for (const size of [0, 12, 65]) {
      const bytes = Buffer.alloc(8 + size);
      bytes.writeUInt32LE(size, 0);
      expect(() => listEntries(bytes, 0, bytes.length)).toThrow(/an entry of the journal/);
    }
  });

  it('is never read beyond its end, whatever the bytes', () => {
    const chunk = fc
      .tuple(fc.nat(3), fc.nat(130), fc.integer({ min: -1, max: 1 }))
      .map(([table, size, error]) => {
        const bytes = Buffer.alloc(8 + size, 7);
        bytes.writeUInt32LE(Math.max(0, size + error), 0);
        bytes.writeUInt32LE(table, 4);
        return bytes;
      });
    const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 4, arbitrary: chunk }, noise)), (parts) => {
        const bytes = Buffer.concat(parts);
        // A trap: what may be read throws when it leaves [0, length), and is followed by what would pass as entries.
        const alone = attempt(() => listEntries(Buffer.from(bytes), 0, bytes.length));
        const followed = attempt(() => listEntries(Buffer.concat([bytes, entries]), 0, bytes.length));
        expect(alone).toEqual(followed);
        expect(JSON.stringify(alone)).not.toMatch(/out of range|outside buffer/);
      }),
      { numRuns: 1000 },
    );
  });
});

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
}

describe('a row', () => {
  it('tells its time, its site and its client without being parsed', () => {
    const entry = makeEntries(1);
    expect(rowTimestampUs(entry, 8)).toBe((NOW_MS - 2000) * 1000 + 123_456);
    expect(describeRow(entry, 8, entry.length)).toEqual({ siteId: SITE, clientId: CLIENT, entry });
  });

  it('keeps every microsecond, before and after 2000', () => {
    const writer = createRowWriter();
    const timestamps = fc.integer({ min: -Number.MAX_SAFE_INTEGER + 1e15, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(timestamps, (us) => {
        writer.begin(EVENTS);
        writer.uuid(SITE);
        writer.timestampUs(us);
        writer.end();
        expect(rowTimestampUs(writer.buffer(), 8)).toBe(us);
        expect(writer.buffer().readBigInt64BE(8 + 2 + 4 + 16 + 4) + 946_684_800_000_000n).toBe(BigInt(us));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the writer', () => {
  /** Fills a row of events: short, so that its fields can be of any kind. */
  const writeTexts = (texts: readonly (string | null)[]): Buffer => {
    const writer = createRowWriter();
    writer.begin(EVENTS);
    for (const text of texts) writer.text(text);
    writer.end();
    return Buffer.from(writer.buffer().subarray(0, writer.length()));
  };

  it('writes any text as UTF-8 behind its length, whatever came before it', () => {
    const text = fc.option(fc.string({ unit: 'binary', maxLength: 300 }));
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        const expected = texts.flatMap((value) => {
          const bytes = Buffer.from(value ?? '', 'utf8');
          const size = Buffer.alloc(4);
          size.writeInt32BE(value === null ? -1 : bytes.length);
          return [size, bytes];
        });
        expect(writeTexts(texts).subarray(10)).toEqual(Buffer.concat(expected));
      }),
    );
  });

  it('grows with its rows, and keeps what it has written', () => {
    const texts = ['a'.repeat(10_000), 'ü'.repeat(40_000), '😀'.repeat(200_000), 'b'];
    const entry = writeTexts(texts);
    let at = 10;
    for (const text of texts) {
      const size = entry.readInt32BE(at);
      expect(entry.toString('utf8', at + 4, at + 4 + size) === text).toBe(true);
      at += 4 + size;
    }
    expect(at).toBe(entry.length);
  });

  it('starts anew with each row', () => {
    const writer = createRowWriter();
    const rows = ['long '.repeat(50), 'x', null].map((text) => {
      writer.begin(HITS);
      writer.text(text);
      writer.end();
      return writer.buffer().subarray(0, writer.length()).toString('hex');
    });
    // Length, table and three zero bytes, field count; then the field.
    expect(rows[1]).toBe('070000000000000000170000000178');
    expect(rows[2]).toBe('06000000000000000017ffffffff');
  });

  it('writes whole numbers of 32 and of 53 bits', () => {
    const writer = createRowWriter();
    fc.assert(
      fc.property(fc.integer(), fc.maxSafeInteger(), (small, large) => {
        writer.begin(HITS);
        writer.int4(small);
        writer.int8(large);
        writer.int4(null);
        writer.int8(null);
        writer.end();
        expect(writer.buffer().readInt32BE(14)).toBe(small);
        expect(writer.buffer().readBigInt64BE(22)).toBe(BigInt(large));
        expect(writer.buffer().toString('hex', 30, writer.length())).toBe('ffffffffffffffff');
      }),
    );
  });

  it('writes jsonb with its version before the text', () => {
    const writer = createRowWriter();
    writer.begin(EVENTS);
    writer.jsonb('{"ü":1}');
    writer.end();
    expect(writer.buffer().readInt32BE(10)).toBe(9);
    expect(writer.buffer().toString('latin1', 14, 15)).toBe('\u0001');
    expect(writer.buffer().toString('utf8', 15, writer.length())).toBe('{"ü":1}');
  });
});
