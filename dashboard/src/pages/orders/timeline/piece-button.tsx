import { Tooltip } from '../../../components/feedback/tooltip';
import { Shape } from '../../../components/values/shape';
import { formatTimeMs } from '../../../formatting/clock';
import { formatFineDuration } from '../../../formatting/durations';
import { classes } from '../../../theme/classes';
import { isFold, type Piece } from './folding';
import { between } from './grid';
import type { TimelineFacts } from './history';
import { formatLane, outcomeBadges } from './labels';
import type { PlacedPiece } from './timeline-model';
import styles from './saga-timeline.module.css';

interface PieceButtonProps {
  placed: PlacedPiece;
  facts: TimelineFacts;
  onOpen: (key: string) => void;
}

/** A bar or a folded block. Hover or focus shows its facts; a click opens a block. */
export function PieceButton({ placed: { piece, label, from, to }, facts, onOpen }: PieceButtonProps) {
  const lane = facts.history.lanes.find(({ key }) => key === piece.lane)!;
  const name = formatLane(lane, facts.history.open).name;
  const after = piece.startMs === 0 ? 'at the start' : `${formatFineDuration(piece.startMs)} after the start`;
  return (
    <Tooltip text={<PieceFacts piece={piece} zero={facts.zero} />}>
      <button
        type="button"
        className={classes(styles.bar, styles[piece.outcome], isFold(piece) && styles.fold)}
        style={between(from, to)}
        aria-label={`${name}: ${label}, ${after}`}
        aria-expanded={isFold(piece) ? false : undefined}
        data-bar={piece.startMs}
        tabIndex={piece.startMs === 0 ? 0 : -1}
        onClick={isFold(piece) ? () => onOpen(piece.key) : undefined}
      >
        <Shape name={outcomeBadges[piece.outcome].shape} />
        <span>{label}</span>
      </button>
    </Tooltip>
  );
}

function PieceFacts({ piece, zero }: { piece: Piece; zero: number }) {
  const at = (ms: number) => formatTimeMs(zero + ms);
  const rows: [string, string][] = [
    ['Started', at(piece.startMs)],
    ['Ended', piece.outcome === 'running' ? 'not yet' : at(piece.endMs)],
    ['Took', formatFineDuration(piece.endMs - piece.startMs)],
  ];
  if (!isFold(piece)) {
    const { operation, detail, key, worker, fencingToken } = piece.attempt;
    if (operation) rows.push(['Operation', operation]);
    if (key) rows.push(['Key', key]);
    if (detail) rows.push(['Result', detail]);
    rows.push(['Worker', worker], ['Lease token', String(fencingToken)]);
  }
  return (
    <dl className={styles.facts}>
      {rows.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
