import { Link } from 'wouter';
import { useSetBreadcrumbs } from '../../components/layout/breadcrumbs';
import { Panel } from '../../components/layout/panel';
import { Empty } from '../../components/layout/states';

/** An address that is no page's. */
export default function NotFoundPage() {
  useSetBreadcrumbs({ here: 'Not found' });
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
