/** The senders of docs/clients.md for Python and WordPress, run by Debian's python3 and php. */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from '../setup/database.ts';
import { createDemoSite, makeDirectory, type DemoSite, type GatewayProcess } from '../setup/gateway.ts';
import { startOn } from '../senders/restart.ts';
import { installPrograms, run } from './programs.ts';

const CLIENTS = join(import.meta.dirname, '../../docs/clients');

let database: TestDatabase;
let directory: { path: string; remove: () => Promise<void> };
let gateway: GatewayProcess;
let site: DemoSite;

beforeAll(async () => {
  installPrograms('python3', 'php');
  database = await createDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  directory = await makeDirectory();
  gateway = await startOn(0, database, join(directory.path, 'data'));
  site = await createDemoSite(database.sql, `${randomUUID()}.example.com`);
});
afterEach(async () => {
  await gateway.stop('SIGTERM');
  await directory.remove();
});

async function killAndRestart(): Promise<void> {
  await gateway.stop('SIGKILL');
  await sleep(500);
  gateway = await startOn(gateway.port, database, join(directory.path, 'data'));
}

async function countHits(): Promise<string> {
  const [row] = await database.sql<{ all: number; paths: number }[]>`
    SELECT count(*)::int AS all, count(DISTINCT path)::int AS paths FROM hits WHERE site_id = ${site.siteId}`;
  return `${row?.all} ${row?.paths}`;
}

it('the sender for Python brings every record, once, though the gateway is killed', async () => {
  const script = join(directory.path, 'send.py');
  await writeFile(
    script,
    `import sys, time
sys.path.insert(0, ${JSON.stringify(CLIENTS)})
sys.dont_write_bytecode = True
from sender import Sender
sender = Sender(${JSON.stringify(gateway.base)}, ${JSON.stringify(site.token)})
for number in range(3000):
    sender.track({"type": "pageview", "url": "https://${site.domain}/%d" % number, "visitor_ip": "192.0.2.1", "user_agent": "Firefox"})
    if number % 10 == 0: time.sleep(0.01)
sender.close()
print("done")
`,
  );
  const program = run('python3', [script]);
  await sleep(1500);
  await killAndRestart();
  await expect.poll(() => program.output(), { timeout: 60_000 }).toContain('done');
  await expect.poll(countHits, { timeout: 20_000 }).toBe('3000 3000');
  await program.stop();
});

/** Of WordPress only what the plugin calls. */
const WORDPRESS = `<?php
define('ABSPATH', '/');
define('AUTH_KEY', 'x');
function add_action($name, $call) { $GLOBALS['actions'][$name] = $call; }
function add_filter($name, $call) {}
function is_admin() { return false; }
function is_feed() { return false; }
function is_preview() { return false; }
function is_404() { return $_SERVER['REQUEST_URI'] === '/missing'; }
function is_ssl() { return true; }
function wp_doing_cron() { return false; }
function wp_doing_ajax() { return false; }
function wp_json_encode($value) { return json_encode($value); }
function wp_generate_uuid4() {
    $hex = bin2hex(random_bytes(16));
    return substr($hex, 0, 8) . '-' . substr($hex, 8, 4) . '-4' . substr($hex, 13, 3) . '-8' . substr($hex, 17, 3) . '-' . substr($hex, 20);
}
function is_wp_error($value) { return $value === null; }
function wp_remote_retrieve_response_code($response) { return $response['status']; }
function wp_remote_retrieve_body($response) { return $response['body']; }
function wp_remote_post($url, $options) {
    $headers = '';
    foreach ($options['headers'] as $name => $value) $headers .= "$name: $value\\r\\n";
    $context = stream_context_create(['http' => ['method' => 'POST', 'header' => $headers, 'content' => $options['body'],
        'timeout' => $options['timeout'], 'ignore_errors' => true]]);
    $body = @file_get_contents($url, false, $context);
    if ($body === false) return null;
    return ['status' => (int) explode(' ', $http_response_header[0])[1], 'body' => $body];
}
`;

it('the plugin for WordPress sends each page, once, and what waited while the gateway was gone', async () => {
  const queue = join(directory.path, 'queue');
  await mkdir(queue);
  const setup = `define('SLUICE_URL', '${gateway.base}'); define('SLUICE_TOKEN', '${site.token}'); define('SLUICE_QUEUE', '${queue}');
require '${join(CLIENTS, 'sluice-pageviews.php')}';
`;
  const php = async (code: string): Promise<void> => {
    const file = join(directory.path, `${randomUUID()}.php`);
    await writeFile(file, WORDPRESS + setup + code);
    const program = run('php', [file]);
    await expect.poll(() => program.output(), { timeout: 20_000 }).toContain('done');
    expect(program.output()).toBe('done');
    await program.stop();
  };
  const browse = (from: number, to: number): Promise<void> =>
    php(`$_SERVER = ['REQUEST_METHOD' => 'GET', 'HTTP_HOST' => '${site.domain}', 'REMOTE_ADDR' => '192.0.2.1', 'HTTP_USER_AGENT' => 'Firefox', 'HTTP_REFERER' => 'https://example.org/'];
for ($number = ${from}; $number < ${to}; $number++) { $_SERVER['REQUEST_URI'] = "/page/$number?q=\u00fc"; $GLOBALS['actions']['shutdown'](); }
$_SERVER['REQUEST_URI'] = '/missing'; $GLOBALS['actions']['shutdown']();
$_SERVER['REQUEST_URI'] = '/posted'; $_SERVER['REQUEST_METHOD'] = 'POST'; $GLOBALS['actions']['shutdown']();
echo 'done';`);
  const cron = (): Promise<void> => php(`$GLOBALS['actions']['sluice_flush'](); echo 'done';`);
  await browse(0, 700);
  await cron();
  await gateway.stop('SIGKILL');
  await cron();
  await browse(700, 1000);
  gateway = await startOn(gateway.port, database, join(directory.path, 'data'));
  for (let again = 0; again < 4; again++) await cron();
  await expect.poll(countHits, { timeout: 20_000 }).toBe('1000 1000');
});
