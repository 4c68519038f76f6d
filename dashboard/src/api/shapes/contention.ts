/** `GET /v1/admin/contention/{sku}`, and the value of the stream's topic `contention:{sku}`; all processes together. */
export interface ContentionHistory {
  object: 'contention_history';
  sku: string;
  /** The strategy in force. */
  strategy: string;
  adaptive: { hot: boolean; since: string; reason: string } | null;
  /** Oldest first, 240 slices of 2.5 s, the last ten minutes; null members in a slice in which nobody came. */
  from: string;
  sliceSeconds: 2.5;
  slices: {
    strategy: string | null;
    takenPerSecond: number;
    refusedPerSecond: number;
    p50Ms: number | null;
    p99Ms: number | null;
    /** Tries that were for nothing, per reservation. */
    conflictRate: number | null;
  }[];
  /** Within the ten minutes, oldest first. */
  switches: { at: string; from: string; to: string; by: string; reason: string | null }[];
  /** Each strategy's last measurement on this SKU, most reservations first; empty before the first. */
  strategies: StrategyMeasurement[];
}

export interface StrategyMeasurement {
  strategy: string;
  measuredAt: string;
  lockWaitMs: { p50: number; p99: number };
  conflictRate: number;
  batchSize: number;
  /** The best single second seen while it was measured. */
  peakPerSecond: number;
}
