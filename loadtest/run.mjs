// What the load tests begin and end alike: a build that is up to date, TypeScript that is read as it is, and Ctrl-C.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap } from '../scripts/bootstrap.mjs';
import { complain, failWith } from '../scripts/console.mjs';

const folder = path.dirname(fileURLToPath(import.meta.url));
const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * `main(argv, onStart)` of a module of this folder resolves with the exit code; `onStart` is told how to stop what was
 * started. `build: false`: by a service that runs, whose build must stay what it is.
 */
export async function runLoadTest({ module, main, usage, build = true }) {
  let interrupted = false;
  const stopOnSignals = (stop) => {
    for (const signal of endingSignals)
      process.on(signal, () => {
        if (!interrupted) complain(`stopping (${signal})`);
        interrupted = true;
        void stop().finally(() => process.exit(130));
      });
    // Started as a child process: whoever is not there any more wants no more sales either.
    process.on('disconnect', () => void stop().finally(() => process.exit(130)));
    // Listening is no reason to stay when all is done.
    process.channel?.unref();
  };
  try {
    if (build) await bootstrap({ build: true });
    // Only now: the compiler is there since the bootstrap.
    const { requireTypeScript } = await import('../scripts/drill-typescript.mjs');
    const require = requireTypeScript();
    const load = (name) => require(path.join(folder, `${name}.ts`));
    const argv = process.argv.slice(2);
    if (argv.includes('--help')) return process.stdout.write(`${load(usage[0])[usage[1]]}\n`);
    process.exitCode = await load(module)[main](argv, stopOnSignals);
  } catch (error) {
    // What a stop interrupts fails, of course; the stop itself ends the process.
    if (!interrupted) failWith(error);
  }
}
