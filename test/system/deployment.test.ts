/** The files of docs/deployment, held to the programs that read them and to the settings. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, type Config } from '../../src/config.ts';
import { makeDirectory } from '../setup/gateway.ts';
import { installPrograms } from './programs.ts';

const FOLDER = join(import.meta.dirname, '../../docs/deployment');
const DOCKERFILE = readFileSync(join(FOLDER, '../../Dockerfile'), 'utf8');

let directory: { path: string; remove: () => Promise<void> };

beforeAll(async () => {
  directory = await makeDirectory();
});
afterAll(() => directory.remove());

/** In seconds: what a stop may take at most. */
function boundStop({ stopDelayMs, stopTimeoutMs }: Config): number {
  return (stopDelayMs + stopTimeoutMs) / 1000 + 10;
}

it('systemd finds nothing to complain about in the unit, and it leaves a stop its time', async () => {
  installPrograms('systemd-analyze');
  const unit = await readFile(join(FOLDER, 'sluice@.service'), 'utf8');
  const file = join(directory.path, 'sluice@.service');
  await writeFile(file, unit.replace('/usr/bin/node', process.execPath));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const environment = /^Environment=(.*)$/m.exec(unit)?.[1]?.replaceAll('%i', '8080').split(' ') ?? [];
  const config = readConfig(Object.fromEntries(environment.map((pair) => pair.split('='))));
  expect(config).toMatchObject({ port: 8080, dataDirectory: '/var/lib/sluice/8080' });
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(boundStop(config));
});

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
}

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly stop_grace_period: string;
}

it('Compose gives the gateway settings that it accepts, the journal its volume, and a stop its time', async () => {
  const text = await readFile(join(FOLDER, 'compose.yaml'), 'utf8');
  const { services } = parse(text.replace(/\$\{\w+:\?[^}]*\}/g, 'password')) as Compose;
  const gateway = services['gateway'];
  const folder = /SLUICE_DATA_DIR=(\S+)/.exec(DOCKERFILE)?.[1] ?? '';
  const config = readConfig({ SLUICE_DATA_DIR: folder, ...gateway?.environment });
  expect(gateway?.volumes).toEqual([`journal:${config.dataDirectory}`]);
  expect(gateway?.ports).toEqual([
    `${config.port}:${config.port}`,
    `127.0.0.1:${config.adminPort}:${config.adminPort}`,
  ]);
  expect(Number.parseInt(gateway?.stop_grace_period ?? '', 10)).toBeGreaterThan(boundStop(config));
});
