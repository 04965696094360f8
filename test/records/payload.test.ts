import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fault,
  isFault,
  readCount,
  readFlag,
  readInteger,
  readPayload,
  readRequiredText,
  readText,
} from '../../src/records/payload.ts';
import { faultOf, parseBody } from './samples.ts';

const readBody = (body: string | readonly number[]): ReturnType<typeof readPayload> =>
  readPayload(typeof body === 'string' ? Buffer.from(body, 'utf8') : Buffer.from(body));

describe('a body', () => {
  it.each([
    ['a lone continuation byte', [0x7b, 0x80, 0x7d], 'body_not_utf8 null'],
    ['half a surrogate pair as bytes', [0x22, 0xed, 0xa0, 0x80, 0x22], 'body_not_utf8 null'],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22], 'body_not_utf8 null'],
    ['nothing', '', 'body_not_json null'],
    ['a byte order mark', '\ufeff{}', 'body_not_json null'],
    ['a second value', '{}{}', 'body_not_json null'],
    ['something behind the value', '{} x', 'body_not_json null'],
    ['a trailing comma', '{"a":1,}', 'body_not_json null'],
    ['a raw control character in a text', '{"a":"\u0000"}', 'body_not_json null'],
    ['an array', '[{"url":"http://example.com"}]', 'body_not_object null'],
    ['null', 'null', 'body_not_object null'],
    ['a text', '"{}"', 'body_not_object null'],
    ['a number', '1', 'body_not_object null'],
  ])('that is %s is a fault', (_, body, expected) => {
    expect(faultOf(readBody(body))).toBe(expected);
  });

  it('may have white space around it', () => {
    expect(faultOf(readBody(' \r\n\t{ } \n'))).toBeNull();
  });

  it('begins each fault with the words of the contract', () => {
    for (const body of ['{', '[]', [0xff]]) {
      expect(readBody(body)).toMatchObject({ detail: expect.stringMatching(/^Bad request body/) as string });
    }
  });

  it.each([
    ['', 'It is empty.'],
    [' \n', 'It is empty.'],
    ['{"a":1', 'line 1, column 7.'],
    ['{"a":1,\n "b":2,}', 'line 2, column 8.'],
    ['{"a":', 'It ends too early.'],
    ['{"secret', ''],
  ])('that is %j is no JSON, with the place where that is known, and nothing of its text', (text, place) => {
    const read = readBody(text);
    expect(read).toMatchObject({ code: 'body_not_json', detail: expect.stringContaining(place) as string });
    expect(JSON.stringify(read)).not.toContain('secret');
  });

  it('that looks like gzip is told how it is sent', () => {
    expect(readBody([0x1f, 0x8b, 0x08, 0x00, 0xff])).toMatchObject({
      code: 'body_not_utf8',
      detail: expect.stringContaining('Content-Encoding: gzip') as string,
    });
  });

  it('says whether it has escapes that could hide what cannot be stored', () => {
    expect(parseBody('{"a":"\\n\\"ü"}').hasEscapes).toBe(false);
    expect(parseBody('{"a":"\\u0041"}').hasEscapes).toBe(true);
    expect(parseBody('{"\\u0061":1}').hasEscapes).toBe(true);
  });

  it('cannot change what is read by naming a prototype', () => {
    const { fields } = parseBody('{"__proto__":{"referrer":"x","dnt":true},"constructor":{"name":"y"}}');
    expect(readText(fields['referrer'], 'referrer', true)).toBeNull();
    expect(readFlag(fields['dnt'], 'dnt')).toBe(false);
    expect(readText(fields['name'], 'name', true)).toBeNull();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const result = readPayload(Buffer.from(bytes));
        expect(isFault(result) || typeof result.fields === 'object').toBe(true);
      }),
    );
  });

  it('is read to the value that JSON has, whatever the object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const body = JSON.stringify(fields);
        expect(JSON.stringify(parseBody(body).fields)).toBe(JSON.stringify(JSON.parse(body)));
      }),
    );
  });

  it('may be nested as deep as it is long', () => {
    expect(faultOf(readBody(`{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`))).toBeNull();
  });
});

describe('a field', () => {
  it.each([
    ['text', undefined, null],
    ['text', null, null],
    ['text', '', ''],
    ['text', ' x ', ' x '],
    ['text', 5, 'field_type f'],
    ['text', {}, 'field_type f'],
    ['text', true, 'field_type f'],
    ['text', 'a\0b', 'text_unstorable f'],
    ['text', '\ud800', 'text_unstorable f'],
    ['text', '\udc00\ud800', 'text_unstorable f'],
    ['text', '\ud83d\ude00', '\ud83d\ude00'],
    ['required', undefined, 'field_required f'],
    ['required', null, 'field_required f'],
    ['required', '', 'field_required f'],
    ['required', ' \t', 'field_required f'],
    ['required', [], 'field_type f'],
    ['required', ' x ', ' x '],
    ['required', 'a\0', 'text_unstorable f'],
    ['integer', undefined, null],
    ['integer', null, null],
    ['integer', 0, 0],
    ['integer', -2_147_483_648, -2_147_483_648],
    ['integer', 2_147_483_647, 2_147_483_647],
    ['integer', 2_147_483_648, 'field_out_of_range f'],
    ['integer', -2_147_483_649, 'field_out_of_range f'],
    ['integer', 1.5, 'field_type f'],
    ['integer', '200', 'field_type f'],
    ['integer', true, 'field_type f'],
    ['flag', undefined, false],
    ['flag', null, false],
    ['flag', true, true],
    ['flag', false, false],
    ['flag', 'true', 'field_type f'],
    ['flag', 1, 'field_type f'],
    ['count', undefined, null],
    ['count', null, null],
    ['count', 0, null],
    ['count', -7, null],
    ['count', 100, 100],
    ['count', 101, 'field_out_of_range f'],
    ['count', 0.5, 'field_type f'],
    ['count', '1', 'field_type f'],
  ] as const)('read as %s from %j gives %j', (kind, value, expected) => {
    const readers = {
      text: () => readText(value, 'f', true),
      required: () => readRequiredText(value, 'f', true, 'f is required.'),
      integer: () => readInteger(value, 'f'),
      flag: () => readFlag(value, 'f'),
      count: () => readCount(value, 'f', 100),
    };
    const result = readers[kind]();
    expect(faultOf(result) ?? result).toBe(expected);
  });

  it.each(['1e400', '-1e400'])('that is %s is too large for an integer', (number) => {
    expect(faultOf(readInteger(parseBody(`{"f":${number}}`).fields['f'], 'f'))).toBe('field_out_of_range f');
  });
});

describe('a fault', () => {
  it('is told from every other value', () => {
    expect(isFault(fault('field_type', 'f', 'f must be a text.'))).toBe(true);
    for (const other of [null, undefined, '', 'isFault', 0, false, {}, []])
      expect(isFault(other)).toBe(false);
  });

  it('never repeats the value', () => {
    const secret = 'hunter2-hunter2';
    const results = [
      readInteger(secret, 'f'),
      readFlag(secret, 'f'),
      readText(`${secret}\0`, 'f', true),
      readBody(`{"${secret}`),
    ];
    for (const result of results) {
      expect(isFault(result)).toBe(true);
      expect(JSON.stringify(result)).not.toContain('hunter2');
    }
  });
});
