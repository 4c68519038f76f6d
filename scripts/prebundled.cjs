// With `node --require` of this file, packages come from the bundle next to it: see prebundle.mjs. A preload must be
// CommonJS.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const bundle = path.join(__dirname, 'packages.cjs');
const codeCache = path.join(__dirname, 'packages.cache');
const names = new Set(JSON.parse(readFileSync(path.join(__dirname, 'names.json'), 'utf8')));

let script, packages;

function loadPackages() {
  // The bundle is ASCII: see prebundle.mjs.
  script = new vm.Script(Module.wrap(readFileSync(bundle, 'latin1')), {
    filename: bundle,
    cachedData: existsSync(codeCache) ? readFileSync(codeCache) : undefined,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = new Module(bundle);
  module.filename = bundle;
  script
    .runInThisContext()
    .call(module.exports, module.exports, Module.createRequire(bundle), module, bundle, __dirname);
  return module.exports;
}

const load = Module._load;
Module._load = function (request, ...rest) {
  return names.has(request) ? (packages ??= loadPackages())[request] : load.call(this, request, ...rest);
};

/** Includes the functions that were compiled during loading, so that no process compiles them again. */
exports.writeCodeCache = () => {
  packages = loadPackages();
  for (const name of names) void packages[name];
  writeFileSync(codeCache, script.createCachedData());
};
