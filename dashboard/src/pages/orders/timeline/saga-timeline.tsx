import { useMemo, useState } from 'react';
import type { Saga } from '../../../api/shapes/sagas';
import { historyOf, type TimelineFacts } from './history';
import { TimelineDrawing } from './timeline-drawing';
import { TimelineList } from './timeline-list';
import { drawingOf } from './timeline-model';
import styles from './saga-timeline.module.css';

interface SagaTimelineProps {
  saga: Saga;
  /** How long ago its first transition was; only looked at while the saga goes on. */
  ageMs: number;
}

/**
 * A saga as lanes of attempts, and below 700 px, and for who listens instead of looking, as a list. Waits are drawn
 * shorter than they were, for a half hour's pause must not squeeze the seconds of work to nothing.
 */
export function SagaTimeline({ saga, ageMs }: SagaTimelineProps) {
  const isOver = saga.status === 'completed' || saga.status === 'compensated';
  // While the saga goes on the drawing moves once a second; an ended one is drawn once.
  const nowMs = isOver ? 0 : Math.floor(ageMs / 1_000) * 1_000;
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const history = useMemo(() => historyOf(saga, nowMs), [saga, nowMs]);
  const { units } = saga.reservation;
  const drawing = useMemo(() => drawingOf(history, opened, units), [history, opened, units]);
  const zero = Date.parse(saga.transitions[0]?.at ?? saga.order.createdAt);
  const facts: TimelineFacts = { saga, history, zero };

  return (
    <div className={styles.timeline}>
      <TimelineDrawing
        facts={facts}
        drawing={drawing}
        onOpen={(key) => setOpened((before) => new Set([...before, key]))}
      />
      <TimelineList facts={facts} />
    </div>
  );
}
