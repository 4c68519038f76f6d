import type { Delays } from '../delays';
import type { Ledger } from '../ledger/ledger';
import type { Cause, Due, Entry, Outcome } from '../ledger/records';
import type { Webhooks } from '../webhooks';
import { outcomeOf } from './changes';
import { newId } from './payment-intents';

/**
 * Takes steps, one after the other: writes the line, sends its events, and waits for what follows by itself. What is due
 * is in the ledger, so it still happens after a restart.
 */
export class Steps {
  constructor(
    private readonly ledger: Ledger,
    private readonly webhooks: Webhooks,
    private readonly delays: Delays,
  ) {}

  take({ events, ...outcome }: Outcome, cause: Cause, at: number): Entry {
    const entry: Entry = {
      ...outcome,
      ...cause,
      at,
      ...(events.length > 0 && { events: events.map((type) => ({ id: newId('evt'), type })) }),
    };
    this.ledger.record(entry);
    this.webhooks.announce(entry);
    for (const due of outcome.follows ?? []) this.wait(due);
    return entry;
  }

  /** Something will happen by itself, although no step caused it. */
  schedule(due: Due): void {
    this.ledger.schedule(due);
    this.wait(due);
  }

  /** Continues what an earlier process left. What is already due happens before this returns. */
  resume(): void {
    for (const due of [...this.ledger.due.values()].sort((a, b) => a.dueAt - b.dueAt)) this.wait(due);
  }

  private wait(due: Due): void {
    const waitMs = due.dueAt - Date.now();
    if (waitMs > 0) this.delays.run(waitMs, () => this.carryOut(due));
    else this.carryOut(due);
  }

  private carryOut({ id, change }: Due): void {
    const at = Date.now();
    const outcome = outcomeOf(this.ledger, change, at);
    if (outcome) this.take(outcome, { requestId: null, operationId: null, ends: id }, at);
    else this.ledger.drop(id);
  }
}
