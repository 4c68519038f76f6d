import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { FromBuyers, Progress, ToBuyers } from './buyers';
import type { Plan } from './plan';
import { Tally } from './tally';

/** Time for all processes to receive their plan. */
export const startDelayMs = 100;

export const processScript = path.join(__dirname, 'process.mjs');

/** Buyers in separate processes, and the sum of their results. */
export class Crowd {
  private constructor(private readonly processes: ChildProcess[]) {}

  static async gather(count: number): Promise<Crowd> {
    const processes = Array.from({ length: count }, () =>
      fork(processScript, ['buyers'], { serialization: 'advanced' }),
    );
    await Promise.all(processes.map((child) => messageOf(child, (message) => 'ready' in message)));
    return new Crowd(processes);
  }

  /** Resolves when the last buyer is done. */
  async run(plan: Plan, onProgress: (sum: Progress) => void = () => undefined): Promise<Tally> {
    // Each process needs at least one buyer.
    const shares = Math.min(this.processes.length, plan.load.buyers);
    const startAt = Date.now() + startDelayMs;
    const latest: Progress[] = [];
    const results = this.processes.slice(0, shares).map(async (child, share) => {
      child.send({ plan, share, shares, startAt } satisfies ToBuyers);
      const last = await messageOf(child, (message) => {
        if ('progress' in message) {
          latest[share] = message.progress;
          onProgress(sumOf(latest));
        }
        return 'result' in message || 'failed' in message;
      });
      if ('result' in last) return last.result;
      throw new Error(`The buyers failed: ${'failed' in last ? last.failed : ''}`);
    });
    const tally = new Tally();
    for (const result of await Promise.all(results)) tally.add(result);
    return tally;
  }

  dismiss(): void {
    for (const child of this.processes) child.kill();
  }
}

/** Waits for the first message that matches. */
function messageOf(child: ChildProcess, matches: (message: FromBuyers) => boolean): Promise<FromBuyers> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromBuyers) => {
      if (!matches(message)) return;
      child.off('exit', gone).off('message', onMessage);
      resolve(message);
    };
    const gone = () => reject(new Error('A process of buyers ended unexpectedly.'));
    child.on('message', onMessage).once('exit', gone);
  });
}

function sumOf(parts: Progress[]): Progress {
  const [first, ...others] = parts.filter(Boolean);
  const sum = { ...first! };
  for (const other of others)
    for (const name of Object.keys(sum) as (keyof Progress)[]) sum[name] += other[name];
  return sum;
}
