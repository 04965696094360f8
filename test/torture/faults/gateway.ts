/** What can happen to a gateway: its process, and the bytes of its journal while it is down. */
import { open, readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, inspectFrame, sealFrame } from '../../../src/journal/frame.ts';
import type { Fault, Scene } from '../fault.ts';
import type { Gateway } from '../gateway.ts';
import type { Random } from '../random.ts';
import { sendSignal } from '../world.ts';

export const gatewayFaults: readonly Fault[] = [
  {
    name: 'gateway-killed',
    lane: 'gateway',
    holdMs: [100, 1500],
    async inject({ world, random }) {
      const gateway = random.pick(world.gateways);
      await gateway.stop('SIGKILL');
      return () => gateway.start();
    },
  },
  {
    name: 'gateway-stopped',
    lane: 'gateway',
    holdMs: [100, 1000],
    async inject({ world, random, blame }) {
      const gateway = random.pick(world.gateways);
      const code = await gateway.stop('SIGTERM');
      if (code !== 0) blame(`SIGTERM ended ${gateway.name} with ${code}, not with 0`);
      return () => gateway.start();
    },
  },
  {
    name: 'gateway-frozen',
    lane: 'gateway',
    holdMs: [1000, 7000],
    async inject({ world, random }) {
      const pid = pickProcess(random.pick(world.gateways), random);
      if (pid !== null) sendSignal(pid, 'SIGSTOP');
      return async () => {
        if (pid !== null) sendSignal(pid, 'SIGCONT');
      };
    },
  },
  {
    name: 'process-killed',
    lane: 'gateway',
    holdMs: [100, 1500],
    needsProcesses: true,
    async inject({ world, random }) {
      const pid = pickProcess(random.pick(world.gateways), random);
      if (pid !== null) sendSignal(pid, 'SIGKILL');
      // Its supervisor mends it.
      return async () => undefined;
    },
  },
  {
    name: 'journal-torn',
    lane: 'gateway',
    holdMs: [50, 200],
    async inject({ world, random }) {
      const gateway = random.pick(world.gateways);
      await gateway.stop('SIGKILL');
      await tearTail(random.pick(gateway.journalDirectories));
      return () => gateway.start();
    },
  },
  { name: 'journal-flipped-byte', lane: 'gateway', holdMs: [50, 200], inject: flipByte },
];

function pickProcess(gateway: Gateway, random: Random): number | null {
  const pids = gateway.pids();
  return pids.length === 0 ? null : random.pick(pids);
}

interface Frame {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  readonly lastSequence: number;
  readonly payload: Buffer;
}

const SEGMENT_HEADER_BYTES = 32;

/** The good frames of a journal that nobody writes, in order. */
async function readFrames(directory: string): Promise<Frame[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.journal')).toSorted();
  const frames: Frame[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const bytes = await readFile(path);
    let start = SEGMENT_HEADER_BYTES;
    for (let state = inspectFrame(bytes, start, FRAME_BYTES_MAX); state.kind === 'good';) {
      const { payloadStart, end, lastSequence } = state.head;
      frames.push({ path, start, end, lastSequence, payload: bytes.subarray(payloadStart, end) });
      start = end;
      state = inspectFrame(bytes, start, FRAME_BYTES_MAX);
    }
  }
  return frames;
}

/** As if the power had gone in the middle of the next write: a good head, and half of what it announces. */
async function tearTail(directory: string): Promise<void> {
  const last = (await readFrames(directory)).at(-1);
  if (last === undefined) return;
  const payload = Buffer.alloc(4096, 0x5a);
  const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
  sealFrame(frame, 0, frame.length, 8, last.lastSequence + 1);
  frame.fill(0, FRAME_HEADER_BYTES + 2048);
  await overwrite(last.path, last.end, frame);
}

/**
 * One bit of a frame that Postgres does not have yet. Its records cannot be survived from one copy: the gateway has to
 * say so, exactly, and to keep everything else. Not the last frame: that one could as well be a torn write.
 */
async function flipByte(scene: Scene): Promise<() => Promise<void>> {
  const { world, random, ledger, blame } = scene;
  const gateway = random.pick(world.gateways);
  const mendWire = gateway.wire.cut();
  await sleep(random.between(300, 800));
  await gateway.stop('SIGKILL');
  const directory = random.pick(gateway.journalDirectories);
  const frames = await readFrames(directory);
  const hit = frames.at(-random.between(2, Math.max(2, Math.min(12, frames.length))));
  if (hit !== undefined && frames.length > 1) {
    for (const match of hit.payload.toString('latin1').matchAll(/\/t\/(\d+)/g))
      ledger.markDamaged(Number(match[1]));
    const at = random.between(0, hit.payload.length - 1);
    const flipped = (hit.payload[at] ?? 0) ^ (1 << random.between(0, 7));
    await overwrite(hit.path, hit.start + FRAME_HEADER_BYTES + at, Buffer.from([flipped]));
  }
  return async () => {
    mendWire();
    await gateway.start();
    if (hit === undefined || frames.length < 2) return;
    const copy = `${basename(hit.path, '.journal')}-${hit.start}.bin`;
    const aside = await readFile(join(directory, 'damaged', copy)).catch(() => null);
    if (aside === null || aside.length !== hit.end - hit.start)
      blame(`${gateway.name}: a damaged frame of ${hit.end - hit.start} bytes was not set aside as ${copy}`);
    const said = gateway.output().split('\n');
    if (!said.some((line) => line.includes('damaged entries') && line.includes(copy)))
      blame(`${gateway.name}: said nothing of the damaged frame ${copy}`);
  };
}

async function overwrite(path: string, offset: number, bytes: Buffer): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
  }
}
