import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readResourceType } from '../../src/crawlers/resource-type.ts';

const OFFICE = 'application/vnd.openxmlformats-officedocument';

describe('a content type', () => {
  it.each([
    ['', 'html'],
    ['  ', 'html'],
    ['text/html', 'html'],
    [' Text/HTML; charset=utf-8', 'html'],
    ['text/html ;charset=utf-8', 'other'],
    ['application/xhtml+xml', 'html'],
    [';charset=utf-8', 'html'],
    ['image/png', 'image'],
    ['image/svg+xml; charset=utf-8', 'image'],
    ['application/pdf', 'document'],
    ['application/msword', 'document'],
    [`${OFFICE}.wordprocessingml.document`, 'document'],
    ['application/vnd.ms-powerpoint', 'document'],
    [`${OFFICE}.presentationml.presentation`, 'document'],
    ['application/vnd.ms-excel', 'document'],
    [`${OFFICE}.spreadsheetml.sheet`, 'document'],
    ['text/plain;charset=utf-8', 'document'],
    ['text/markdown', 'document'],
    ['text/css', 'other'],
    ['application/json', 'other'],
    ['video/mp4', 'other'],
    ['constructor', 'other'],
  ])('%j is %s', (contentType, expected) => {
    expect(readResourceType(contentType)).toBe(expected);
  });

  it('always has a resource type', () => {
    fc.assert(
      fc.property(fc.string(), (contentType) => {
        expect(['html', 'image', 'document', 'other']).toContain(readResourceType(contentType));
      }),
    );
  });
});
