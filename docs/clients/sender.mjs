/**
 * A minimal sender for Node 20 or newer, without dependencies: `track(record)` returns at once, records go out in batches,
 * and each is tried again until the gateway has it or says that it is bad. Records wait in memory: for a queue that
 * outlives the process, write log files and use `sluice replay`.
 *
 *   const sender = createSender({ url: 'https://sluice.example.com', token: process.env.TOKEN });
 *   sender.track({ type: 'pageview', url: 'https://example.com/', visitor_ip: '192.0.2.1', user_agent: 'Firefox' });
 *   await sender.close(); // before the process ends
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const BATCH_MAX = 500;
const WAIT_MS = 200;
const QUEUE_MAX = 100_000;
const PAUSE_MS_MAX = 30_000;

export function createSender({ url, token, onRefused = console.error }) {
  const queue = [];
  let isClosing = false;
  let wake = () => {};

  /** False: the queue is full, and the record is not taken. */
  function track(record) {
    if (queue.length >= QUEUE_MAX) return false;
    // Its own time and id, now: however often it is sent, and whenever, it is one row.
    queue.push({ id: randomUUID(), timestamp: new Date().toISOString(), ...record });
    if (queue.length >= BATCH_MAX) wake();
    return true;
  }

  async function run() {
    while (queue.length > 0 || !isClosing) {
      if (queue.length < BATCH_MAX && !isClosing)
        await Promise.race([sleep(WAIT_MS), new Promise((resolve) => (wake = resolve))]);
      const batch = queue.slice(0, BATCH_MAX);
      if (batch.length > 0) await deliver(batch);
      queue.splice(0, batch.length);
    }
  }

  async function deliver(batch) {
    for (let attempt = 0; ; attempt++) {
      const waitMs = await send(batch);
      if (waitMs === null) return;
      await sleep(Math.max(waitMs, Math.min(PAUSE_MS_MAX, 250 * 2 ** attempt) * (0.75 + Math.random() / 2)));
    }
  }

  /** Null: done with. Else how long to wait, at least, before it is sent again. */
  async function send(batch) {
    let response;
    let answer;
    try {
      response = await fetch(`${url}/api/ingest/server/batch`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(batch),
        signal: AbortSignal.timeout(30_000),
      });
      answer = await response.json();
    } catch {
      return 0;
    }
    if (response.status === 429 || response.status >= 500)
      return Number(response.headers.get('Retry-After') ?? 0) * 1000;
    if (answer.errors?.[0]?.retry) return 1000;
    if (!response.ok || answer.errors?.length > 0) onRefused(response.status, answer);
    return null;
  }

  const running = run();
  return {
    track,
    close() {
      isClosing = true;
      wake();
      return running;
    },
  };
}
