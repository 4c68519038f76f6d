// `npm run drill`: failures on real processes.
//
// No drill touches an existing database or Redis: it starts its own servers and throws them away.
import { cpSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { findCitus } from './citus.mjs';
import { complain, failWith, say, seconds, UsageError } from './console.mjs';
import { drillNames, loadDrill } from './drill-list.mjs';
import { playAll, playOne } from './drill-play.mjs';
import { list, table, totals, troubles, writeDocs, writeJson } from './drill-report.mjs';
import { requireTypeScript } from './drill-typescript.mjs';
import { startGuardian } from './guardian.mjs';
import { findPatroni } from './patroni.mjs';
import { prebundle } from './prebundle.mjs';
import { root } from './processes.mjs';
import { startTestServices, testEnv } from './test-services.mjs';

async function main() {
  const startedAt = Date.now();
  await bootstrap();
  const require = requireTypeScript();
  const { readDrillArgs, usage } = require(path.join(root, 'drills/kit/drill-args.ts'));
  const args = readDrillArgs(process.argv.slice(2), drillNames());
  if (args.help) return process.stdout.write(`${usage}\n`);
  await bootstrap({ build: !args.list });
  const all = drillNames().map((name) => loadDrill(require, name));
  const drills = all.filter(({ name }) => args.names.includes(name));
  if (args.list) return process.stdout.write(`${list(drills)}\n`);
  refuseForeignServers();

  say(`${drills.length} drills, seed ${args.seed}`);
  const results = await playThem(drills, args);
  process.stdout.write(`\n${table(results)}\n\n`);
  if (args.json) writeJson(args.json, { seed: args.seed, results });
  if (args.docs) writeDocs(all, results);
  const { passed, failed, skipped } = totals(results);
  if (failed > 0) say(`to repeat it: --seed ${args.seed}`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
  say(`drills took ${seconds(Date.now() - startedAt)}`);
  for (const trouble of troubles(results)) process.stdout.write(`${trouble}\n`);
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
}

/** A user who sets these may expect the drills to use them, and has something to lose. */
function refuseForeignServers() {
  for (const name of ['DATABASE_URL', 'REDIS_URL']) {
    if (process.env[name]) {
      throw new UsageError(
        `${name} is set, and drills are destructive: they crash servers, cut connections and flush queues. They start their own servers and use no others. Unset it: env -u ${name} npm run drill`,
      );
    }
  }
}

/** So many starts that a code cache for the present build costs less than it saves. */
const manyDrills = 10;

async function playThem(drills, { mutants, mutantsThird, jobs, seed, minutes, pairs }) {
  const guardian = startGuardian();
  try {
    const { services } = await startTestServices(guardian, { schemas: ['public'], foreignServer: null });
    // Inside the clone, so that the code in it finds its packages.
    const workDir = path.join(root, `.holdfast-drills-${process.pid}`);
    guardian.removeDir(workDir);
    const environment = {
      workDir,
      dist: copyOfBuild(workDir),
      env: {
        ...testEnv(),
        HOLDFAST_TEST_SERVICES: JSON.stringify(services),
        HOLDFAST_TEST_PRELOAD: await prebundle({ services, guardian, fresh: drills.length >= manyDrills }),
      },
      options: { seed, minutes, pairs },
    };
    const lacks = lacking(services);
    const [skipped, played] = [drills.filter(lacks), drills.filter((drill) => !lacks(drill))];
    for (const drill of skipped) complain(`drill ${drill.name} is SKIPPED: ${lacks(drill)}`);
    if (played.some(({ needs }) => needs === 'patroni') && findPatroni().version < 4)
      complain(
        'drill patroni suspends no primary: one that wakes under Patroni before 3.0.3 takes its lock back, which loses orders (HOLDFAST_TEST_PATRONI names a newer one)',
      );
    const results = await playAll(partsOf(played, { mutants, mutantsThird }), jobs, (part) =>
      playOne(part, environment),
    );
    return [...results, ...skipped.map((drill) => ({ drill, skipped: true, ok: true, facts: {}, ms: 0 }))];
  } finally {
    await guardian.stopAll();
  }
}

/** What a drill needs and this machine has not, or undefined. */
function lacking(services) {
  return ({ needs }) => {
    if (needs === undefined) return undefined;
    if (services.redis === null) return 'there is no Redis on this machine';
    if (needs === 'citus' && !findCitus())
      return 'there is no PostgreSQL with Citus on this machine (HOLDFAST_TEST_CITUS_BIN names the folder of one)';
    if (needs === 'patroni') {
      const { missing } = findPatroni();
      if (missing)
        return `this machine lacks ${missing.join(', ')} (HOLDFAST_TEST_PATRONI names a Patroni elsewhere)`;
    }
    return undefined;
  };
}

/** A copy, so that a new build does not change the code under a running drill. */
function copyOfBuild(workDir) {
  const dist = path.join(workDir, 'build');
  mkdirSync(workDir);
  cpSync(path.join(root, 'dist'), dist, { recursive: true });
  return dist;
}

/** They and their mutants take half a minute each. */
const longDrills = [
  'database-restored',
  'consumer-crash',
  'poison',
  'skewed-clocks',
  'deadlocks',
  'webhooks',
];

/** What takes long first, so that none runs alone at the end; mutants after all drills. */
function partsOf(drills, { mutants, mutantsThird }) {
  const secondsOf = ({ name, limitSeconds = longDrills.includes(name) ? 30 : 0 }) => limitSeconds;
  const against = (drill) => drill.mutants.map((mutant) => ({ drill, mutant }));
  let played = mutants || mutantsThird ? drills.flatMap(against) : [];
  if (mutantsThird) {
    const once = new Map(played.toReversed().map((part) => [part.mutant.name, part]));
    const names = [...once.keys()].sort();
    played = names.filter((_, index) => index % 3 === mutantsThird - 1).map((name) => once.get(name));
  }
  return [...drills.map((drill) => ({ drill })), ...played].sort(
    (one, other) => secondsOf(other.drill) - secondsOf(one.drill),
  );
}

await main().catch(failWith);
