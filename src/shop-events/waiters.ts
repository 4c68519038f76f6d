import type { MessageType } from '../outbox/outbox.repository';
import type { EventRounds, News } from './event-rounds';

export interface Waiter {
  readonly hasEnded: boolean;
  /** Resolves at the next news for this reader, or when it must not wait any longer. */
  next(): Promise<void>;
  end(): void;
}

interface Waiting {
  types: readonly MessageType[] | null;
  wake: () => void;
}

/** Readers that wait for events. A round wakes those for whom it has found some, and costs the others nothing. */
export class Waiters {
  private readonly byPrincipal = new Map<string, Set<Waiting>>();
  private stopListening: (() => void) | undefined;

  constructor(private readonly rounds: EventRounds) {}

  add(
    { principal, types }: { principal: string; types: readonly MessageType[] | null },
    waitMs: number,
  ): Waiter {
    let wake = () => {};
    let hasEnded = false;
    const waiting: Waiting = { types, wake: () => wake() };
    const own = this.byPrincipal.get(principal) ?? new Set();
    this.byPrincipal.set(principal, own.add(waiting));
    this.stopListening ??= this.rounds.listen((news) => this.hear(news));
    const end = () => {
      if (hasEnded) return;
      hasEnded = true;
      clearTimeout(timer);
      this.remove(principal, waiting);
      wake();
    };
    const timer = setTimeout(end, waitMs);
    return {
      get hasEnded() {
        return hasEnded;
      },
      next: () => (hasEnded ? Promise.resolve() : new Promise((resolve) => (wake = resolve))),
      end,
    };
  }

  private remove(principal: string, waiting: Waiting): void {
    const own = this.byPrincipal.get(principal);
    own?.delete(waiting);
    if (own?.size === 0) this.byPrincipal.delete(principal);
    if (this.byPrincipal.size > 0) return;
    this.stopListening?.();
    this.stopListening = undefined;
  }

  private hear({ types: news }: News): void {
    const principals = news?.keys() ?? this.byPrincipal.keys();
    for (const principal of [...principals])
      for (const { types, wake } of this.byPrincipal.get(principal) ?? [])
        if (!news || types === null || types.some((type) => news.get(principal)!.has(type))) wake();
  }
}
