import type { Order } from '../../api/openapi';
import { Panel } from '../../components/layout/panel';
import { Countdown } from '../../components/values/countdown';
import { When } from '../../components/values/figures';
import { formatSeconds } from '../../formatting/durations';
import { awaitedOf } from './awaited';

/** From here on a countdown in seconds helps nobody. */
const daySeconds = 86_400;

/** `at`: performance.now() when the order arrived. */
export function AwaitedPanel({ order, at }: { order: Order; at: number }) {
  const awaited = awaitedOf(order);
  if (!awaited) return null;
  const { title, what, until, endsIn, then } = awaited;
  return (
    <Panel
      title={title}
      action={endsIn < daySeconds ? <Countdown endsIn={endsIn} at={at} /> : <b>{formatSeconds(endsIn)}</b>}
    >
      <p>
        {what} Until <When at={until} />. {then}
      </p>
    </Panel>
  );
}
