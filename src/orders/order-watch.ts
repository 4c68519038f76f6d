import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Database } from '../database/database';

/** Often enough that a waiting buyer notices nothing, and one statement however many wait. */
const pollMs = 40;

type Listener = (version: string, ended: boolean) => void;

/**
 * Tells when an order changes: for `Prefer: wait` and for event streams.
 *
 * One query per tick asks about all watched orders together. It works across processes and needs neither a queue nor
 * NOTIFY; without watchers there is no tick.
 */
@Injectable()
export class OrderWatch implements OnModuleDestroy {
  private readonly listeners = new Map<string, Set<Listener>>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(private readonly db: Database) {}

  /** Calls `listener` soon with the present version, and with each new one; returns how to stop. */
  watch(orderId: string, listener: Listener): () => void {
    const own = this.listeners.get(orderId) ?? new Set();
    this.listeners.set(orderId, own.add(listener));
    if (!this.timer && !this.stopped) this.schedule();
    return () => {
      own.delete(listener);
      if (own.size === 0) this.listeners.delete(orderId);
    };
  }

  /** Resolves when the order's saga has nothing left to do, when `ms` are over, or when the process shuts down. */
  async waitForEnd(orderId: string, ms: number): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.finishers.delete(finish);
        unwatch();
        resolve();
      };
      const timer = setTimeout(finish, ms);
      const unwatch = this.watch(orderId, (_, ended) => ended && finish());
      this.finishers.add(finish);
    });
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const finish of [...this.finishers]) finish();
  }

  private readonly finishers = new Set<() => void>();

  private schedule(): void {
    this.timer = setTimeout(() => {
      void this.tick().finally(() => {
        this.timer = undefined;
        if (this.listeners.size > 0 && !this.stopped) this.schedule();
      });
    }, pollMs);
  }

  private async tick(): Promise<void> {
    const ids = [...this.listeners.keys()];
    // A database that is away for a moment is asked again at the next tick; the wait has its own end.
    const rows = await this.db
      .rows<{ id: string; version: string; ended: boolean }>(
        `
        SELECT o.id, o.version || '.' || s.version AS version, s.status IN ('completed', 'compensated') AS ended
          FROM orders o JOIN sagas s ON s.order_id = o.id
         WHERE o.id = ANY ($1::uuid[])
        `,
        [ids],
      )
      .catch(() => []);
    for (const row of rows)
      for (const listener of [...(this.listeners.get(row.id) ?? [])]) listener(row.version, row.ended);
  }
}
