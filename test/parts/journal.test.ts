/** The limits of a record and of the journal's frames fit each other, with the smallest segments that may be set. */
import { expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { ENTRY_BYTES_MAX } from '../../src/journal/frame.ts';
import { makeJournal } from '../../src/parts/parts.ts';
import { makeDirectory } from '../setup/gateway.ts';

it('the largest record has a frame of its own, and is read back as it was; no larger one has', async () => {
  const directory = await makeDirectory();
  const config = readConfig({ SLUICE_JOURNAL_SEGMENT_BYTES: '16MiB' });
  const space = { directory: directory.path, bytesMax: config.journalBytesMax };
  const journal = await makeJournal(config, space, () => undefined);
  const entry = Buffer.alloc(ENTRY_BYTES_MAX + 1, 'entry');
  expect(() => journal.append(entry, 0, entry.length)).toThrow(/fits no frame/);
  expect(journal.append(entry, 1, entry.length)).toEqual({ kind: 'appended', sequence: 1 });
  expect(await journal.synced(1)).toBe('synced');
  const chunk = await journal.read(ENTRY_BYTES_MAX, 0);
  expect(chunk?.entries.equals(entry.subarray(1))).toBe(true);
  await journal.close();
  await directory.remove();
});
