/** What this gateway does, as it says each second: the last 15 minutes, kept while the page is looked at. */
import { ask, type Problem } from '../base/api.ts';
import { useEffect, useRef, useState } from '../base/view.ts';

export interface Sample {
  readonly at: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly ack50: number | null;
  readonly ack99: number | null;
  readonly stored: number;
  readonly quarantined: number;
  readonly waiting: number;
  readonly journalBytes: number;
  readonly hitPart: number | null;
  readonly revocationLagMs: number;
  readonly trouble: string | null;
}

export interface Feed {
  readonly name: string;
  readonly samples: readonly Sample[];
  readonly isLive: boolean;
  readonly problem: Problem | null;
}

const SAMPLES_MAX = 900;
const RETRY_MS = 3000;
const SHOW_MS = 50;
const PATH = '/api/console/live';

/** A window that nobody sees listens to nothing; when it is seen again it gets what it missed. */
export function useFeed(): Feed {
  const [feed, setFeed] = useState<Feed>({ name: '', samples: [], isLive: false, problem: null });
  const last = useRef({ at: 0, name: '' });

  useEffect(() => {
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let showing: ReturnType<typeof setTimeout> | undefined;
    const taken: Sample[] = [];

    function close(): void {
      clearTimeout(timer);
      source?.close();
      source = null;
    }

    function open(): void {
      close();
      if (document.hidden) return;
      source = new EventSource(`${PATH}?after=${last.current.at}`);
      source.addEventListener('gateway', (event) =>
        meet((JSON.parse(String(event.data)) as { name: string }).name),
      );
      source.addEventListener('message', (event) => take(JSON.parse(String(event.data)) as Sample));
      source.addEventListener('error', () => void recover());
    }

    /** Behind a balancer the next connection may be to another gateway, with samples of its own. */
    function meet(name: string): void {
      const isOther = last.current.name !== '' && last.current.name !== name;
      if (isOther) taken.length = 0;
      last.current = { at: isOther ? 0 : last.current.at, name };
      setFeed((before) => ({ name, samples: isOther ? [] : before.samples, isLive: true, problem: null }));
      if (isOther) open();
    }

    /** 15 minutes come at once: they are shown once. */
    function take(sample: Sample): void {
      if (sample.at <= last.current.at) return;
      last.current = { ...last.current, at: sample.at };
      if (taken.push(sample) === 1) showing = setTimeout(show, SHOW_MS);
    }

    function show(): void {
      const fresh = taken.splice(0);
      setFeed((before) => ({
        ...before,
        isLive: true,
        samples: [...before.samples, ...fresh].slice(-SAMPLES_MAX),
      }));
    }

    /** A stream that ends is opened again by the browser; one that is refused is not. */
    async function recover(): Promise<void> {
      if (source?.readyState !== EventSource.CLOSED) return;
      close();
      const answer = await ask('GET', `${PATH}?follow=0&after=${last.current.at}`);
      setFeed((before) => ({ ...before, isLive: false, problem: answer.isGood ? null : answer.problem }));
      timer = setTimeout(open, RETRY_MS);
    }

    open();
    document.addEventListener('visibilitychange', open);
    return () => {
      document.removeEventListener('visibilitychange', open);
      clearTimeout(showing);
      close();
    };
  }, []);

  return feed;
}
