import type { Rate, Rates } from '../../api/shapes/overview';
import { Metric, Metrics } from '../../parts/metric';
import { clock, useZone } from '../../words/clock';
import { duration } from '../../words/durations';
import { moneyList } from '../../words/money';
import { count, decimal, rate } from '../../words/numbers';

/** How fast it goes, and one fact beside each number that gives it its size. */
export function RatesStrip({ rates }: { rates: Rates }) {
  useZone();
  const { ordersAccepted, reservationsTaken, soldOut, intake, series } = rates;
  return (
    <Metrics label="Rates">
      <Metric
        label="Orders accepted"
        value={decimal(ordersAccepted.now)}
        unit="/s"
        note={peak(ordersAccepted)}
        spark={series.ordersAccepted}
      />
      <Metric
        label="Reservations taken"
        value={decimal(reservationsTaken.now)}
        unit="/s"
        note={`${rate(reservationsTaken.withoutOrder)} without an order`}
        spark={series.reservationsTaken}
      />
      <Placed rates={rates} />
      <Metric
        label="Told “sold out”"
        value={decimal(soldOut.now)}
        unit="/s"
        note={gone(rates)}
        spark={series.soldOut}
        sparkTone="amber"
      />
      <Metric
        label="Intake p99"
        value={intake.p99Ms === null ? '–' : decimal(intake.p99Ms)}
        unit={intake.p99Ms === null ? undefined : 'ms'}
        note={`${intake.p50Ms === null ? '' : `p50 ${duration(intake.p50Ms)}, `}bound ${duration(intake.boundMs)}`}
        spark={series.intakeP99Ms}
      />
    </Metrics>
  );
}

function Placed({ rates: { ordersPlaced, series } }: { rates: Rates }) {
  const { today, now } = ordersPlaced;
  if (today === null) {
    return (
      <Metric
        label="Orders placed"
        value={decimal(now)}
        unit="/s"
        note={peak(ordersPlaced)}
        spark={series.ordersPlaced}
      />
    );
  }
  const since = `since ${clock(today.since).replace(/:00$/, '')}`;
  return (
    <Metric
      label="Orders placed"
      value={count(today.orders)}
      note={today.money.length === 0 ? since : `${since}, ${moneyList(today.money)}`}
      spark={series.ordersPlaced}
    />
  );
}

const peak = ({ peak: highest }: Rate): string =>
  highest === null ? 'none in the last 5 min' : `peak ${decimal(highest.perSecond)} at ${clock(highest.at)}`;

function gone({ soldOut }: Rates): string {
  const { sku, goneAt } = soldOut;
  if (sku === null) return 'nobody in the last minute';
  return goneAt === null ? `most want ${sku}` : `${sku} gone at ${clock(goneAt)}`;
}
