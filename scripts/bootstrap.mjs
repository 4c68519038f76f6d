// Sets up a clone: installs the dependencies of the lockfile and, with --build, builds dist/ and the dashboard.
// Needs only Node and npm, does nothing when nothing changed, and may run several times at once.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import readline from 'node:readline';
import { failWith, longStage, say, SetupError, stage } from './console.mjs';
import { waitForPidFile } from './pid-file.mjs';
import { isMain, root } from './processes.mjs';

/** The first release whose require() loads the ES modules that NestJS 12 ships. */
const nodeMin = [20, 19];

const inRoot = (...parts) => path.join(root, ...parts);

/** Inside node_modules, so that it is deleted with the packages, and so that several data folders share one build. */
const cacheDir = inRoot('node_modules', '.cache', 'holdfast');

/** Not in node_modules, which `npm ci` empties while the lock is held. */
const lockDir = inRoot('.holdfast-bootstrap');

export async function bootstrap({ build: withBuild = false } = {}) {
  checkNode();
  if (isInstalled() && (!withBuild || parts.every(isBuilt))) return;
  const lock = await waitForPidFile(path.join(lockDir, 'lock'), ({ pid }) =>
    say(`another set-up (pid ${pid}) is running in this clone; waiting for it`),
  );
  try {
    if (!isInstalled()) await install();
    const missing = withBuild ? parts.filter((part) => !isBuilt(part)) : [];
    await Promise.all(missing.map((part) => stage(part.name, () => build(part))));
  } finally {
    lock.release();
    removeIfEmpty(lockDir);
  }
}

function removeIfEmpty(dir) {
  try {
    rmdirSync(dir);
  } catch {
    // A waiting process has it now.
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])) return;
  throw new SetupError(
    `Node ${nodeMin.join('.')} or newer is needed, this is ${process.versions.node}. See https://nodejs.org, or: nvm install 22`,
  );
}

/**
 * Compares npm's record of node_modules, which npm writes last, with the lockfile. Any Node can use the result: native
 * parts are N-API or chosen at load time, and none is compiled here.
 */
function isInstalled() {
  const installed = readJson(inRoot('node_modules', '.package-lock.json'))?.packages;
  if (installed === undefined) return false;
  // Optional packages may be for other platforms.
  return Object.entries(lockedPackages()).every(
    ([name, wanted]) => name === '' || wanted.optional || installed[name]?.version === wanted.version,
  );
}

const lockedPackages = () => JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages;

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

async function install() {
  const total = Object.values(lockedPackages()).filter((entry) => !entry.optional).length - 1;
  // npm looks up all packages, then fetches, then unpacks: only one of the three counts grows at a time.
  const counts = { 'looked up': 0, fetched: 0 };
  const progress = () => {
    const told = Object.entries(counts).map(([what, count]) => `${Math.min(count, total)} ${what}`);
    return `${told.join(', ')}, ${countPackages()} in place`;
  };
  const onLine = (line) => {
    if (/^npm silly packumentCache \S+:\/\//.test(line)) counts['looked up'] += 1;
    else if (/^npm http .*\.tgz\b/.test(line)) counts.fetched += 1;
    else if (!/^npm (silly|verbose|info|http|timing|notice|warn) /.test(line))
      process.stderr.write(`${line}\n`);
  };
  await longStage(`installing about ${total} packages (npm ci)`, { progress }, () =>
    // --include=dev: NODE_ENV=production would leave out the compiler that the build needs.
    run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=silly'], {
      stdout: 'ignore',
      onLine,
    }),
  );
}

/** npm creates all folders first and fills them later, so a folder alone does not count. */
function countPackages() {
  const modules = inRoot('node_modules');
  const isThere = (name) => existsSync(path.join(modules, name, 'package.json'));
  try {
    const names = readdirSync(modules).flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(path.join(modules, name)).map((inner) => `${name}/${inner}`)
        : [name],
    );
    return names.filter(isThere).length;
  } catch {
    return 0;
  }
}

/**
 * The builds and their sources. A build goes into a draft folder at the same depth, so that source maps stay right, and
 * is renamed when complete, so that no build is ever half new.
 */
