import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { makeEntry, makeFolder, readNumbers, removeFolders, type Folder } from './folder.ts';

afterAll(removeFolders);

/** The obvious journal: a list, and three numbers. */
interface Model {
  appended: number;
  synced: number;
  stored: number;
  read: number;
}

interface Real {
  folder: Folder;
  journal: Journal;
}

type Step =
  | { readonly kind: 'append'; readonly count: number; readonly bytes: number }
  | { readonly kind: 'sync' | 'read' | 'store' | 'reopen' | 'crash' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 20 }),
      bytes: fc.integer({ min: 8, max: 9000 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom('sync' as const, 'read' as const, 'store' as const, 'reopen' as const, 'crash' as const)
      .map((kind): Step => ({ kind })),
  },
);

async function perform(model: Model, real: Real, action: Step): Promise<void> {
  switch (action.kind) {
    case 'append':
      for (let each = 0; each < action.count; each++) {
        const entry = makeEntry(model.appended + 1, action.bytes);
        const receipt = real.journal.append(entry, 0, entry.length);
        if (receipt.kind === 'refused') continue;
        expect(receipt.sequence).toBe(++model.appended);
      }
      return;
    case 'sync':
      expect(await real.journal.synced(model.appended)).toBe('synced');
      model.synced = model.appended;
      return;
    case 'read': {
      await perform(model, real, { kind: 'sync' });
      if (model.read >= model.synced) return;
      const chunk = await real.journal.read(20_000, 0);
      const numbers = chunk === null ? [] : readNumbers(chunk.entries);
      expect(numbers).toEqual(numbers.map((_, index) => model.read + 1 + index));
      model.read += numbers.length;
      expect(chunk?.lastSequence).toBe(model.read);
      return;
    }
    case 'store':
      if (model.read <= model.stored) return;
      real.journal.advanceStored(model.read);
      model.stored = model.read;
      return;
    case 'reopen':
      await real.journal.close();
      real.journal = await real.folder.open();
      model.synced = model.appended;
      model.read = model.stored = real.journal.stats().stored;
      expect(real.journal.stats().appended).toBe(model.appended);
      return;
    case 'crash': {
      const { synced } = model;
      const folder = await real.folder.crash();
      await real.journal.close();
      real.folder = folder;
      real.journal = await folder.open();
      const { appended, stored } = real.journal.stats();
      // All that was known to be synced is there; what was on its way may be.
      expect(appended).toBeGreaterThanOrEqual(synced);
      expect(appended).toBeLessThanOrEqual(model.appended);
      expect(stored).toBeLessThanOrEqual(Math.max(model.stored, 0));
      Object.assign(model, { appended, synced: appended, stored, read: stored });
    }
  }
}

describe('the journal, compared with a list', () => {
  it('never loses, repeats, invents or reorders, whatever is done to it', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const folder = await makeFolder();
        const real = { folder, journal: await folder.open() };
        const model = { appended: 0, synced: 0, stored: 0, read: 0 };
        for (const action of steps) await perform(model, real, action);
        while (model.read < model.appended) await perform(model, real, { kind: 'read' });
        await real.journal.close();
      }),
      { numRuns: 60 },
    );
  });
});
