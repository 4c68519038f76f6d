// Outlives the process that started it. When that process ends for any reason (kill -9 too), the pipe between them
// closes, and the guardian stops, in order, all processes that it watches.
//
// As a program it reads one JSON object per line: {"watch": {name, pid, rank, escalation}}, {"forget": pid},
// {"removeDir": path}.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { identify, isMain, stopInOrder } from './processes.mjs';

const script = fileURLToPath(import.meta.url);

/** Starts a guardian for this process. If it is killed, it is started again with the same list. */
export function startGuardian() {
  const watched = new Map();
  const dirs = new Set();
  let child;
  let dismissed = false;

  const send = (message) => child.stdin.write(`${JSON.stringify(message)}\n`);
  const hire = () => {
    // Its own session: Ctrl-C at the terminal must not reach it.
    child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.on('error', () => {}); // Its end is noticed by 'exit' below.
    child.once('exit', () => dismissed || hire());
    child.unref();
    child.stdin.unref?.();
    for (const entry of watched.values()) send({ watch: entry });
    for (const dir of dirs) send({ removeDir: dir });
  };
  hire();

  return {
    /** `rank` orders the stopping, lowest first; `escalation` names how (see processes.mjs). */
    watch({ name, pid, rank, escalation = 'service' }) {
      const entry = { name, rank, escalation, ...identify(pid) };
      watched.set(pid, entry);
      send({ watch: entry });
    },
    forget(pid) {
      watched.delete(pid);
      send({ forget: pid });
    },
    removeDir(dir) {
      dirs.add(dir);
      send({ removeDir: dir });
    },
    /** Stops everything now, in order, and ends the guardian. */
    async stopAll() {
      await stopInOrder([...watched.values()]);
      dismissed = true;
      child.stdin.end();
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function serve() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  const entries = new Map();
  const dirs = [];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.watch) entries.set(message.watch.pid, { ...message.watch, ...identify(message.watch.pid) });
    if (message.forget) entries.delete(message.forget);
    if (message.removeDir) dirs.push(message.removeDir);
  }
  await stopInOrder([...entries.values()]);
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
}

if (isMain(import.meta.url)) await serve();
