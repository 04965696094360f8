/**
 * Loaded before a program (`node --import`), records its CPU profile: from one SIGUSR2 to the next, written to the file that
 * BENCH_PROFILE_FILE names, whole or not at all. Without a signal it does nothing.
 */
import { rename, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

const file = process.env['BENCH_PROFILE_FILE'] ?? '';
const SAMPLE_US = 500;
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
let isRecording = false;

process.on('SIGUSR2', () => {
  isRecording = !isRecording;
  if (isRecording) void session.post('Profiler.start');
  else void writeProfile();
});

async function writeProfile(): Promise<void> {
  const { profile } = await session.post('Profiler.stop');
  await writeFile(`${file}.new`, JSON.stringify(profile));
  await rename(`${file}.new`, file);
}
