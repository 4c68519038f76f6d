import { useMemo } from 'react';
import type { LoadTestLane } from '../../api/openapi';
import { Plot } from '../../components/charts/plot';
import { lineOf } from '../../components/charts/plot-lines';
import { formatDuration } from '../../formatting/durations';
import { formatCount } from '../../formatting/numbers';
import { strategyStyle } from '../../formatting/strategies';
import { curvesOf } from './curves';
import styles from './race-curves.module.css';

interface RaceCurvesProps {
  lanes: readonly LoadTestLane[];
  units: number;
}

/** Units taken over time, all lanes from the same zero. */
export function RaceCurves({ lanes, units }: RaceCurvesProps) {
  const { curves, xTicks, yTicks } = useMemo(() => curvesOf(lanes, units), [lanes, units]);
  const values = lanes.map(({ strategy, unitsTaken }) => `${strategy} ${formatCount(unitsTaken)}`).join(', ');
  return (
    <Plot
      label={`Units taken over time: ${values}`}
      height={236}
      xTicks={xTicks.map(({ at, seconds }) => ({
        at,
        label: seconds === 0 ? '0' : formatDuration(seconds * 1_000),
      }))}
      yTicks={yTicks.map(({ at, value }) => ({ at, label: formatCount(value) }))}
      over={curves.map(({ strategy, label }) =>
        label === null ? null : (
          <span
            key={strategy}
            className={styles.name}
            style={{
              left: `${label[0] * 100}%`,
              bottom: `${label[1] * 100}%`,
              color: strategyStyle(strategy).colour,
            }}
            aria-hidden
          >
            {strategy}
          </span>
        ),
      )}
    >
      {curves.map(({ strategy, points }) => {
        const { colour, dash, width } = strategyStyle(strategy);
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
