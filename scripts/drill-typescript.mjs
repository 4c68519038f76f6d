// Lets require() load TypeScript, for programs that are only run in a clone: the drills. Types are not checked here,
// which is what `npm run typecheck` is for.
import { createRequire } from 'node:module';

/** A require() for drills/ and test/support/, compiled as they are read. */
export function requireTypeScript() {
  const require = createRequire(import.meta.url);
  const { transformFileSync } = require('@swc/core');
  require.extensions['.ts'] = (module, file) => {
    const { code } = transformFileSync(file, {
      swcrc: false,
      sourceMaps: 'inline',
      // import() stays what it is: the set-up scripts are ES modules.
      module: { type: 'commonjs', ignoreDynamic: true },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    module._compile(code, file);
  };
  return require;
}
