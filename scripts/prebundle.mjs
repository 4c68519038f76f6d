// Packs the packages that the service loads into one file, and keeps V8's code cache of them and of dist/, for
// tests and drills that start hundreds of processes. A process then reads two files instead of 1,800 and compiles
// nothing, which is three quarters of the CPU time of its start.
//
// Our own code is still loaded from dist/ file by file, as it ships: a changed file is compiled as usual. What `npm start`,
// the commands and the images run is not prebundled, and the tests of those start them without it.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { SetupError, stage } from './console.mjs';
import { root } from './processes.mjs';
import { spawnProgram, untilEnded, untilReady } from './program.mjs';
import { testEnv, withClone } from './test-services.mjs';

const preload = path.join(root, 'scripts', 'prebundled.cjs');

/** What is started hundreds of times, and the line that says that it is ready. */
const programs = {
  main: /^api listening on/,
  worker: /^worker ready$/,
  sandbox: /^sandbox listening on/,
};

/**
 * The file for `node --require`. Packages are bundled once per lockfile, Node and set of packages. The code cache is made
 * where there is none; with `fresh` also when the build has changed, which costs more than it saves for a few tests.
 */
export async function prebundle({ services, guardian, fresh }) {
  const build = readBuild(path.join(root, 'dist'));
  const dir = path.join(
    root,
    'node_modules',
    '.cache',
    'holdfast',
    `prebundle-${fingerprintOf(build.names)}`,
  );
  if (!existsSync(dir)) await stage('packages prebundled', () => make(dir, build.names));
  const stamp = path.join(dir, 'cached-build');
  const cached = existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
  if (cached === undefined || (fresh && cached !== build.hash)) {
    await stage('code cache written', () =>
      withClone(services, (databaseUrl) => writeCodeCaches(dir, { guardian, databaseUrl })),
    );
    writeFileSync(stamp, build.hash);
  }
  return path.join(dir, path.basename(preload));
}

/** Every package, or file of one, that the build requires by name; and a hash of all its code. */
function readBuild(dist) {
  const hash = createHash('sha256');
  const required = new Set();
  for (const file of readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('.js'))) {
    const code = readFileSync(path.join(dist, file), 'utf8');
    hash.update(code);
    for (const [, name] of code.matchAll(/\brequire\("([^."][^"]*)"\)/g)) required.add(name);
  }
  const isPackage = (name) => !name.startsWith('node:') && !builtinModules.includes(name);
  return { names: [...required].filter(isPackage).sort(), hash: hash.digest('hex') };
}

function fingerprintOf(names) {
  const hash = createHash('sha256').update(`${process.version} ${process.arch} ${names.join()}`);
  for (const file of [path.join(root, 'package-lock.json'), import.meta.filename, preload])
    hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

async function make(dir, names) {
  const draft = `${dir}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  writeFileSync(path.join(draft, 'names.json'), JSON.stringify(names));
  copyFileSync(preload, path.join(draft, path.basename(preload)));
  await bundle(names, path.join(draft, 'packages.cjs'));
  try {
    renameSync(draft, dir);
  } catch (error) {
    if (!existsSync(dir)) throw error;
    rmSync(draft, { recursive: true }); // Another run was faster.
  }
}

/** Starts each program once and stops it: it writes its cache as it ends (prebundled.cjs). */
async function writeCodeCaches(dir, { guardian, databaseUrl }) {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'holdfast-prebundle-'));
  guardian.removeDir(dataDir);
  const env = {
    ...testEnv(),
    NODE_OPTIONS: `--require ${JSON.stringify(path.join(dir, path.basename(preload)))}`,
    DATABASE_URL: databaseUrl,
    HOLDFAST_DATA_DIR: dataDir,
    PORT: '0',
    SANDBOX_PORT: '0',
  };
  await Promise.all(
    Object.entries(programs).map(async ([name, readyWhen]) => {
      const file = path.join(dir, `${name}.cache`);
      const program = spawnProgram(name, {
        script: path.join('dist', `${name}.js`),
        env: { ...env, HOLDFAST_TEST_WRITES_CODE_CACHE: file },
      });
      guardian.watch({ name, pid: program.child.pid, rank: 0, escalation: 'atOnce' });
      await untilReady(program, { readyWhen });
      program.child.kill('SIGTERM');
      await untilEnded(program);
      guardian.forget(program.child.pid);
      if (!existsSync(file)) throw new SetupError(`${name} ended without a code cache in ${file}.`);
    }),
  );
}

async function bundle(names, file) {
  const { rolldown } = await import('rolldown');
  const entry = '\0packages';
  // Getters, so that a process evaluates only the packages that it asks for.
  const getters = names.map(
    (name) => `get ${JSON.stringify(name)}() { return require(${JSON.stringify(name)}) }`,
  );
  const build = await rolldown({
    cwd: root,
    platform: 'node',
    input: entry,
    plugins: [
      {
        name: 'packages',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? `module.exports = { ${getters.join()} };` : undefined),
      },
    ],
    // Optional packages that are not installed stay a require(), which fails as it does without a bundle.
    onLog: () => {},
  });
  await build.write({ file, format: 'cjs', codeSplitting: false, comments: false });
  await build.close();
  writeFileSync(file, inAscii(readFileSync(file, 'utf8')));
}

/** Node reads ten megabytes of ASCII five times as fast as it decodes UTF-8. The escapes mean the same in strings and patterns. */
const inAscii = (code) =>
  code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
