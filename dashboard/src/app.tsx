import { CSPProvider } from '@base-ui/react/csp-provider';
import { Tooltip } from '@base-ui/react/tooltip';
import { QueryClientProvider } from '@tanstack/react-query';
import { Component, lazy, Suspense } from 'react';
import { Route, Switch } from 'wouter';
import { cache } from './api/cache';
import { LiveProvider } from './api/live';
import { SessionGate, useDoor } from './api/session-gate';
import { deskRoutes } from './desk-routes';
import type { PageRoute } from './page-route';
import NotFoundPage from './pages/not-found/not-found-page';
import OverviewPage from './pages/overview/overview-page';
import { SignInPage } from './pages/sign-in/sign-in-page';
import { Announcer } from './parts/announce';
import { Button } from './parts/button';
import { Panel } from './parts/panel';
import { PlaceProvider } from './parts/place';
import { Empty, Loading, Trouble } from './parts/states';
import { Toasts } from './parts/toasts';
import { Shell } from './shell/shell';

const routes: readonly PageRoute[] = [
  { path: '/', page: OverviewPage },
  ...deskRoutes,
  { path: '/queues', page: lazy(() => import('./pages/queues/queues-page')) },
  { path: '/audit', page: lazy(() => import('./pages/audit/audit-page')) },
];

export function App() {
  return (
    <QueryClientProvider client={cache}>
      {/* The page's CSP allows no style element, so nothing may inject one. */}
      <CSPProvider disableStyleElements>
        <Tooltip.Provider delay={400}>
          <Announcer>
            <Toasts>
              <SessionGate>
                <Entrance />
              </SessionGate>
            </Toasts>
          </Announcer>
        </Tooltip.Provider>
      </CSPProvider>
    </QueryClientProvider>
  );
}

function Entrance() {
  const { gate, ask } = useDoor();
  switch (gate.phase) {
    case 'asking':
      return null;
    case 'unreachable':
      return (
        <main>
          <Trouble what="the dashboard" problem={gate.problem} again={ask} />
        </main>
      );
    case 'out':
      return <SignInPage page={gate.page} />;
    case 'in':
      return (
        <LiveProvider>
          <PlaceProvider>
            <Shell>
              <Pages />
            </Shell>
          </PlaceProvider>
        </LiveProvider>
      );
  }
}

function Pages() {
  return (
    <Switch>
      {routes.map(({ path, page: Page }) => (
        <Route key={path} path={path}>
          <Mishap key={path}>
            <Suspense fallback={<Loading rows={8} />}>
              <Page />
            </Suspense>
          </Mishap>
        </Route>
      ))}
      <Route>
        <NotFoundPage />
      </Route>
    </Switch>
  );
}

/** A page that fails takes nothing else with it. A part of a build that is gone fails like this, too. */
class Mishap extends Component<{ children: React.ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): React.ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Panel>
        <Empty title="This page could not be shown. A newer dashboard may be ready.">
          <Button onClick={() => location.reload()}>Reload</Button>
        </Empty>
      </Panel>
    );
  }
}
