// Jest's module loader, with compiled code kept between the test files of a worker, and with packages from the prebundle
// (scripts/prebundle.mjs). Reading and compiling them again was half of the CPU time of an integration suite.
//
// Isolation is as before: every test file evaluates every module again, in its own context.
const { readFileSync } = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { default: JestRuntime } = require('jest-runtime');

/** Not set for unit tests alone, nor for a Jest that was started by hand: then packages load file by file. */
const preload = process.env.HOLDFAST_TEST_PRELOAD;
const folder = preload && path.dirname(preload);
const bundle = preload && path.join(folder, 'packages.cjs');
const bundled = new Set(preload ? JSON.parse(readFileSync(path.join(folder, 'names.json'), 'utf8')) : []);

const packageFolder = `${path.sep}node_modules${path.sep}`;

const scripts = new Map();

/** Compiled again when the text has changed, for `jest --watch`. */
function scriptOf(source, { filename, parameters }) {
  const known = scripts.get(filename);
  if (known?.source === source) return known.script;
  const head = `(function (${parameters.join()}) {`;
  const script = new vm.Script(`${head}${source}\n})`, { filename, columnOffset: -head.length });
  scripts.set(filename, { source, script });
  return script;
}

module.exports = class Runtime extends JestRuntime {
  constructor(...args) {
    super(...args);
    const { executor, _environment: environment } = this;
    const compile = executor.compile.bind(executor);
    executor.compile = (source, filename) => {
      const context = environment.getVmContext();
      if (context === null) return null;
      // V8 counts branches only in code that it compiled while it was counting (test/support/branch-coverage.ts).
      if (environment.global.holdfastCountsBranches) return compile(source, filename);
      try {
        const script = scriptOf(source, { filename, parameters: executor.injectedModuleParameters });
        return script.runInContext(context);
      } catch {
        return compile(source, filename); // Jest explains the syntax error.
      }
    };
  }

  /** The bundle itself requires names that it computes: TypeORM finds `pg` that way. */
  requireModuleOrMock(from, name) {
    if (bundled.has(name) && (from === bundle || !from.includes(packageFolder)))
      return this.requireModule(from, bundle)[name];
    return super.requireModuleOrMock(from, name);
  }
};
