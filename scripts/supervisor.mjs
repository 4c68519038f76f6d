// Keeps a set of processes running: starts them, restarts those that die, and stops them in order.
import path from 'node:path';
import { complain, say, SetupError, seconds } from './console.mjs';
import { startGuardian } from './guardian.mjs';
import { writeAtomically } from './pid-file.mjs';
import { identify, sleep } from './processes.mjs';
import { spawnProgram, untilEnded, untilReady } from './program.mjs';

/** Starts short, so that a killed worker is back soon; grows, so that a broken one does not keep the machine busy. */
const backoffMs = { first: 250, max: 5_000 };

/** A process that has run this long started properly; the delay is reset. */
const settledAfterMs = 30_000;

/** Failed starts of a process that had once been ready: about forty seconds of trying. */
const failedStartsMax = 10;

/** Writers before what they write to: API and worker, then the payment provider, then the database. */
export const ranks = { service: 1, provider: 2, database: 3 };

export class Supervisor {
  #guardian = startGuardian();
  #entries = new Map();
  #stopping = false;
  #dataDir;
  #pidFile;
  #giveUp;

  /** `onGivenUp(reason)` is called when a process cannot be kept running; the caller then stops the rest. */
  constructor({ dataDir, pidFile, onGivenUp }) {
    this.#dataDir = dataDir;
    this.#pidFile = pidFile;
    this.#giveUp = onGivenUp;
    this.#publish();
  }

  get isStopping() {
    return this.#stopping;
  }

  /** From the moment it exists, so that no crash of the supervisor leaves a process behind. */
  adopt(name, child, { rank = ranks.service, escalation = 'service' } = {}) {
    const entry = { name, rank, escalation, ...identify(child.pid) };
    this.#guardian.watch(entry);
    this.#entries.set(name, entry);
    this.#publish();
    child.once('exit', () => {
      this.#guardian.forget(entry.pid);
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
      this.#publish();
    });
    // It started during the stop, which did not know about it.
    if (this.#stopping) child.kill('SIGKILL');
  }

  /** Runs a program to its end, e.g. the migrations. */
  async run(name, { script, env }) {
    const program = this.#spawn(name, { script, env });
    await untilEnded(program);
  }

  /** Starts one of our programs, resolves when it is ready, and restarts it whenever it dies. */
  async keepProgram(name, { script, env, rank, readyWhen }) {
    await this.keep(name, async () => {
      const program = this.#spawn(name, { script, env }, { rank });
      try {
        await untilReady(program, { readyWhen });
      } catch (error) {
        program.child.kill('SIGKILL'); // Should it hang rather than have ended.
        throw error;
      }
      return program.child;
    });
  }

  /** The same for anything: `launch` resolves with the child process once that is ready. */
  async keep(name, launch) {
    await this.#launch({ name, launch, failedStarts: 0 });
  }

  #spawn(name, what, options) {
    const program = spawnProgram(name, what);
    if (program.child.pid) this.adopt(name, program.child, options);
    return program;
  }

  async #launch(service) {
    const child = await service.launch();
    const readyAt = Date.now();
    const died = (code, signal) => {
      if (this.#stopping) return;
      if (Date.now() - readyAt > settledAfterMs) service.failedStarts = 0;
      const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      void this.#restart(service, `${service.name} (pid ${child.pid}) ${how}`);
    };
    if (child.exitCode === null && child.signalCode === null) child.once('exit', died);
    else died(child.exitCode, child.signalCode);
    return child;
  }

  async #restart(service, what) {
    for (;;) {
      if (service.failedStarts >= failedStartsMax) {
        return this.#giveUp(`${what}; given up after ${failedStartsMax} starts in a row`);
      }
      const delay = Math.min(backoffMs.first * 2 ** service.failedStarts, backoffMs.max);
      complain(`${what}; starting it again in ${seconds(delay)}`);
      await sleep(delay);
      if (this.#stopping) return;
      service.failedStarts += 1;
      try {
        const child = await this.#launch(service);
        return say(`${service.name} is back (pid ${child.pid})`);
      } catch (error) {
        if (this.#stopping) return;
        if (!(error instanceof SetupError)) return this.#giveUp(error.stack);
        what = error.message;
      }
    }
  }

  /** pids.json is for people and drills; the lock file adds start times, with which the next start cleans up. */
  #publish() {
    const entries = [...this.#entries.values()];
    const pids = {
      supervisor: process.pid,
      ...Object.fromEntries(entries.map(({ name, pid }) => [name, pid])),
    };
    writeAtomically(path.join(this.#dataDir, 'pids.json'), `${JSON.stringify(pids, null, 2)}\n`);
    this.#pidFile.update({ processes: entries });
  }

  async stop() {
    this.#stopping = true;
    await this.#guardian.stopAll();
  }
}
