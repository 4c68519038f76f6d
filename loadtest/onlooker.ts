import type { Progress } from './buyers';
import type { PlainSale } from './flash-report';

/** What whoever started the load test as a child process is told: four times a second, and at the end of each sale. */
export type SaleNews = { selling: string; progress: Progress | undefined } | { sold: PlainSale };

/** Started from a terminal, nobody listens. */
export function tellParent(news: SaleNews): void {
  process.send?.(news);
}
