/** Many more runs of every property that does not say how many. A failure prints the seed that repeats it. */
import fc from 'fast-check';

const RUNS = 20_000;

fc.configureGlobal({ numRuns: Number(process.env['FUZZ_RUNS'] ?? RUNS) });
