// One of the service's Node programs. Its output is shown under its name, and its last lines are kept.
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { SetupError } from './console.mjs';
import { root, sleep } from './processes.mjs';
import { watchStart } from './progress.cjs';

/** Wide enough for the longest name, so that the lines of all programs begin in the same column. */
const labelWidth = 8;

/** Lines that repeat what the stage's line says. */
const announcement = /^((api|sandbox) listening on |worker ready$)/;

/** Not stack frames or fields of a printed object, which explain nothing by themselves. */
const isSentence = (line) => /^\S.*\w/.test(line);

export function spawnProgram(name, { script, env }) {
  const child = spawn(process.execPath, ['--enable-source-maps', path.join(root, script)], {
    cwd: root,
    env,
    // Its own process group: Ctrl-C is for the supervisor, which stops the others in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const program = { name, child, lines: [], lastLine: '', ended: undefined };
  const show = (from, to) =>
    readline.createInterface({ input: from }).on('line', (line) => {
      if (program.lines) program.lines.push(line);
      if (isSentence(line)) program.lastLine = line;
      if (!announcement.test(line)) to.write(`${name.padEnd(labelWidth)}| ${line}\n`);
    });
  show(child.stdout, process.stdout);
  show(child.stderr, process.stderr);
  program.closed = new Promise((resolve) => {
    child.once('error', (error) => resolve((program.ended = { how: error.message, ok: false })));
    // 'close' and not 'exit': its last lines may still be in the pipe.
    child.once('close', (code, signal) =>
      resolve((program.ended = { how: signal ?? `exit ${code}`, ok: code === 0 })),
    );
  });
  return program;
}

/** Runs a program to its end; its printed lines say why it failed. */
export async function untilEnded(program) {
  const { ok, how } = await program.closed;
  if (!ok) throw new SetupError(`${program.name} failed (${how})${whySaid(program)}`);
}

/**
 * `readyWhen` is the text that it prints when ready, or a function that checks. Waits while the start makes progress.
 */
export async function untilReady(program, { readyWhen }) {
  const isReady =
    typeof readyWhen === 'function' ? readyWhen : () => program.lines.some((line) => readyWhen.test(line));
  const start = watchStart(program.child.pid);
  let heard = 0;
  for (;;) {
    // Checked first: another program on the same port may answer in its place.
    if (program.ended)
      throw new SetupError(`${program.name} could not start (${program.ended.how})${whySaid(program)}`);
    if (await isReady()) break;
    if (program.lines.length > heard) start.moved();
    heard = program.lines.length;
    const problem = start.problem();
    if (problem) throw new SetupError(`${program.name} ${problem}${saying(program)}`);
    await sleep(25);
  }
  program.lines = undefined; // From here on only the last one matters.
}

/** Its lines are already on the screen. */
const whySaid = ({ lastLine }) => (lastLine ? `; its lines above say why` : ' without output');

const saying = ({ lastLine }) => (lastLine ? `. Its last line: ${lastLine}` : '');
