import type { Bar, Lane } from './history';

/** More attempts with the same outcome in a row than this are folded. */
const shownInARow = 5;

/** Several attempts with the same outcome, drawn as one block until it is opened. */
export interface Fold {
  key: string;
  lane: string;
  outcome: Bar['outcome'];
  bars: Bar[];
  startMs: number;
  endMs: number;
}

export type Piece = Bar | Fold;

export const isFold = (piece: Piece): piece is Fold => 'bars' in piece;

/**
 * The first of a long row stays visible, to show how it started; the others fold. A running attempt is never folded.
 */
export function piecesOf(lane: Lane, opened: ReadonlySet<string>): Piece[] {
  return rowsOf(lane.bars).flatMap((row): Piece[] => {
    if (row.length <= shownInARow || row[0]!.outcome === 'running') return row;
    const [first, ...others] = row;
    const fold = foldOf(others);
    return opened.has(fold.key) ? row : [first!, fold];
  });
}

/** Neighbours with the same outcome. */
function rowsOf(bars: readonly Bar[]): Bar[][] {
  const rows: Bar[][] = [];
  for (const bar of bars) {
    const row = rows.at(-1);
    if (row?.[0]?.outcome === bar.outcome) row.push(bar);
    else rows.push([bar]);
  }
  return rows;
}

const foldOf = (bars: Bar[]): Fold => ({
  key: `fold ${bars[0]!.key}`,
  lane: bars[0]!.lane,
  outcome: bars[0]!.outcome,
  bars,
  startMs: bars[0]!.startMs,
  endMs: bars.at(-1)!.endMs,
});
