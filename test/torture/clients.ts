/**
 * Many clients at once, each sending records in every form and noting what it was promised. A client that got no
 * answer, or a refusal that may pass, sends the very same request again, often to another gateway; not always, and it
 * does not wait for as long as it is asked to.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoSite } from '../setup/gateway.ts';
import { judge, type Answer } from './answer.ts';
import type { Ledger } from './ledger.ts';
import { createRandom, type Random } from './random.ts';
import { forms, type Body, type Form } from './records.ts';

export interface ClientValues {
  readonly clients: number;
  /** Records per second, of all clients together; what could not be sent for two seconds is let go. */
  readonly recordsPerSecond: number;
  readonly seed: number;
  readonly paddingBytes: number;
  /** Of all requests, those whose sender hangs up once it has sent. */
  readonly hangUpShare: number;
}

export interface ClientDeps {
  readonly ledger: Ledger;
  readonly site: DemoSite;
  /** The ports of the gateways that listen now. */
  readonly ports: () => readonly number[];
}

export interface Clients {
  /** Answers, by status and code; 'no answer' among them. */
  readonly answers: ReadonlyMap<string, number>;
  /** Records in all requests that were sent, by form. */
  readonly byForm: ReadonlyMap<string, number>;
  /** Sends one record to a port; true when it is in Postgres by now. */
  probe(port: number): Promise<boolean>;
  /** Ends when every request that was sent has ended. */
  stop(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 6000;
const BURST_MS = 2000;
const TRIES_MAX = 4;
/** Of all requests, those that ask for durability=postgres. */
const POSTGRES_SHARE = 0.08;
const RETRY_SHARE = 0.8;

export function startClients(values: ClientValues, deps: ClientDeps): Clients {
  const { ledger, site, ports } = deps;
  const agent = new Agent({ keepAlive: true });
  const answers = new Map<string, number>();
  const byForm = new Map<string, number>();
  const padding = makePadding(values.paddingBytes, createRandom(values.seed));
  const budget = createBudget(values.recordsPerSecond);
  let isStopped = false;

  async function send(
    port: number,
    body: Body,
    prefer: string,
    hangsUp: boolean,
    count: number,
  ): Promise<Answer> {
    const answer = await post(agent, { port, body, token: site.token, prefer, hangsUp });
    const judged = judge(answer.status, answer.text, count);
    answers.set(judged.name, (answers.get(judged.name) ?? 0) + 1);
    return { ...judged, isInPostgres: answer.applied.includes('postgres') };
  }

  async function sendAll(form: Form, random: Random): Promise<void> {
    const count = random.between(...form.records);
    const first = ledger.allot(count, form.tableOf);
    const body = form.build(first, count, { site, random, padding });
    const invalid = new Set(body.invalid);
    byForm.set(form.name, (byForm.get(form.name) ?? 0) + count);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const open = ports();
      if (open.length === 0) {
        await sleep(50);
        continue;
      }
      const prefer = random.next() < POSTGRES_SHARE ? 'durability=postgres' : '';
      const answer = await send(random.pick(open), body, prefer, random.next() < values.hangUpShare, count);
      for (let offset = 0; offset < count; offset++) ledger.hear(first + offset, answer.heard(offset));
      checkInvalid(answer, invalid);
      if (!answer.mayPass || isStopped || random.next() > RETRY_SHARE) return;
      await sleep(random.between(20, 400));
    }
  }

  async function run(random: Random): Promise<void> {
    while (!isStopped) {
      const form = pickForm(random);
      await budget.take(form.records[1] === 1 ? 1 : (form.records[0] + form.records[1]) / 2);
      await sendAll(form, random);
    }
  }

  const running = Promise.all(
    Array.from({ length: values.clients }, (_, index) => run(createRandom(values.seed * 4093 + index))),
  );
  return {
    answers,
    byForm,
    async probe(port) {
      const form = forms[0];
      if (form === undefined) return false;
      const first = ledger.allot(1, form.tableOf);
      const body = form.build(first, 1, { site, random: NEVER, padding: '' });
      const answer = await send(port, body, 'durability=postgres', false, 1);
      ledger.hear(first, answer.heard(0));
      return answer.isInPostgres;
    },
    async stop() {
      isStopped = true;
      await running;
      agent.destroy();
    },
  };
}

/** Letters that Postgres cannot compress. */
function makePadding(bytes: number, random: Random): string {
  return Array.from({ length: bytes }, () => random.between(0, 35).toString(36)).join('');
}

/** For a record that must be valid. */
const NEVER: Random = { ...createRandom(0), between: (_, max) => max };

/** A record that is not valid must never be promised: that is found out here, at once. */
function checkInvalid(answer: Answer, invalid: ReadonlySet<number>): void {
  for (const offset of invalid)
    if (answer.heard(offset) === 'promised') throw new Error('a record without a time was accepted');
}

const WEIGHTS = forms.reduce((sum, form) => sum + form.weight, 0);

function pickForm(random: Random): Form {
  let left = random.next() * WEIGHTS;
  const found = forms.find((form) => (left -= form.weight) < 0) ?? forms[0];
  if (found === undefined) throw new Error('there are no forms');
  return found;
}

/** Lets so many records go per second, and makes up for a pause of two seconds at most. */
function createBudget(recordsPerSecond: number): { take(records: number): Promise<void> } {
  const burst = (recordsPerSecond * BURST_MS) / 1000;
  let left = 0;
  let filledAtMs = performance.now();
  return {
    async take(records) {
      for (;;) {
        const nowMs = performance.now();
        left = Math.min(burst, left + ((nowMs - filledAtMs) / 1000) * recordsPerSecond);
        filledAtMs = nowMs;
        if (left > 0) break;
        await sleep(Math.max(2, (-left / recordsPerSecond) * 1000));
      }
      left -= records;
    },
  };
}

interface Sent {
  readonly port: number;
  readonly body: Body;
  readonly token: string;
  readonly prefer: string;
  readonly hangsUp: boolean;
}

interface Reply {
  /** 0: no answer. */
  readonly status: number;
  readonly text: string;
  /** Which durability the answer names. */
  readonly applied: string;
}

const NO_ANSWER: Reply = { status: 0, text: '', applied: '' };

function post(agent: Agent, { port, body, token, prefer, hangsUp }: Sent): Promise<Reply> {
  return new Promise((resolve) => {
    const sending = request({
      host: '127.0.0.1',
      port,
      path: body.path,
      method: 'POST',
      agent,
      timeout: REQUEST_TIMEOUT_MS,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': body.contentType,
        ...(prefer === '' ? {} : { prefer }),
      },
    });
    sending.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          applied: String(answer.headers['preference-applied'] ?? ''),
        }),
      );
      answer.on('error', () => resolve(NO_ANSWER));
    });
    if (hangsUp) sending.on('finish', () => sending.destroy());
    sending.on('timeout', () => sending.destroy());
    sending.on('error', () => resolve(NO_ANSWER));
    sending.on('close', () => resolve(NO_ANSWER));
    sending.end(body.text);
  });
}
