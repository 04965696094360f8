import { describe, expect, it } from 'vitest';
import { judge } from './answer.ts';

const problem = (code: string, more: object = {}): string => JSON.stringify({ code, ...more });
const heardOf = (status: number, text: string, records: number): string[] => {
  const answer = judge(status, text, records);
  return Array.from({ length: records }, (_, offset) => answer.heard(offset));
};

describe('what a sender may believe', () => {
  it('is a promise for a 202, nothing without an answer, and a refusal for what was never on its way to the disk', () => {
    expect(heardOf(202, '', 1)).toEqual(['promised']);
    expect(heardOf(0, '', 2)).toEqual(['unknown', 'unknown']);
    expect(heardOf(503, problem('journal_full'), 1)).toEqual(['refused']);
    expect(heardOf(503, problem('journal_slow'), 1)).toEqual(['unknown']);
    expect(heardOf(400, problem('field_invalid'), 1)).toEqual(['refused']);
  });

  it('is said record by record in a batch', () => {
    const errors = [
      { index: 1, code: 'field_invalid' },
      { index: 2, code: 'journal_slow' },
    ];
    expect(heardOf(202, JSON.stringify({ errors, errors_omitted: 0 }), 3)).toEqual([
      'promised',
      'refused',
      'unknown',
    ]);
  });

  it('is no promise for a record of a batch whose list of errors is not whole', () => {
    const errors = [{ index: 1, code: 'journal_full' }];
    expect(heardOf(202, JSON.stringify({ errors, errors_omitted: 1 }), 3)).toEqual([
      'unknown',
      'refused',
      'unknown',
    ]);
    expect(heardOf(503, problem('journal_failed', { errors, errors_omitted: 1 }), 3)).toEqual([
      'unknown',
      'refused',
      'unknown',
    ]);
  });

  it('is no refusal for what a delivery has kept that is asked for again as a whole', () => {
    const errors = [{ index: 1, code: 'journal_full' }];
    const text = problem('journal_full', { accepted: 1, errors, errors_omitted: 0 });
    expect(heardOf(503, text, 2)).toEqual(['unknown', 'refused']);
  });
});
