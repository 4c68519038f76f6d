import { useMemo } from 'react';
import type { LoadTestLane } from '../../api/shapes/load-tests';
import { duration } from '../../words/durations';
import { count } from '../../words/numbers';
import { Plot } from '../plot';
import { lineOf } from '../plot-lines';
import { strategyLook } from '../strategy-field/strategies';
import { curvesOf } from './curves';
import styles from './race-curves.module.css';

interface RaceCurvesProps {
  lanes: readonly LoadTestLane[];
  units: number;
}

/** Units taken over time, all from the same zero: steeper is better, level means sold out. */
export function RaceCurves({ lanes, units }: RaceCurvesProps) {
  const { curves, xTicks, yTicks } = useMemo(() => curvesOf(lanes, units), [lanes, units]);
  const said = lanes.map(({ strategy, unitsTaken }) => `${strategy} ${count(unitsTaken)}`).join(', ');
  return (
    <Plot
      label={`Units taken over time: ${said}`}
      height={236}
      xTicks={xTicks.map(({ at, seconds }) => ({
        at,
        label: seconds === 0 ? '0' : duration(seconds * 1_000),
      }))}
      yTicks={yTicks.map(({ at, value }) => ({ at, label: count(value) }))}
      over={curves.map(({ strategy, label }) =>
        label === null ? null : (
          <span
            key={strategy}
            className={styles.name}
            style={{
              left: `${label[0] * 100}%`,
              bottom: `${label[1] * 100}%`,
              color: strategyLook(strategy).colour,
            }}
            aria-hidden
          >
            {strategy}
          </span>
        ),
      )}
    >
      {curves.map(({ strategy, points }) => {
        const { colour, dash, width } = strategyLook(strategy);
        return (
          <path
            key={strategy}
            d={lineOf(points)}
            style={{ stroke: colour }}
            strokeWidth={width}
            strokeDasharray={dash}
          />
        );
      })}
    </Plot>
  );
}
