import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';

describe('the settings', () => {
  it('have defaults', () => {
    expect(readConfig({})).toMatchObject({
      port: 8080,
      durability: 'journal',
      bodyBytesMax: 65_536,
      databaseUrl: null,
    });
  });

  it('are read in their units', () => {
    const config = readConfig({
      PORT: '0',
      SLUICE_BODY_MAX_BYTES: '1MiB',
      SLUICE_ACK_WAIT: '250ms',
      SLUICE_TIME_PAST: '1y',
      SLUICE_DURABILITY: 'postgres',
      SLUICE_MIGRATE: 'off',
      DATABASE_URL: ' postgresql://u:p@h/d ',
    });
    expect(config).toMatchObject({
      port: 0,
      bodyBytesMax: 1_048_576,
      ackWaitMs: 250,
      timePastMs: 365.25 * 86_400_000,
      durability: 'postgres',
      migratesAtStart: false,
      databaseUrl: 'postgresql://u:p@h/d',
    });
  });

  it.each([
    [{ PORT: '65536' }, 'PORT must be a whole number'],
    [{ PORT: '-1' }, 'PORT must be a whole number'],
    [{ SLUICE_BODY_MAX_BYTES: '64KB' }, 'SLUICE_BODY_MAX_BYTES must be a size'],
    [{ SLUICE_BODY_MAX_BYTES: '1' }, 'SLUICE_BODY_MAX_BYTES must be a size'],
    [{ SLUICE_ACK_WAIT: '10' }, 'SLUICE_ACK_WAIT must be a duration'],
    [{ SLUICE_DURABILITY: 'memory' }, 'SLUICE_DURABILITY must be journal or postgres'],
    [{ SLUICE_JOURNAL_MAX_BYTES: '32MiB' }, 'at least two times SLUICE_JOURNAL_SEGMENT_BYTES'],
    [{ SLUICE_PROCESSES: '0' }, 'SLUICE_PROCESSES must be a whole number from 1 to 64'],
    [
      { SLUICE_PROCESSES: '3', SLUICE_JOURNAL_MAX_BYTES: '128MiB' },
      'SLUICE_JOURNAL_SEGMENT_BYTES for each of SLUICE_PROCESSES',
    ],
    [{ SLUICE_ADMIN_PORT: '-1' }, 'SLUICE_ADMIN_PORT must be a whole number'],
    [{ SLUICE_ADMIN_EMAIL: 'a@example.com' }, 'SLUICE_ADMIN_PASSWORD go together'],
    [
      { SLUICE_ADMIN_EMAIL: 'a@example.com', SLUICE_ADMIN_PASSWORD: 'short' },
      'SLUICE_ADMIN_PASSWORD must have 12',
    ],
    [{ SLUICE_SECRET: 'short' }, 'SLUICE_SECRET must have 32'],
    [{ SLUICE_PUBLIC_URL: 'example.com' }, 'SLUICE_PUBLIC_URL is not a URL'],
    [{ SLUICE_TRUSTED_PROXIES: '*' }, 'SLUICE_TRUSTED_PROXIES must be a list of networks'],
    [{ SLUICE_TPYO: '1' }, 'SLUICE_TPYO is no setting'],
  ])('refuse %j', (environment, advice) => {
    expect(() => readConfig(environment)).toThrow(advice);
  });

  it('count the cores for auto, and are content with one process', () => {
    expect(readConfig({}).processes).toBe(1);
    expect(readConfig({ SLUICE_PROCESSES: 'auto' }).processes).toBe(availableParallelism());
  });

  it('never repeat a URL that may hold a password', () => {
    expect(() => readConfig({ DATABASE_URL: 'mysql://u:secret@h/d' })).toThrow(
      /^(?!.*secret)[\s\S]*DATABASE_URL is not a URL/,
    );
  });

  it('take no offence at what Kubernetes puts into the environment', () => {
    const environment = {
      SLUICE_SERVICE_HOST: '10.0.0.1',
      SLUICE_SERVICE_PORT_HTTP: '80',
      SLUICE_PORT: 'tcp://10.0.0.1:80',
      SLUICE_PORT_80_TCP_ADDR: '10.0.0.1',
      SLUICE_ADMIN_SERVICE_HOST: '10.0.0.2',
      SLUICE_ADMIN_PORT: 'tcp://10.0.0.2:9090',
    };
    expect(readConfig(environment)).toMatchObject({ port: 8080, adminPort: null });
  });
});
