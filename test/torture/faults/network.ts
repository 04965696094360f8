/** What can happen between a gateway and Postgres, and to Redis. */
import type { Fault } from '../fault.ts';
import { sendSignal } from '../world.ts';

export const networkFaults: readonly Fault[] = [
  {
    name: 'wire-cut',
    lane: 'wire',
    holdMs: [500, 6000],
    async inject({ world, random }) {
      const mend = random.pick(world.gateways).wire.cut();
      return async () => mend();
    },
  },
  cutNext('wire-cut-in-copy', 'in COPY'),
  cutNext('wire-cut-after-commit', 'after commit'),
  {
    name: 'redis-killed',
    lane: 'redis',
    holdMs: [500, 5000],
    async inject({ world: { redis } }) {
      await redis.stop();
      return () => redis.start();
    },
  },
  {
    name: 'redis-frozen',
    lane: 'redis',
    holdMs: [500, 5000],
    async inject({ world: { redis } }) {
      const pid = redis.pid();
      if (pid !== undefined) sendSignal(pid, 'SIGSTOP');
      return async () => {
        if (pid !== undefined) sendSignal(pid, 'SIGCONT');
      };
    },
  },
  {
    name: 'redis-flushed',
    lane: 'redis',
    holdMs: [0, 100],
    async inject({ world: { redis } }) {
      await redis.flush();
      return async () => undefined;
    },
  },
];

function cutNext(name: string, where: 'in COPY' | 'after commit'): Fault {
  return {
    name,
    lane: 'wire',
    holdMs: [1000, 3000],
    async inject({ world, random }) {
      for (const { wire } of world.gateways) wire.cutNext(where, random.between(1, 8));
      return async () => {
        for (const { wire } of world.gateways) wire.cutNext(where, 0);
      };
    },
  };
}
