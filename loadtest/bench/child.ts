import { type ChildProcess, fork } from 'node:child_process';
import { processScript } from '../crowd';

/** Runs a module of this folder in a separate process until `work` is done with its result. */
export async function inChild<Q extends object, A extends object>(
  module: string,
  question: Q,
  work: (answer: Exclude<A, { failed: string }>) => Promise<void>,
): Promise<void> {
  const child = fork(processScript, [`bench/${module}`]);
  try {
    child.send(question);
    const answer = await firstAnswer<A>(child, module);
    if ('failed' in answer) throw new Error(`${module} failed: ${String(answer.failed)}`);
    await work(answer as Exclude<A, { failed: string }>);
  } finally {
    child.kill();
  }
}

function firstAnswer<A>(child: ChildProcess, module: string): Promise<A> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as A));
    child.once('exit', (code, signal) =>
      reject(new Error(`${module} ended unexpectedly (${signal ?? `exit ${code}`}).`)),
    );
  });
}
