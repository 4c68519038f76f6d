import { useMemo } from 'react';
import { Link } from 'wouter';
import type { RateSeries } from '../../api/openapi';
import { ChartKeys, type Series, TimeChart } from '../../components/charts/time-chart';
import { Panel } from '../../components/layout/panel';

const keys = [
  { label: 'Placed', tone: 'main' },
  { label: 'Sold out', tone: 'amber' },
  { label: 'Declined', tone: 'red' },
] as const;

/** How checkouts ended, per second. A second without data is a gap, never a line. */
export function CheckoutsChart({ series, loadTests }: { series: RateSeries; loadTests: boolean }) {
  const { ordersPlaced, soldOut, declined, from } = series;
  const times = useMemo(() => {
    const first = Math.floor(Date.parse(from) / 1000);
    return ordersPlaced.map((_, second) => first + second);
  }, [from, ordersPlaced]);
  const lines: Series[] = [
    { ...keys[0], values: ordersPlaced, fill: true },
    { ...keys[1], values: soldOut },
    { ...keys[2], values: declined },
  ];
  return (
    <Panel title="Checkouts per second" note="last 5 minutes" action={<ChartKeys series={keys} />}>
      <TimeChart
        label="Checkouts per second in the last 5 minutes"
        times={times}
        series={lines}
        height={216}
        unit="/s"
        empty={
          <p>
            No checkouts in the last 5 minutes. Try the curl lines in the README
            {loadTests && (
              <>
                {' '}
                or <Link href="/flash-sale">start a rehearsal</Link>
              </>
            )}
            .
          </p>
        }
      />
    </Panel>
  );
}
