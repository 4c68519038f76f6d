import { type Piece, piecesOf } from './folding';
import type { History, Lane } from './history';
import { formatPiece } from './labels';
import { cutNear, endOf, type Stretch, stretchesOf } from './scale';

/** Positions in the grid of the drawing: columns count from 0, at the left edge of the first stretch. */
export interface PlacedPiece {
  piece: Piece;
  label: string;
  from: number;
  to: number;
}

export interface Wait {
  lane: string;
  from: number;
  ms: number;
}

export interface Drawing {
  stretches: Stretch[];
  /** The minimum width of each stretch in pixels, so that every bar fits its label. */
  least: number[];
  lanes: { lane: Lane; pieces: PlacedPiece[]; waits: Wait[] }[];
}

/**
 * The width of a label in 12 px semibold with icon and padding. Generous: a truncated label is worse than a wide bar.
 */
const roomFor = (label: string) => Math.min(300, Math.max(72, 46 + label.length * 6));
const waitRoom = 88;

export function drawingOf(history: History, opened: ReadonlySet<string>, units: number): Drawing {
  const pieces = history.lanes.map((lane) => ({ lane, pieces: piecesOf(lane, opened) }));
  const all = pieces.flatMap((one) => one.pieces);
  const stretches = stretchesOf(all, history.endMs);
  const placed = pieces.map((one) => ({
    lane: one.lane,
    pieces: one.pieces.map((piece) => place(piece, stretches, units)),
    waits: [] as Wait[],
  }));
  stretches.forEach((stretch, from) => {
    if (stretch.kind !== 'wait') return;
    // A wait is drawn in the lane of the bar that ends it.
    const next = all.find((piece) => piece.startMs === stretch.endMs) ?? lastOf(all);
    const lane = placed.find((one) => one.lane.key === next?.lane);
    lane?.waits.push({ lane: lane.lane.key, from, ms: stretch.endMs - stretch.startMs });
  });
  const least = stretches.map((stretch, nth) =>
    leastOf(
      stretch,
      nth,
      placed.flatMap((one) => one.pieces),
    ),
  );
  return { stretches, least, lanes: placed };
}

function place(piece: Piece, stretches: readonly Stretch[], units: number): PlacedPiece {
  const from = cutNear(stretches, piece.startMs);
  const to = Math.max(from + 1, cutNear(stretches, endOf(piece)));
  return { piece, label: formatPiece(piece, units), from, to };
}

function leastOf(stretch: Stretch, nth: number, pieces: readonly PlacedPiece[]): number {
  if (stretch.kind === 'wait') return waitRoom;
  if (stretch.kind === 'gap') return stretch.width;
  const rooms = pieces
    .filter(({ from, to }) => from <= nth && nth < to)
    .map(({ label, from, to }) => roomFor(label) / (to - from));
  return Math.max(16, ...rooms);
}

const lastOf = (pieces: readonly Piece[]): Piece | undefined =>
  pieces.reduce<Piece | undefined>(
    (last, piece) => (last && last.endMs > piece.endMs ? last : piece),
    undefined,
  );
