import { Link } from 'wouter';
import { Panel } from '../../parts/panel';
import { usePlace } from '../../parts/place';
import { Empty } from '../../parts/states';

/** An address that is no page's. */
export default function NotFoundPage() {
  usePlace({ here: 'Not found' });
  return (
    <Panel>
      <Empty title="There is nothing at this address.">
        <p>
          <Link href="/">Go to the overview</Link>
        </p>
      </Empty>
    </Panel>
  );
}
