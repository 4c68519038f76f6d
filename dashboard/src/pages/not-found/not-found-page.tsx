import { Link } from 'wouter';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { Panel } from '../../components/layout/panel';
import { Empty } from '../../components/layout/states';

/** Shown for an unknown address. */
export default function NotFoundPage() {
  useSetBreadcrumbs({ here: 'Not found' });
  return (
    <Panel>
      <Empty title="There is no page at this address.">
        <p>
          <Link href="/">Go to Overview</Link>
        </p>
      </Empty>
    </Panel>
  );
}
