import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from '../support/child';
import { nodeUnderTest } from '../support/command';
import { read } from '../support/repository';

/** What `npm publish` would publish, in an empty project without a network. */

let home: string;
const inHome = (...parts: string[]) => path.join(home, ...parts);
const packagesOf = (folder: string) => JSON.parse(read(`${folder}/package.json`)) as Record<string, any>;
/** The client and what it depends on, as folders of this clone. */
const folders = ['packages/client'];
for (const folder of folders)
  for (const name of Object.keys((packagesOf(folder).dependencies as object | undefined) ?? {}))
    folders.push(`node_modules/${name}`);

function run(command: string, args: string[]): string {
  const env = { ...process.env, npm_config_cache: inHome('cache'), npm_config_offline: 'true' };
  return execFileSync(command, args, { cwd: home, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

beforeAll(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'holdfast-package-'));
  run('npm', ['pack', '--ignore-scripts', '--silent', ...folders.map((folder) => path.join(root, folder))]);
  writeFileSync(inHome('package.json'), '{ "private": true }');
  const tarballs = readdirSync(home).filter((name) => name.endsWith('.tgz'));
  run('npm', [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...tarballs.map((name) => `./${name}`),
  ]);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the package @holdfast/client', () => {
  it('has its code, types and README, and nothing else', () => {
    const installed = inHome('node_modules/@holdfast/client');
    expect(readdirSync(installed).sort()).toEqual(['README.md', 'dist', 'package.json']);
    const names = readdirSync(path.join(installed, 'dist')).map((name) => name.replace(/\..*/, ''));
    const sources = readdirSync(path.join(root, 'packages/client/src')).map((name) =>
      name.replace('.ts', ''),
    );
    expect([...new Set(names)].sort()).toEqual(sources.sort());
  });

  it('depends on the version of standardwebhooks that is tested here', () => {
    const installed = readFileSync(inHome('node_modules/standardwebhooks/package.json'), 'utf8');
    expect((JSON.parse(installed) as { version: string }).version).toBe(
      packagesOf('packages/client').dependencies.standardwebhooks,
    );
  });

  it('is imported and used by a program of an empty project', () => {
    writeFileSync(
      inHome('shop.mjs'),
      `import { Holdfast, OutcomeUnknown, WebhookNotVerified, verifyWebhook } from '@holdfast/client';
      const holdfast = new Holdfast({ url: 'http://127.0.0.1:1', apiKey: 'k', deadlineMs: 50 });
      const errors = [await holdfast.getOrder('ord_1').catch((error) => error)];
      try { verifyWebhook('{}', {}, 'whsec_c2VjcmV0'); } catch (error) { errors.push(error); }
      console.log(errors[0] instanceof OutcomeUnknown, errors[1] instanceof WebhookNotVerified);`,
    );
    expect(run(nodeUnderTest, ['shop.mjs'])).toBe('true true\n');
  });

  it('has types that a strict program checks by', () => {
    const program = (orderIdType: string) =>
      `import { Holdfast, type Order } from '@holdfast/client';
      const holdfast = new Holdfast({ url: 'http://127.0.0.1:1', apiKey: 'k' });
      const lines = [{ sku: 'TEE', quantity: 1 }];
      const order: Order = await holdfast.placeOrder({ customerId: 'c', paymentMethod: 'pm_card_visa', lines });
      const id: ${orderIdType} = order.id;
      for await (const { type, data } of holdfast.events({ types: ['order.*'] })) console.log(id, type, data.object?.version);`;
    const check = (name: string) => {
      const tsc = path.join(root, 'node_modules/typescript7/bin/tsc');
      const types = ['--typeRoots', path.join(root, 'node_modules/@types'), '--types', 'node'];
      const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types];
      run(process.execPath, [tsc, ...options, name]);
    };
    writeFileSync(inHome('good.mts'), program('string'));
    writeFileSync(inHome('bad.mts'), program('number'));

    expect(() => check('good.mts')).not.toThrow();
    expect(() => check('bad.mts')).toThrow();
  });
});
