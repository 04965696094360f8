/** The command line. One place sets the exit code: 0 done, 1 failed (one sentence on standard error), 2 misused. */
import { CommanderError } from 'commander';
import { createProgram } from './program.ts';

// A reader that has seen enough, as in `sluice query … | head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const program = await createProgram(process.argv[2]);
try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed its own errors, and help counts as one.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`sluice: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
