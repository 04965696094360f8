/** What gateways take of the machine, once a second: memory, and disk for their journals. Linux only. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Gateway } from './gateway.ts';

export interface Usage {
  readonly name: string;
  /** Resident memory, a reading a second while it ran. */
  readonly residentMib: readonly number[];
  readonly journalMibMax: number;
}

export interface Meter {
  read(): readonly Usage[];
  stop(): Promise<void>;
}

const INTERVAL_MS = 1000;
const MIB = 1024 * 1024;

export function startMeter(gateways: readonly Gateway[]): Meter {
  const meters = gateways.map((gateway) => ({ gateway, residentMib: [] as number[], journalMibMax: 0 }));
  let reading = Promise.resolve();

  async function readAll(): Promise<void> {
    for (const meter of meters) {
      const { gateway } = meter;
      const residents = await Promise.all(gateway.pids().map(readResidentMib));
      const resident = residents.reduce((sum, each) => sum + each, 0);
      if (resident > 0) meter.residentMib.push(resident);
      const journals = await Promise.all(gateway.journalDirectories.map(sumMib));
      meter.journalMibMax = Math.max(
        meter.journalMibMax,
        journals.reduce((sum, each) => sum + each, 0),
      );
    }
  }

  const timer = setInterval(() => {
    reading = reading.then(readAll);
  }, INTERVAL_MS);
  return {
    read: () =>
      meters.map(({ gateway, residentMib, journalMibMax }) => ({
        name: gateway.name,
        residentMib,
        journalMibMax: Math.round(journalMibMax),
      })),
    async stop() {
      clearInterval(timer);
      await reading;
    },
  };
}

/** 0: it does not run any more. */
async function readResidentMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const found = /VmRSS:\s+(\d+) kB/.exec(text)?.[1];
  return Math.round(Number(found ?? 0) / 1024);
}

/** What its files take on the disk; one that goes away meanwhile takes nothing. */
async function sumMib(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const bytes = await Promise.all(
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return bytes.reduce((sum, each) => sum + each, 0) / MIB;
}

/** The median of each tenth of a run. */
export function summarizeTenths(readings: readonly number[]): readonly number[] {
  return Array.from({ length: 10 }, (_, tenth) => {
    const part = readings.slice(
      Math.floor((readings.length * tenth) / 10),
      Math.floor((readings.length * (tenth + 1)) / 10),
    );
    return part.toSorted((one, other) => one - other)[Math.floor(part.length / 2)] ?? 0;
  });
}
