/** The overlays under k8s/, built by kubectl and held to Kubernetes' own schemas and to the settings; without a cluster. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type {
  IConfigMap,
  IContainer,
  IPodSpec,
  ISecret,
  IService,
  IServiceAccount,
} from 'kubernetes-models/v1';
import { readConfig, settings } from '../../../src/config.ts';
import { parseBytes } from '../../../src/config/setting.ts';
import { makeDirectory } from '../../setup/gateway.ts';
import { buildOverlay, findKubectl, type Kubectl, type Manifest } from './kubectl.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const GATEWAY = { 'app.kubernetes.io/name': 'sluice', 'app.kubernetes.io/component': 'gateway' };

let directory: { path: string; remove: () => Promise<void> };
let kubectl: Kubectl;

beforeAll(async () => {
  directory = await makeDirectory();
  kubectl = await findKubectl(directory.path);
});
afterAll(() => directory.remove());

describe.each(['demo', 'production'])('the overlay %s', (overlay) => {
  let manifests: readonly Manifest[];
  beforeAll(() => {
    manifests = buildOverlay(kubectl, join(PROJECT, 'k8s/overlays', overlay));
  });

  const find = <K extends keyof Kinds>(kind: K): readonly (Kinds[K] & Manifest)[] =>
    manifests.filter((manifest): manifest is Kinds[K] & Manifest => manifest.kind === kind);
  const findGateways = (): IStatefulSet & Manifest => {
    const found = find('StatefulSet').find(({ metadata }) => metadata.name === 'sluice');
    if (found === undefined) throw new Error('no gateways');
    return found;
  };
  const findSettings = (): Readonly<Record<string, string>> => find('ConfigMap')[0]?.data ?? {};

  it('has what the schemas of Kubernetes ask for, and nothing that they do not know', async () => {
    for (const manifest of manifests) {
      const models = (await import(
        /* @vite-ignore */ `kubernetes-models/${manifest.apiVersion}`
      )) as Readonly<Record<string, new (data: object) => { validate: () => void }>>;
      const Model = models[manifest.kind];
      if (Model === undefined) throw new Error(`${manifest.apiVersion} has no ${manifest.kind}`);
      expect(() => new Model(manifest).validate(), manifest.metadata.name).not.toThrow();
    }
    expect(await checkTypes(manifests, directory.path)).toBe('');
  });

  it('gives gateways settings that they accept', () => {
    const config = readConfig({ ...findSettings(), DATABASE_URL: 'postgres://postgres/sluice' });
    const [gateway] = readPod(findGateways()).containers;
    expect(config.dataDirectory).toBe(gateway?.volumeMounts?.[0]?.mountPath);
    expect(gateway?.ports?.map(({ containerPort }) => containerPort)).toEqual([
      config.port,
      config.adminPort,
    ]);
    expect(config.migratesAtStart).toBe(false);
  });

  it('gives a stop more time than it may take, and the journal more room than it may use', () => {
    const { stopDelayMs, stopTimeoutMs, journalBytesMax } = readConfig(findSettings());
    const gateways = findGateways();
    const pod = readPod(gateways);
    const command = pod.containers[0]?.lifecycle?.preStop?.exec?.command ?? [];
    const stopSeconds = Number(command[1]) + (stopDelayMs + stopTimeoutMs) / 1000 + CLOSING_SECONDS;
    expect(command[0]).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(stopSeconds);
    const room = String(gateways.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.['storage']);
    expect(parseBytes(0, 2 ** 50)(`${room}B`)).toBeGreaterThan(journalBytesMax);
  });

  it('runs nothing as root, with a token, or without bounds', () => {
    const sets = [...find('StatefulSet'), ...find('Deployment')];
    for (const set of sets) {
      const { name } = set.metadata;
      const pod = readPod(set);
      expect(pod, name).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of [...(pod.initContainers ?? []), ...pod.containers])
        expect(container, `${name} ${container.name}`).toMatchObject(RESTRICTED);
    }
  });

  it('refers to nothing that is not there', () => {
    const gateways = findGateways();
    const names = (kind: keyof Kinds): string[] => find(kind).map(({ metadata }) => metadata.name);
    const pod = readPod(gateways);
    const services = find('Service');
    const own = services.filter(({ metadata }) => metadata.name.startsWith('sluice'));
    expect(gateways.spec?.template.metadata?.labels).toMatchObject(GATEWAY);
    expect(gateways.spec?.selector.matchLabels).toEqual(GATEWAY);
    expect(own.map((service) => service.spec?.selector)).toEqual([GATEWAY, GATEWAY, GATEWAY]);
    const ports = pod.containers[0]?.ports?.map(({ name }) => name) ?? [];
    const targets = own.flatMap((service) => service.spec?.ports?.map(({ targetPort }) => targetPort) ?? []);
    expect(targets.filter((target) => !ports.includes(String(target)))).toEqual([]);
    expect(names('Service')).toContain(gateways.spec?.serviceName);
    expect(names('ServiceAccount')).toEqual([pod.serviceAccountName]);
    expect(pod.containers[0]?.envFrom?.[0]?.configMapRef?.name).toBe(names('ConfigMap')[0]);
    const budget = find('PodDisruptionBudget')[0];
    expect(budget?.spec?.selector?.matchLabels).toEqual(GATEWAY);
    for (const scaler of find('HorizontalPodAutoscaler')) {
      expect(scaler.spec?.scaleTargetRef).toEqual({
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        name: 'sluice',
      });
      expect(gateways.spec?.replicas).toBeUndefined();
    }
  });

  it('brings secrets only where everybody may know them', () => {
    const secrets = find('Secret').map(({ metadata }) => metadata.name.replace(/-\w+$/, ''));
    expect(secrets).toEqual(overlay === 'demo' ? ['postgres', 'sluice'] : []);
  });
});

