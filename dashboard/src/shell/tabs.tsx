import { Ellipsis, Settings } from 'lucide-react';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useSession } from '../api/auth';
import type { Overview } from '../api/openapi';
import { useApi } from '../api/use-api';
import { Modal } from '../components/dialogs/modal';
import { formatShort } from '../formatting/numbers';
import { groupsFor, isAt } from './nav-pages';
import styles from './tabs.module.css';

/** The tab bar on phones: four pages and "More". */
export function Tabs({ onSettings }: { onSettings: () => void }) {
  const { environment, keyName, role } = useSession();
  const { data } = useApi<Overview>('overview');
  const [location] = useLocation();
  const [more, setMore] = useState(false);
  const pages = groupsFor(data?.loadTests ?? environment !== 'production').flatMap((group) => group.pages);
  const cases = data?.review.cases ?? 0;
  const rest = pages.filter(({ tab }) => tab === undefined);
  return (
    <nav className={styles.tabs} aria-label="Main pages">
      {pages
        .filter(({ tab }) => tab !== undefined)
        .map(({ href, icon: Icon, tab }) => (
          <Link
            key={href}
            href={href}
            className={styles.tab}
            aria-current={isAt(location, href) ? 'page' : undefined}
          >
            <Icon size={19} aria-hidden />
            {tab}
            {href === '/review' && cases > 0 && <span className={styles.count}>{formatShort(cases)}</span>}
          </Link>
        ))}
      <button
        type="button"
        className={styles.tab}
        onClick={() => setMore(true)}
        aria-current={rest.some(({ href }) => isAt(location, href)) ? 'page' : undefined}
      >
        <Ellipsis size={19} aria-hidden />
        More
      </button>
      <Modal open={more} onClose={() => setMore(false)} title="More">
        <div className={styles.more}>
          {rest.map(({ href, icon: Icon, name }) => (
            <Link key={href} href={href} onClick={() => setMore(false)}>
              <Icon size={18} aria-hidden /> {name}
            </Link>
          ))}
          <button
            type="button"
            onClick={() => {
              setMore(false);
              onSettings();
            }}
          >
            <Settings size={18} aria-hidden /> {keyName}, {role}: settings
          </button>
        </div>
      </Modal>
    </nav>
  );
}
