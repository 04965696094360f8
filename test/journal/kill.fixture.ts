/** Appends without end, and prints the number of each entry once it is synced: `node kill.fixture.ts <folder>`. */
import { openJournal } from '../../src/journal/journal.ts';
import { makeEntry, SEGMENT_BYTES } from './folder.ts';

const journal = await openJournal(
  {
    directory: process.argv[2] ?? '',
    segmentBytes: SEGMENT_BYTES,
    journalBytesMax: 100_000 * SEGMENT_BYTES,
    frameBytesMax: SEGMENT_BYTES,
    pendingBytesMax: 1024 * 1024,
  },
  { log: () => undefined },
);
const first = journal.stats().appended + 1;
process.stdout.write(`from ${first}\n`);
for (let number = first; ;) {
  const last = number + 7;
  for (; number <= last; number++) {
    const entry = makeEntry(number, 200);
    journal.append(entry, 0, entry.length);
  }
  await journal.synced(last);
  process.stdout.write(`${last}\n`);
}
