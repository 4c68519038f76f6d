// Lets require() load TypeScript for the drills, which only run in a clone. Types are checked by `npm run typecheck`.
import { createRequire } from 'node:module';

/** A require() that compiles drills/ and test/support/ on load. */
export function requireTypeScript() {
  const require = createRequire(import.meta.url);
  const { transformFileSync } = require('@swc/core');
  require.extensions['.ts'] = (module, file) => {
    const { code } = transformFileSync(file, {
      swcrc: false,
      sourceMaps: 'inline',
      // import() is kept: the set-up scripts are ES modules.
      module: { type: 'commonjs', ignoreDynamic: true },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    module._compile(code, file);
  };
  return require;
}
