const { readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');

/**
 * Packages that are ES modules only, NestJS 12 among them. Node itself can require() them, Jest's module loader cannot
 * before Node 24.9, so there they are compiled to CommonJS like our own sources.
 */
function esModulePackages() {
  const top = path.join(__dirname, 'node_modules');
  const names = readdirSync(top).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(top, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  return names.filter((name) => {
    try {
      return JSON.parse(readFileSync(path.join(top, name, 'package.json'), 'utf8')).type === 'module';
    } catch {
      return false; // Not a package: .bin, .cache.
    }
  });
}

module.exports = {
  testEnvironment: 'node',
  // Compiles a file once for each worker and takes packages from the prebundle, where `npm test` made one.
  runtime: '<rootDir>/test/jest-runtime.cjs',
  roots: ['<rootDir>/test'],
  testRegex: '\\.spec\\.ts$',
  // Most files wait for other processes half of the time, so four keep two cores busy.
  maxWorkers: 4,
  testSequencer: '<rootDir>/test/long-files-first.cjs',
  // For what hangs. Every wait inside a test has a shorter limit and says what it waited for (test/support/until.ts).
  testTimeout: 300_000,
  globalSetup: '<rootDir>/test/global-setup.ts',
  globalTeardown: '<rootDir>/test/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/totals-reporter.cjs'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transformIgnorePatterns: [`/node_modules/(?!(${esModulePackages().join('|')})/)`],
  transform: {
    '^.+\\.[tj]s$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs' },
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true, dynamicImport: true },
          // As tsconfig.json: dependency injection and validation read the types that decorators leave behind.
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
      },
    ],
  },
};
