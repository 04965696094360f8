/**
 * Revocations by Redis pub/sub: the fastest way, and the one that still works for a gateway that cannot reach Postgres.
 *
 * Every `heartbeatMs` a gateway asks, on the channel that all listen to. It hears its own question, so it knows that
 * its subscription lives; silence makes it subscribe anew. A gateway that cannot read the log says so, and one that
 * can reads it after the question came in, and answers with what follows the asker's last entry. Such an answer is
 * as good as an own look at the log at the time of the question: no clocks are compared, and what Redis held back
 * cannot pass for new, since a question older than a few seconds is forgotten.
 *
 * When Redis is down or frozen: nothing comes, and the log is read from Postgres as ever.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RedisTier } from '../redis.ts';
import type { RevocationFeed } from './feed.ts';
import type { News } from './publish.ts';

export interface Push {
  /** Tells all gateways. Lost news do no harm. */
  tell(news: News): void;
  stats(): PushStats;
  close(): void;
}

export interface PushStats {
  /** The own heartbeat was heard within three beats. */
  readonly isHeard: boolean;
  readonly newsHeard: number;
  readonly answersHeard: number;
  readonly answersGiven: number;
}

export interface PushValues {
  readonly heartbeatMs: number;
}

export interface PushDeps {
  readonly redis: RedisTier;
  readonly feed: RevocationFeed;
  readonly log: (level: 'info' | 'warn', fields: object, message: string) => void;
  readonly now: () => number;
}

const CHANNEL = 'revocations';
const SILENT_BEATS_MAX = 3;
const SILENT_MS_MIN = 1500;
/** An answer to an older question is not waited for. */
const QUESTION_MS_MAX = 5000;

const message = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('question'),
    node: z.string(),
    nonce: z.number(),
    after: z.number().nullable(),
    isCutOff: z.boolean(),
  }),
  z.object({
    kind: z.literal('news'),
    from: z.number(),
    to: z.number(),
    revocations: z.array(
      z.object({
        kind: z.enum(['client', 'site']),
        subject: z.string(),
        version: z.number(),
        sequence: z.number(),
        loggedAtMs: z.number(),
      }),
    ),
    answers: z.object({ node: z.string(), nonce: z.number() }).nullable(),
  }),
]);
type Message = z.infer<typeof message>;
type Question = Extract<Message, { kind: 'question' }>;

export function startPush(values: PushValues, deps: PushDeps): Push {
  const { redis, feed, now } = deps;
  const node = randomUUID();
  const silentMsMax = Math.max(SILENT_MS_MIN, SILENT_BEATS_MAX * values.heartbeatMs);
  /** Own questions and when they were sent, oldest first. */
  const questions = new Map<number, number>();
  const answering = new Set<string>();
  const counts = { newsHeard: 0, answersHeard: 0, answersGiven: 0 };
  let nonce = 0;
  let heardAtMs = now();

  const subscription = redis.subscribe(CHANNEL, {
    onMessage: hear,
    // Whatever was said while nobody listened is in the log.
    onSubscribed: () => void feed.poll(),
  });

  function say(said: Message): void {
    redis.publish(CHANNEL, JSON.stringify(said));
  }

  function isCutOff(): boolean {
    return now() - feed.currentAsOfMs() > 2 * values.heartbeatMs;
  }

  function beat(): void {
    const sentAtMs = now();
    if (sentAtMs - heardAtMs > silentMsMax) {
      heardAtMs = sentAtMs;
      subscription.renew();
    }
    for (const [asked, atMs] of questions) if (sentAtMs - atMs > QUESTION_MS_MAX) questions.delete(asked);
    questions.set(++nonce, sentAtMs);
    say({ kind: 'question', node, nonce, after: feed.lastSequence(), isCutOff: isCutOff() });
  }

  function hear(text: string): void {
    const heard = readMessage(text);
    if (heard === null) {
      deps.log('warn', { channel: CHANNEL }, 'something that is no message was said on the channel');
      return;
    }
    if (heard.kind === 'question') {
      if (heard.node === node) heardAtMs = now();
      else if (heard.isCutOff) void answer(heard);
      return;
    }
    counts.newsHeard++;
    const askedAtMs = heard.answers?.node === node ? questions.get(heard.answers.nonce) : undefined;
    const isInTime = askedAtMs !== undefined && now() - askedAtMs <= QUESTION_MS_MAX;
    if (isInTime) counts.answersHeard++;
    feed.take(heard, isInTime ? askedAtMs : null);
  }

  /** The log is read after the question came in: that is what makes the answer worth something. */
  async function answer(question: Question): Promise<void> {
    if (question.after === null || answering.has(question.node) || isCutOff()) return;
    answering.add(question.node);
    try {
      const news = await feed.readAfter(question.after);
      if (news === null) return;
      say({
        kind: 'news',
        from: news.from,
        to: news.to,
        revocations: [...news.revocations],
        answers: { node: question.node, nonce: question.nonce },
      });
      counts.answersGiven++;
    } catch {
      // Cut off from Postgres as well: others may know.
    } finally {
      answering.delete(question.node);
    }
  }

  const timer = setInterval(beat, values.heartbeatMs);
  timer.unref();
  return {
    tell: (news) => say({ kind: 'news', ...news, revocations: [...news.revocations], answers: null }),
    stats: () => ({ ...counts, isHeard: now() - heardAtMs <= silentMsMax }),
    close() {
      clearInterval(timer);
      subscription.close();
    },
  };
}

function readMessage(text: string): Message | null {
  try {
    return message.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
