/**
 * What a 202 waits for. `journal`: the record is on this disk. `postgres`: it is committed; when that takes too
 * long the record is still safe, so the answer is 202 naming `journal`, never an error for a record that is kept.
 * A record that is not on disk within the wait is answered with 503: it may or may not be kept, and sending it
 * again with the same id is harmless.
 */
import type { Append, Journal, Refused } from '../journal/journal.ts';
import { refuse, type Durability, type Refusal, type Verdict } from './verdict.ts';

export interface AcknowledgementValues {
  readonly durability: Durability;
  readonly ackWaitMs: number;
}

/** How long until the journal has room again, by the speed at which Postgres takes rows. */
export type SecondsUntilRoom = () => number;

export type Acknowledge = (prefer: string, receipt: Append) => Verdict | Promise<Verdict>;

export function createAcknowledgement(
  values: AcknowledgementValues,
  journal: Journal,
  refuseAppend: RefuseAppend,
): Acknowledge {
  const { ackWaitMs, durability } = values;
  const awaitFrame = boundPerFrame(ackWaitMs);

  function judge(synced: Synced, isNamed: boolean): Verdict {
    switch (synced) {
      case 'synced':
        return { kind: 'accepted', durability: 'journal', isNamed };
      case 'failed':
        return { ...refuseAppend('failed'), isAppended: true };
      case 'late':
        return {
          ...refuse(
            'journal_slow',
            `The record was not on disk within ${ackWaitMs} ms. Send it again with the same id.`,
          ),
          isAppended: true,
        };
    }
  }

  /** All who wait for a frame wait for the same promise, and have the same verdict. */
  const judgeFrame = oncePerPromise((synced: Promise<Synced>) => synced.then((one) => judge(one, false)));

  async function acknowledgeAsWanted(prefer: string, sequence: number): Promise<Verdict> {
    const preferred = prefer === '' ? null : readPreference(prefer);
    const wanted = preferred ?? durability;
    const isInPostgres = wanted === 'postgres' && (await journal.stored(sequence, ackWaitMs)) === 'stored';
    if (isInPostgres) return { kind: 'accepted', durability: 'postgres', isNamed: preferred !== null };
    return judge(await awaitFrame(journal.synced(sequence)), preferred !== null || wanted === 'postgres');
  }

  return (prefer, receipt) => {
    if (receipt.kind === 'refused') return refuseAppend(receipt.reason);
    const { sequence } = receipt;
    return prefer === '' && durability === 'journal'
      ? judgeFrame(awaitFrame(journal.synced(sequence)))
      : acknowledgeAsWanted(prefer, sequence);
  };
}

type Synced = 'synced' | 'failed' | 'late';

/** RFC 7240: a list of preferences, each name=value; the first `durability` that is known counts. */
export function readPreference(prefer: string): Durability | null {
  const match = /(?:^|,)\s*durability\s*=\s*"?(journal|postgres)"?\s*(?:;[^,]*)?(?:,|$)/i.exec(prefer);
  return match === null ? null : (match[1]?.toLowerCase() as Durability);
}

/** One timer for all requests that wait for the same frame: they share its promise. */
function boundPerFrame(waitMs: number): (synced: Promise<'synced' | 'failed'>) => Promise<Synced> {
  return oncePerPromise((synced) => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, waitMs, 'late');
    });
    return Promise.race([synced, late]).finally(() => clearTimeout(timer));
  });
}

/** Of the same promise as the last time the same is made. */
function oncePerPromise<T, R>(
  make: (promise: Promise<T>) => Promise<R>,
): (promise: Promise<T>) => Promise<R> {
  let last: Promise<T> | null = null;
  let made: Promise<R> | null = null;
  return (promise) => {
    if (promise === last && made !== null) return made;
    last = promise;
    made = make(promise);
    return made;
  };
}

/** Why the journal did not take an entry. */
export type RefuseAppend = (reason: Refused) => Refusal;

export function createAppendRefusals(secondsUntilRoom: SecondsUntilRoom): RefuseAppend {
  return (reason) =>
    reason === 'full'
      ? {
          ...refuse(
            'journal_full',
            'The disk for records that Postgres has not taken yet is used up. Try again later.',
          ),
          retryAfterSeconds: secondsUntilRoom(),
        }
      : refuseOther(reason);
}

function refuseOther(reason: Exclude<Refused, 'full'>): Refusal {
  switch (reason) {
    case 'busy':
      return refuse(
        'journal_busy',
        'More records wait for the disk than memory is set aside for. Try again soon.',
      );
    case 'failed':
      return refuse(
        'journal_failed',
        'The journal could not write to its disk. The gateway has to be restarted.',
      );
    case 'closed':
      return refuse('stopping', 'This gateway is stopping. Send the record again, to another one.');
  }
}