it('no file under k8s/ names a setting that does not exist', () => {
  const known = new Set(Object.values(settings).map((setting) => setting.variable));
  const files = readdirSync(join(PROJECT, 'k8s'), { recursive: true, encoding: 'utf8', withFileTypes: true });
  const named = files
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .flatMap((text) => [...text.matchAll(/\bSLUICE_[A-Z_]+/g)].map((match) => match[0]));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

interface Kinds {
  readonly ConfigMap: IConfigMap;
  readonly Deployment: IDeployment;
  readonly HorizontalPodAutoscaler: IHorizontalPodAutoscaler;
  readonly PodDisruptionBudget: IPodDisruptionBudget;
  readonly Secret: ISecret;
  readonly Service: IService;
  readonly ServiceAccount: IServiceAccount;
  readonly StatefulSet: IStatefulSet;
}

function readPod(set: (IStatefulSet | IDeployment) & Manifest): IPodSpec {
  const pod = set.spec?.template.spec;
  if (pod === undefined) throw new Error(`${set.metadata.name} has no pod`);
  return pod;
}

/** What a stop may take beyond its own settings, to close connections. */
const CLOSING_SECONDS = 10;

const RESTRICTED: Partial<IContainer> = {
  resources: { requests: expect.anything(), limits: { memory: expect.any(String) } },
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
};

/** The schemas let unknown fields pass; TypeScript does not. Returns what it says. */
async function checkTypes(manifests: readonly Manifest[], folder: string): Promise<string> {
  const lines = manifests.flatMap((manifest, index) => [
    `import type { I${manifest.kind} as Kind${index} } from 'kubernetes-models/${manifest.apiVersion}';`,
    `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest, null, 2)};`,
  ]);
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules')).catch(() => undefined);
  await writeFile(join(folder, 'manifests.mts'), lines.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
  const done = spawnSync(join(PROJECT, 'node_modules/.bin/tsc'), [...options, 'manifests.mts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return done.stdout + done.stderr;
}
