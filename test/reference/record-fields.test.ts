/** The fields of records are read by hand, and described by schemas: neither may say what the other does not. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readAiFetch } from '../../src/records/ai-fetch.ts';
import { checkEventName, readEvent } from '../../src/records/event.ts';
import { readPageview } from '../../src/records/pageview.ts';
import { isFault, type Fault, type Payload } from '../../src/records/payload.ts';
import { aiFetch, event, pageview } from '../../src/reference/operations/record-fields.ts';
import { context, GPTBOT, payloadOf, SESSION, visit } from '../records/samples.ts';

interface Subject {
  readonly name: string;
  readonly schema: z.ZodObject;
  readonly good: Readonly<Record<string, unknown>>;
  readonly judge: (payload: Payload) => Fault | null;
}

const subjects: readonly Subject[] = [
  {
    name: 'a pageview',
    schema: pageview,
    good: visit,
    judge: (payload) => faultOf(readPageview(payload, context)),
  },
  {
    name: 'an event',
    schema: event,
    good: { ...visit, name: 'signup' },
    judge(payload) {
      const read = readEvent(payload, context);
      return isFault(read) ? read : checkEventName(read);
    },
  },
  {
    name: 'an AI fetch',
    schema: aiFetch,
    good: { path: '/', status_code: 200, user_agent: GPTBOT },
    judge: (payload) => faultOf(readAiFetch(payload, context)),
  },
];
/** These are about a field's type and bounds, and so what a schema can say. */
const OF_FORM: readonly string[] = ['field_required', 'field_type', 'field_out_of_range'];

const faultOf = (read: object): Fault | null => (isFault(read) ? read : null);
const value = fc.constantFrom(
  ...['', 'text', SESSION, '203.0.113.7', '2026-11-20T11:59:58Z', 'https://www.example.com/'],
  ...[0, 1, -1, 1.5, 99, 100, 599, 600, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53 - 1, 1e300],
  ...[true, false, null, [], {}, { a: 1 }, ['x'], undefined],
);

describe.each(subjects)('the schema of $name', ({ schema, good, judge }) => {
  const validate = new Ajv2020({ allowUnionTypes: true }).compile(z.toJSONSchema(schema, { io: 'input' }));
  const changed = fc
    .dictionary(fc.constantFrom(...Object.keys(schema.shape)), value, { maxKeys: 2 })
    .map((replaced) => ({ ...good, ...replaced }));

  it('takes what is good', () => {
    expect(judge(payloadOf(good))).toBeNull();
    expect(validate(good)).toBe(true);
  });

  it('refuses nothing that is read, and takes nothing that has the wrong form', () => {
    fc.assert(
      fc.property(changed, (fields) => {
        const sent = JSON.parse(JSON.stringify(fields)) as Record<string, unknown>;
        const fault = judge(payloadOf(sent));
        const isValid = validate(sent);
        if (fault === null) expect([isValid, validate.errors]).toEqual([true, null]);
        else if (OF_FORM.includes(fault.code)) expect([isValid, fault]).toEqual([false, fault]);
      }),
      { numRuns: 2000 },
    );
  });
});
