import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/config';
import { readSettings } from '../../sandbox/settings';

interface ComposeService {
  image?: string;
  build?: { context: string; target: string };
  command?: string[];
  environment?: Record<string, string | number>;
  ports?: string[];
  volumes?: string[];
  restart?: string;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
}

const file = (name: string): string => readFileSync(path.resolve(__dirname, '../..', name), 'utf8');
const compose = parse(file('docker-compose.yml'), { merge: true }) as {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
};
const stages = dockerStages(file('Dockerfile'));
const services = Object.entries(compose.services);
/** Run to their end, once. */
const oneShot = ['migrate', 'seed'];
const built = services.filter(([, service]) => service.build !== undefined);

/** Stage name → its own instructions and those of every stage it is made from. */
function dockerStages(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const from = /^FROM (\S+) AS (\S+)$/.exec(line);
    if (from) {
      lines = [...(found.get(from[1]!) ?? [])];
      found.set(from[2]!, lines);
    } else if (line && !line.startsWith('#')) lines.push(line);
  }
  return found;
}

function environmentOf(name: string): NodeJS.ProcessEnv {
  const given = Object.entries(compose.services[name]?.environment ?? {});
  return Object.fromEntries(given.map(([variable, value]) => [variable, String(value)]));
}

/** In the Compose file or in our image. Other images have none. */
function hasHealthCheck(name: string): boolean {
  const service = compose.services[name]!;
  const stage = stages.get(service.build?.target ?? '') ?? [];
  return service.healthcheck !== undefined || stage.some((line) => line.startsWith('HEALTHCHECK '));
}

describe('docker-compose.yml', () => {
  it('starts the database, the queue server, migrations, demo products and the three processes', () => {
    expect(services.map(([name]) => name).sort()).toEqual([
      'api',
      'migrate',
      'postgres',
      'redis',
      'sandbox',
      'seed',
      'worker',
    ]);
  });

  it.each(built)('builds %s from a stage of the Dockerfile', (_name, service) => {
    expect([...stages.keys()]).toContain(service.build!.target);
  });

  it.each(services.map(([name]) => name).filter((name) => !oneShot.includes(name)))(
    'watches the health of %s',
    (name) => {
      expect(hasHealthCheck(name)).toBe(true);
    },
  );

  it.each(services.filter(([, service]) => service.depends_on))(
    'lets %s wait only for conditions that can become true',
    (_name, service) => {
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(compose.services)).toContain(other);
        if (other === 'migrate') expect(condition).toBe('service_completed_successfully');
        else
          expect({ other, condition, healthy: hasHealthCheck(other) }).toEqual({
            other,
            condition: 'service_healthy',
            healthy: true,
          });
      }
    },
  );

  it.each(['api', 'worker'])('starts %s after the migrations', (name) => {
    expect(compose.services[name]!.depends_on).toHaveProperty('migrate');
  });

  it.each(oneShot)('runs %s once', (name) => {
    expect(compose.services[name]!.restart).toBe('no');
  });

  it('seeds through the API that it waits for, with its admin key', () => {
    const [command] = stages.get('seed')!.filter((line) => line.startsWith('CMD '));
    expect(command).toContain(`"http://api:${environmentOf('api').PORT}"`);
    expect(compose.services.seed!.depends_on).toEqual({ api: { condition: 'service_healthy' } });
    expect(environmentOf('seed').HOLDFAST_ADMIN_KEY).toBe(environmentOf('api').HOLDFAST_ADMIN_KEY);
  });

  it('runs a Redis that evicts no jobs and keeps them through a restart', () => {
    const command = compose.services.redis!.command!.join(' ');
    expect(command).toContain('--maxmemory-policy noeviction');
    expect(command).toContain('--appendonly yes');
  });

  it.each(services.filter(([, { ports }]) => ports))(
    'publishes %s on the loopback address only',
    (_name, service) => {
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    },
  );

  it.each(services.filter(([, { volumes }]) => volumes))('declares every volume of %s', (_name, service) => {
    const named = (service.volumes ?? []).map((volume) => volume.split(':')[0]);
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named));
  });

  it.each(['api', 'worker', 'migrate'])('gives %s settings that it accepts', (name) => {
    expect(loadConfig(environmentOf(name))).toMatchObject({
      production: false,
      stripeApiUrl: 'http://sandbox:3100',
      redis: { kind: 'single', url: 'redis://redis:6379' },
    });
  });

  it('gives the sandbox valid settings and the keys of the API', () => {
    expect(readSettings(environmentOf('sandbox'))).toMatchObject({
      port: 3100,
      secretKey: loadConfig(environmentOf('api')).stripeSecretKey,
      webhookSecret: loadConfig(environmentOf('api')).stripeWebhookSecrets[0],
      webhookUrl: 'http://api:3000/v1/payments/webhooks/stripe',
    });
  });
});

