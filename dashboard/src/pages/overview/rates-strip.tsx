import type { Rate, Rates } from '../../api/openapi';
import { Metric, Metrics } from '../../components/charts/metric';
import { formatTime, useTimeZone } from '../../formatting/clock';
import { formatDuration } from '../../formatting/durations';
import { formatMoneyList } from '../../formatting/money';
import { formatCount, formatDecimal, formatRate } from '../../formatting/numbers';

/** The rates, each with one fact that puts it in context. */
export function RatesStrip({ rates }: { rates: Rates }) {
  useTimeZone();
  const { ordersAccepted, reservationsTaken, soldOut, intake, series } = rates;
  return (
    <Metrics label="Rates">
      <Metric
        label="Orders accepted"
        value={formatDecimal(ordersAccepted.now)}
        unit="/s"
        note={peak(ordersAccepted)}
        spark={series.ordersAccepted}
      />
      <Metric
        label="Reservations taken"
        value={formatDecimal(reservationsTaken.now)}
        unit="/s"
        note={`${formatRate(reservationsTaken.withoutOrder)} without an order`}
        spark={series.reservationsTaken}
      />
      <Placed rates={rates} />
      <Metric
        label="Turned away (sold out)"
        value={formatDecimal(soldOut.now)}
        unit="/s"
        note={gone(rates)}
        spark={series.soldOut}
        sparkTone="amber"
      />
      <Metric
        label="Checkout response (p99)"
        value={intake.p99Ms === null ? '–' : formatDecimal(intake.p99Ms)}
        unit={intake.p99Ms === null ? undefined : 'ms'}
        note={`${intake.p50Ms === null ? '' : `p50 ${formatDuration(intake.p50Ms)}, `}limit ${formatDuration(intake.boundMs)}`}
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
        value={formatDecimal(now)}
        unit="/s"
        note={peak(ordersPlaced)}
        spark={series.ordersPlaced}
      />
    );
  }
  const since = `since ${formatTime(today.since).replace(/:00$/, '')}`;
  return (
    <Metric
      label="Orders placed"
      value={formatCount(today.orders)}
      note={today.money.length === 0 ? since : `${since}, ${formatMoneyList(today.money)}`}
      spark={series.ordersPlaced}
    />
  );
}

const peak = ({ peak: highest }: Rate): string =>
  highest === null
    ? 'none in the last 5 min'
    : `peak ${formatDecimal(highest.perSecond)} at ${formatTime(highest.at)}`;

function gone({ soldOut }: Rates): string {
  const { sku, goneAt } = soldOut;
  if (sku === null) return 'none in the last minute';
  return goneAt === null ? `most for ${sku}` : `${sku} sold out at ${formatTime(goneAt)}`;
}
