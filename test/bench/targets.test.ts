/** What becomes of figures: a judgement, a table, a chart. */
import { describe, expect, it } from 'vitest';
import { drawBars } from '../../bench/page/chart.ts';
import { printMarkdown, printTable } from '../../bench/page/print.ts';
import { judge, listUnmeasured } from '../../bench/table/targets.ts';

const spread = (median: number) => ({ median, min: median / 2, max: median * 2 });

describe('a target', () => {
  it.each([
    [0.6, true, false],
    [0.5, false, false],
    [0.19, false, true],
  ])('of at least 0.6 with a floor of 0.2 judges %d', (median, isReached, isMissed) => {
    expect(judge({ bare: spread(median) })).toMatchObject([{ name: 'bare', isReached, isMissed }]);
  });

  it.each([
    [180, true, false],
    [300, false, false],
    [330, false, true],
  ])('of at most 180 with a floor of 320 judges %d', (median, isReached, isMissed) => {
    expect(judge({ memory: spread(median) })).toMatchObject([{ name: 'memory', isReached, isMissed }]);
  });

  it('that is a time is missed by no machine, however slow', () => {
    expect(judge({ token: spread(0.6) })).toMatchObject([{ isReached: true, isMissed: false }]);
    expect(judge({ token: spread(9) })).toMatchObject([{ isReached: false, isMissed: false }]);
  });

  it('that could not be measured is missed, not reached', () => {
    expect(judge({ bare: spread(NaN) })).toMatchObject([{ isReached: false, isMissed: true }]);
    expect(judge({ token: spread(NaN) })).toMatchObject([{ isReached: false, isMissed: true }]);
  });

  it('is judged only when it was measured, and missed in a list of its own', () => {
    expect(judge({})).toEqual([]);
    const unmeasured = listUnmeasured(judge({ bare: spread(0.5) }));
    expect(unmeasured).toContain('token check in memory, hash included');
    expect(unmeasured).not.toContain('single pageview, journal / bare uWebSockets.js');
  });
});

describe('a chart', () => {
  it('draws bars to the scale of the longest, and escapes what it is told', () => {
    const svg = drawBars(
      'a < b & "c"',
      [
        { label: 'long', value: spread(200), isOwn: true },
        { label: 'half', value: spread(100), isOwn: false },
      ],
      (value) => `<${value}>`,
    );
    const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="(\d+)"/g)].map((match) => Number(match[1]));
    expect(widths).toHaveLength(2);
    expect(widths[1]).toBe((widths[0] ?? 0) / 2);
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).toContain('&lt;200&gt;');
  });
});

describe('the table', () => {
  const speed = {
    name: 'journal',
    records: 1,
    recordsPerSecond: spread(1234),
    serverUsPerRecord: spread(10),
    postgresUsPerRecord: spread(5),
    ratio: spread(1),
  };
  const times = { p50: spread(1), p90: spread(2), p99: spread(3), p999: spread(4), latenessP99: spread(0) };
  const result = {
    fronts: [speed],
    forms: [speed],
    latencies: [{ name: 'journal', requestsPerSecond: spread(9), ...times }],
    lines: [{ what: 'a part', measured: spread(0.5), unit: 'µs' }],
    targets: judge({ bare: spread(0.5) }),
    parts: [],
  };

  it('says of each target whether it was reached', () => {
    expect(printTable(result)).toMatch(
      /bare uWebSockets\.js +at least 0\.60 +0\.50 \[0\.25–1\.00\] +not reached/,
    );
  });

  it('names what could not be measured, and leaves out what nothing is known of', () => {
    const parts = [{ name: 'forms', seconds: 1, failure: 'wrk is gone' }];
    const page = printMarkdown({ ...result, forms: [], parts });
    expect(page).toMatch(/^Not measured: forms\.\n\n### Targets/);
    expect(page).not.toContain('### Forms');
    expect(page).toContain('### Single pageviews');
  });

  it('has as many cells in every row as in its head', () => {
    const rows = printMarkdown(result)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(rows.length).toBeGreaterThan(6);
    for (const block of printMarkdown(result)
      .split('\n\n')
      .filter((part) => part.startsWith('|')))
      expect(new Set(block.split('\n').map((line) => line.split('|').length)).size).toBe(1);
  });
});