const parts = [
  {
    name: 'service built',
    place: inRoot('dist'),
    draft: inRoot('.holdfast-build'),
    proof: 'main.js',
    stamp: path.join(cacheDir, 'built-from'),
    sources: () => [
      'tsconfig.json',
      'tsconfig.build.json',
      ...['src', 'sandbox', 'migrations'].flatMap(walk),
    ],
    make: compile,
  },
  {
    name: 'dashboard built',
    place: inRoot('dashboard', 'dist'),
    draft: inRoot('.holdfast-build-dashboard'),
    proof: 'index.html',
    stamp: path.join(cacheDir, 'dashboard-built-from'),
    sources: () => [
      'scripts/bootstrap.mjs',
      ...walk('dashboard').filter((file) => !file.startsWith(path.join('dashboard', 'dist'))),
    ],
    make: bundle,
  },
  {
    name: 'client built',
    place: inRoot('packages', 'client', 'dist'),
    draft: inRoot('packages', 'client', '.holdfast-build'),
    proof: 'client.js',
    stamp: path.join(cacheDir, 'client-built-from'),
    sources: () => [
      'tsconfig.json',
      'packages/client/tsconfig.json',
      ...walk(path.join('packages', 'client', 'src')),
    ],
    // Unchecked: its types are generated by a test that runs after this build. `npm run typecheck` checks them.
    make: (outDir) => compileProject('packages/client/tsconfig.json', outDir, '--noCheck'),
  },
];

function isBuilt(part) {
  return (
    existsSync(path.join(part.place, part.proof)) &&
    existsSync(part.stamp) &&
    readFileSync(part.stamp, 'utf8') === fingerprintOf(part)
  );
}

function fingerprintOf({ sources }) {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', ...sources()])
    hash.update(`${file}\0`).update(readFileSync(inRoot(file)));
  return hash.digest('hex');
}

function walk(dir) {
  return readdirSync(inRoot(dir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * Builds the draft and swaps it in: a failed build leaves the last good one, and files of deleted sources disappear.
 */
async function build(part) {
  // Read first: sources edited during the build must count as not built.
  const fingerprint = fingerprintOf(part);
  rmSync(part.draft, { recursive: true, force: true });
  await part.make(part.draft);
  rmSync(part.place, { recursive: true, force: true });
  renameSync(part.draft, part.place);
  mkdirSync(cacheDir, { recursive: true });
  writeFileSync(part.stamp, fingerprint);
}

const compileProject = (project, outDir, ...options) => {
  const tsc = inRoot('node_modules', 'typescript7', 'bin', 'tsc');
  return run(process.execPath, [tsc, '-p', project, '--outDir', outDir, ...options]);
};

async function compile(outDir) {
  await Promise.all([
    compileProject('tsconfig.build.json', outDir),
    compileProject('sandbox/tsconfig.json', path.join(outDir, 'sandbox')),
    compileProject('migrations/tsconfig.json', path.join(outDir, 'migrations')),
  ]);
  // Images, scripts and deployments start the sandbox by this name.
  writeFileSync(path.join(outDir, 'sandbox.js'), "require('./sandbox/main.js');\n");
}

async function bundle(outDir) {
  const vite = inRoot('node_modules', 'vite', 'bin', 'vite.js');
  const options = ['--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn'];
  await run(process.execPath, [
    vite,
    'build',
    inRoot('dashboard'),
    '--config',
    inRoot('dashboard', 'vite.config.mjs'),
    ...options,
  ]);
  compressAssets(path.join(outDir, 'assets'));
}

/**
 * Once per build instead of in each process: `@fastify/static` sends `<name>.br` or `<name>.gz` to clients that accept
 * it.
 */
function compressAssets(folder) {
  for (const name of readdirSync(folder).filter((file) => /\.(js|css|svg)$/.test(file))) {
    const content = readFileSync(path.join(folder, name));
    // 9 of 11: the last two levels take ten times as long and save about 3 %.
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
    writeFileSync(path.join(folder, `${name}.br`), brotliCompressSync(content, { params }));
    writeFileSync(path.join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** `onLine` gets the lines of stderr, which otherwise go to our stderr. */
function run(command, args, { stdout = 'inherit', onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', stdout, onLine ? 'pipe' : 'inherit'],
    });
    if (onLine) readline.createInterface({ input: child.stderr }).on('line', onLine);
    // A signal to this process alone must not leave npm or the compiler behind.
    const pass = (signal) => child.kill(signal);
    for (const signal of endingSignals) process.on(signal, pass);
    child.once('exit', () => endingSignals.forEach((signal) => process.off(signal, pass)));
    const failure = (how) => reject(new SetupError(`\`${path.basename(command)} ${args.join(' ')}\` ${how}`));
    child.once('error', (error) => failure(`could not be run: ${error.message}`));
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : failure(`failed (${signal ?? `exit ${code}`})`),
    );
  });
}

if (isMain(import.meta.url)) {
  await bootstrap({ build: process.argv.includes('--build') }).catch(failWith);
}