describe('deploy/cells', () => {
  const front = file('deploy/cells/haproxy.cfg');
  const backends = [...front.matchAll(/^backend (\w+)$/gm)].map(([, name]) => name!);
  const mapped = (map: string) =>
    file(`deploy/cells/${map}`)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(' ') as [string, string]);
  const cellIn = (name: string) =>
    loadConfig({ DATABASE_URL: 'postgres://x', CELL: file(`deploy/cells/${name}.env`).trim().slice(5) }).cell;
  // `!reset` is a tag of Compose.
  const override = parse(file('deploy/cells/cell.yml'), {
    merge: true,
    logLevel: 'silent',
  }) as typeof compose;

  it('has a cell, a key prefix and a host name for every backend, and no number twice', () => {
    expect(backends.length).toBeGreaterThan(1);
    for (const [map, start] of [
      ['keys.map', /^hf_(\w+)_$/],
      ['hosts.map', /^(\w+)\./],
    ] as const) {
      const names = mapped(map).map(([from, backend]) => [start.exec(from)?.[1], backend]);
      expect(names).toEqual(backends.map((name) => [name, name]));
    }
    const cells = backends.map((name) => cellIn(name));
    expect(cells.map(({ name }) => name)).toEqual(backends);
    expect(new Set(cells.map(({ number }) => number)).size).toBe(cells.length);
    expect(cells[backends.indexOf('main')]).toEqual({ name: 'main', number: 0 });
  });

  it('gives the front every address that its configuration asks for', () => {
    const asked = [...front.matchAll(/"\$\{(\w+)\}"/g)].map(([, name]) => name);
    const { services: given } = parse(file('deploy/cells/front.yml')) as typeof compose;
    expect(Object.keys(given.front!.environment!).sort()).toEqual(asked.sort());
  });

  it('gives CELL to each process that reads it', () => {
    for (const name of ['migrate', 'api', 'worker'])
      expect([name, override.services[name]?.environment]).toMatchObject([name, { CELL: expect.anything() }]);
    expect(services.map(([name]) => name)).toEqual(expect.arrayContaining(Object.keys(override.services)));
  });
});

describe('deploy/ha', () => {
  const { services: given } = parse(file('deploy/ha/compose.yml'), { merge: true }) as typeof compose;

  it('gives HAProxy every address that its configuration asks for', () => {
    const asked = [...file('deploy/ha/haproxy.cfg').matchAll(/"\$\{(\w+)\}"/g)].map(([, name]) => name);
    expect(asked.length).toBeGreaterThan(6);
    expect(Object.keys(given.haproxy!.environment!).sort()).toEqual(asked.sort());
  });

  it.each(['api', 'worker', 'migrate'])(
    'gives %s settings that it accepts, and its queue a Redis',
    (name) => {
      const environment = given[name]!.environment as Record<string, unknown>;
      const texts = Object.entries(environment).map(([key, value]) => [key, String(value)]);
      expect(loadConfig(Object.fromEntries(texts))).toMatchObject({
        databaseUrl: 'postgres://shop:shop@pgbouncer:6432/shop',
        redis: { kind: 'single', url: 'redis://redis:6379' },
      });
    },
  );

  it('replicates synchronously', () => {
    const { dcs } = parse(file('deploy/ha/patroni.yml')).bootstrap;
    expect(dcs).toMatchObject({ synchronous_mode: 'quorum', synchronous_mode_strict: true });
    expect(dcs.loop_wait + 2 * dcs.retry_timeout).toBeLessThanOrEqual(dcs.ttl);
  });
});

describe('the Dockerfile', () => {
  it.each(built)('runs %s as a user without rights', (_name, service) => {
    const instructions = stages.get(service.build!.target)!;
    expect(instructions.filter((line) => line.startsWith('USER ')).at(-1)).toBe('USER node');
  });

  it.each(built)('starts %s without a shell, so that signals reach it', (_name, service) => {
    const command = stages
      .get(service.build!.target)!
      .filter((line) => line.startsWith('CMD '))
      .at(-1);
    expect(command).toMatch(
      /^CMD \["node", ("--enable-source-maps", "dist\/[\w/]+\.js"|"scripts\/seed\.mjs", "[^"]+")\]$/,
    );
  });

  it('copies every file that the seeding imports', () => {
    const copied = stages.get('seed')!.flatMap((line) => line.match(/scripts\/[\w-]+\.mjs/g) ?? []);
    const open = ['scripts/seed.mjs'];
    for (const name of open) {
      expect(copied).toContain(name);
      for (const [, imported] of file(name).matchAll(/from '\.\/([\w-]+\.mjs)'/g)) {
        if (!open.includes(`scripts/${imported}`)) open.push(`scripts/${imported}`);
      }
    }
  });
});
