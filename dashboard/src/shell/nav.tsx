import { Moon, Sun } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import { useSession } from '../api/auth';
import type { Overview } from '../api/openapi';
import { useApi } from '../api/use-api';
import { RAIL, useMedia } from '../browser/media';
import { Tooltip } from '../components/feedback/tooltip';
import { Logo } from '../components/values/logo';
import { formatShort } from '../formatting/numbers';
import { classes } from '../theme/classes';
import { chooseTheme, useTheme } from '../theme/theme';
import { groupsFor, isAt, type NavPage } from './nav-pages';
import styles from './nav.module.css';

/** The navigation column; a rail of icons on narrow screens. */
export function Nav({ onSettings }: { onSettings: () => void }) {
  const { environment, cell, keyName, role } = useSession();
  const { data } = useApi<Overview>('overview');
  return (
    <nav className={styles.nav} aria-label="Pages">
      <Link href="/" className={styles.brand} aria-label="Holdfast, go to the overview">
        <Logo />
        <span>Holdfast</span>
      </Link>
      <div
        className={classes(styles.environment, environment === 'production' && styles.production)}
        title={`${location.host}, ${environment}, cell ${cell}`}
      >
        <span className={styles.host}>{location.hostname}</span>
        <span className={styles.kind}>{cell === 'main' ? environment : `${environment} · ${cell}`}</span>
      </div>
      {groupsFor(data?.loadTests ?? environment !== 'production').map((group) => (
        <div key={group.name} role="group" aria-label={group.name}>
          <div className={styles.group} aria-hidden>
            {group.name}
          </div>
          {group.pages.map((page) => (
            <NavLink
              key={page.href}
              page={page}
              cases={page.href === '/review' ? data?.review.cases : undefined}
            />
          ))}
        </div>
      ))}
      <div className={styles.foot}>
        <button
          type="button"
          className={styles.user}
          onClick={onSettings}
          aria-label={`${keyName}, ${role}: settings`}
        >
          <span className={styles.avatar} aria-hidden>
            {initials(keyName)}
          </span>
          <span className={classes(styles.who)}>
            <span className={styles.name}>{keyName}</span>
            <span className={styles.role}>{role}</span>
          </span>
        </button>
        <ThemeButton />
      </div>
    </nav>
  );
}

function NavLink({ page, cases = 0 }: { page: NavPage; cases?: number }) {
  const [location] = useLocation();
  const Icon = page.icon;
  const here = isAt(location, page.href);
  const rail = useMedia(RAIL);
  return (
    <Tooltip text={page.name} side="right" off={!rail}>
      <Link href={page.href} className={styles.page} aria-current={here ? 'page' : undefined}>
        <Icon size={16} aria-hidden />
        <span className={styles.label}>{page.name}</span>
        {cases > 0 && (
          <span className={styles.count}>
            {formatShort(cases)}
            <span className="unseen"> {cases === 1 ? 'case' : 'cases'}</span>
          </span>
        )}
      </Link>
    </Tooltip>
  );
}

function ThemeButton() {
  const theme = useTheme();
  const other = theme === 'dark' ? 'light' : 'dark';
  const Icon = theme === 'dark' ? Sun : Moon;
  return (
    <button
      type="button"
      className={styles.theme}
      aria-label={`Switch to the ${other} theme`}
      onClick={() => chooseTheme(other)}
    >
      <Icon size={15} aria-hidden />
    </button>
  );
}

/** "AN" of "anna.ops". */
const initials = (name: string): string =>
  name
    .replaceAll(/[^a-z0-9]/gi, '')
    .slice(0, 2)
    .toUpperCase();
