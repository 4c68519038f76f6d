// Packs the packages that the service loads into one file with V8's code cache, for tests and drills that start hundreds
// of processes. A process then reads one file instead of 1,800, which is more than half of the CPU time of its start.
//
// Our own code is loaded from dist/ file by file, as it ships. What `npm start`, the commands and the images run is not
// prebundled, and the tests of those start them without it.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import path from 'node:path';
import { stage } from './console.mjs';
import { root } from './processes.mjs';

const require = createRequire(import.meta.url);
const preload = path.join(root, 'scripts', 'prebundled.cjs');

/** The file for `node --require`. Made once per lockfile, Node and set of packages. */
export async function prebundle() {
  const names = packagesOf(path.join(root, 'dist'));
  const dir = path.join(root, 'node_modules', '.cache', 'holdfast', `prebundle-${fingerprintOf(names)}`);
  if (!existsSync(dir)) await stage('packages prebundled', () => make(dir, names));
  return path.join(dir, path.basename(preload));
}

/** Every package, or file of one, that the build requires by name. */
function packagesOf(dist) {
  const files = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith('.js'));
  const required = files.flatMap((file) =>
    [...readFileSync(path.join(dist, file), 'utf8').matchAll(/\brequire\("([^."][^"]*)"\)/g)].map(
      ([, name]) => name,
    ),
  );
  return [...new Set(required)]
    .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name))
    .sort();
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
  require(path.join(draft, path.basename(preload))).writeCodeCache();
  try {
    renameSync(draft, dir);
  } catch (error) {
    if (!existsSync(dir)) throw error;
    rmSync(draft, { recursive: true }); // Another run was faster.
  }
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
