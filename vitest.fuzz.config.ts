/** The property-based tests alone, for as long as you like: `npm run fuzz`, or `FUZZ_RUNS=1000000 npm run fuzz -- test/formats`. */
import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig, mergeConfig } from 'vitest/config';
import plain from './vitest.config.ts';

const include = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts') && !name.startsWith('system'))
  .map((name) => `test/${name}`)
  .filter((path) => readFileSync(path, 'utf8').includes("from 'fast-check'"));

export default mergeConfig(
  { ...plain, test: { ...plain.test, include } },
  defineConfig({ test: { setupFiles: ['test/setup/fuzz.ts'], testTimeout: 24 * 3_600_000 } }),
);
