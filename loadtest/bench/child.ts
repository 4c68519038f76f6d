import { type ChildProcess, fork } from 'node:child_process';
import { processScript } from '../crowd';

interface Failed {
  failed: string;
}

/** Runs a module of this folder in a separate process until `work` is done with its result. */
export async function inChild<Q extends object, A extends object>(
  module: string,
  question: Q,
  work: (answer: A) => Promise<void>,
): Promise<void> {
  const child = fork(processScript, [`bench/${module}`]);
  try {
    child.send(question);
    const answer = await firstAnswer<A>(child, module);
    if ('failed' in answer) throw new Error(`${module} failed: ${String(answer.failed)}`);
    await work(answer);
  } finally {
    child.kill();
  }
}

/** In that process: does the work of each question and sends its result. */
export function answering<Q, A extends object>(work: (question: Q) => Promise<A>): void {
  const send = (message: A | Failed) => process.send!(message);
  process.on('message', (question: Q) => {
    work(question).then(send, (error: Error) => send({ failed: error.stack ?? error.message }));
  });
}

function firstAnswer<A>(child: ChildProcess, module: string): Promise<A | Failed> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as A | Failed));
    child.once('exit', (code, signal) =>
      reject(new Error(`${module} ended unexpectedly (${signal ?? `exit ${code}`}).`)),
    );
  });
}
