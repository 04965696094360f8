/** Runs the pacer in a process of its own, and gives what it has measured. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { PacedResult, PacedValues } from './main.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

/** `before`: words of a command that the pacer is to run under, `taskset` for one. */
export async function pace(values: PacedValues, before: readonly string[]): Promise<PacedResult> {
  const words = [...before, process.execPath, MAIN, JSON.stringify(values)];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the pacer ended with ${String(code)}`);
  return JSON.parse(output) as PacedResult;
}
