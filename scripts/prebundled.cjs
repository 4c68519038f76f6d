// With `node --require` of this file, packages come from the bundle next to it, and V8's code cache has packages and our
// own code compiled: see prebundle.mjs. A preload must be CommonJS.
const { createHash } = require('node:crypto');
const { existsSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { setFlagsFromString } = require('node:v8');
const vm = require('node:vm');

const bundle = path.join(__dirname, 'packages.cjs');
const names = new Set(JSON.parse(readFileSync(path.join(__dirname, 'names.json'), 'utf8')));

/** Each program has its cache; commands run few functions that the API does not. */
const cacheOf = (program) => path.join(__dirname, `${program}.cache`);
const ownCache = cacheOf(path.basename(process.argv[1] ?? '', '.js'));
const cacheFile = existsSync(ownCache) ? ownCache : cacheOf('main');

/** Set once for each program, by prebundle.mjs: the process then writes the cache when it ends. */
const writesCache = process.env.HOLDFAST_TEST_WRITES_CODE_CACHE === ownCache;
const cache = writesCache ? new Map() : readCache();
/** What this process compiled: name → script. */
const scripts = new Map();

/** Name → code cache. The file is a line of JSON with names and sizes, then the caches. */
function readCache() {
  if (!existsSync(cacheFile)) return new Map();
  const content = readFileSync(cacheFile);
  const headEnds = content.indexOf('\n');
  let at = headEnds + 1;
  return new Map(
    JSON.parse(content.subarray(0, headEnds)).map(([name, size]) => [
      name,
      content.subarray(at, (at += size)),
    ]),
  );
}

/** Includes the functions that have been compiled since, so that no later process compiles them again. */
function writeCache() {
  // V8 refuses a cache that was made under other flags. Programs set this one when they are loaded (src/process.ts), so
  // it is set back to its default.
  setFlagsFromString('--heap-growing-percent=0');
  const parts = [...scripts].map(([name, script]) => [name, script.createCachedData()]);
  const head = JSON.stringify(parts.map(([name, data]) => [name, data.length]));
  writeFileSync(
    `${ownCache}.draft`,
    Buffer.concat([Buffer.from(`${head}\n`), ...parts.map(([, data]) => data)]),
  );
  renameSync(`${ownCache}.draft`, ownCache);
}

function compile(name, filename, source) {
  const script = new vm.Script(source, {
    filename,
    cachedData: cache.get(name),
    // Packages use import(), our own code does not.
    ...(name === 'packages' && {
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }),
  });
  if (writesCache) scripts.set(name, script);
  return script.runInThisContext();
}

const packageFolder = `${path.sep}node_modules${path.sep}`;

let packages;

function loadPackages() {
  const module = new Module(bundle);
  module.filename = bundle;
  // The bundle is ASCII: see prebundle.mjs.
  const run = compile('packages', bundle, Module.wrap(readFileSync(bundle, 'latin1')));
  run.call(module.exports, module.exports, Module.createRequire(bundle), module, bundle, __dirname);
  return module.exports;
}

const load = Module._load;
Module._load = function (request, ...rest) {
  return names.has(request) ? (packages ??= loadPackages())[request] : load.call(this, request, ...rest);
};

if (writesCache || cache.size > 0) {
  const compileAsNode = Module.prototype._compile;
  Module.prototype._compile = function (content, filename) {
    if (filename.includes(packageFolder)) return compileAsNode.call(this, content, filename);
    // By content: V8 itself compares only lengths, and a mutant may be as long as its original.
    const name = createHash('sha1').update(content).digest('base64');
    if (!writesCache && !cache.has(name)) return compileAsNode.call(this, content, filename);
    const run = compile(name, filename, Module.wrap(content));
    const require = Object.assign((id) => this.require(id), { main: process.mainModule });
    return run.call(this.exports, this.exports, require, this, filename, path.dirname(filename));
  };
}

if (writesCache) process.once('exit', writeCache);
