/** What V8 makes of a gateway's program can be asked only in a process of its own. */
import { expect, it } from 'vitest';
import { createDatabase } from '../setup/database.ts';
import { makeDirectory, startProcess } from '../setup/gateway.ts';

/** Loaded before the program; says at its end whether V8 still takes String.prototype for an object that is being built. */
const PROBE = `
  import { setFlagsFromString } from 'node:v8';
  import { runInThisContext } from 'node:vm';
  setFlagsFromString('--allow-natives-syntax');
  const isSettled = runInThisContext('() => %HasFastProperties(String.prototype)');
  process.on('exit', () => console.log(isSettled() ? 'strings are settled' : 'strings are unsettled'));
`;

it('a running gateway calls the methods of strings directly, though a class was derived from String', async () => {
  const database = await createDatabase();
  const directory = await makeDirectory();
  const gateway = await startProcess({
    DATABASE_URL: database.url,
    SLUICE_DATA_DIR: directory.path,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PROBE)}`,
  });
  await gateway.stop('SIGTERM');
  expect(gateway.output()).toContain('strings are settled');
  await database.close();
  await directory.remove();
});
