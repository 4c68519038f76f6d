import { CSPProvider } from '@base-ui/react/csp-provider';
import { Tooltip } from '@base-ui/react/tooltip';
import { QueryClientProvider } from '@tanstack/react-query';
import { Component, Suspense } from 'react';
import { Route, Switch } from 'wouter';
import { AuthProvider, useAuth } from './api/auth';
import { queryClient } from './api/cache';
import { LiveProvider } from './api/live';
import { AnnouncerProvider } from './components/feedback/announcer';
import { ToastProvider } from './components/feedback/toasts';
import { Button } from './components/forms/button';
import { BreadcrumbsProvider } from './components/layout/breadcrumbs';
import { Panel } from './components/layout/panel';
import { Empty, LoadError, Loading } from './components/layout/states';
import NotFoundPage from './pages/not-found/not-found-page';
import { SignInPage } from './pages/sign-in/sign-in-page';
import { routes } from './routes';
import { Shell } from './shell/shell';

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      {/* The page's CSP allows no style element, so nothing may inject one. */}
      <CSPProvider disableStyleElements>
        <Tooltip.Provider delay={400}>
          <AnnouncerProvider>
            <ToastProvider>
              <AuthProvider>
                <AuthGate />
              </AuthProvider>
            </ToastProvider>
          </AnnouncerProvider>
        </Tooltip.Provider>
      </CSPProvider>
    </QueryClientProvider>
  );
}

function AuthGate() {
  const { state, retry } = useAuth();
  switch (state.phase) {
    case 'loading':
      return null;
    case 'unreachable':
      return (
        <main>
          <LoadError what="the dashboard" problem={state.problem} retry={retry} />
        </main>
      );
    case 'signed-out':
      return <SignInPage page={state.page} />;
    case 'signed-in':
      return (
        <LiveProvider>
          <BreadcrumbsProvider>
            <Shell>
              <Pages />
            </Shell>
          </BreadcrumbsProvider>
        </LiveProvider>
      );
  }
}

function Pages() {
  return (
    <Switch>
      {routes.map(({ path, page: Page }) => (
        <Route key={path} path={path}>
          <ErrorBoundary key={path}>
            <Suspense fallback={<Loading rows={8} />}>
              <Page />
            </Suspense>
          </ErrorBoundary>
        </Route>
      ))}
      <Route>
        <NotFoundPage />
      </Route>
    </Switch>
  );
}

/** A page that fails does not take the rest with it. This also covers a chunk of an old build that is gone. */
class ErrorBoundary extends Component<{ children: React.ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): React.ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Panel>
        <Empty title="This page could not be shown. Reload it: a newer dashboard may be ready.">
          <Button onClick={() => location.reload()}>Reload</Button>
        </Empty>
      </Panel>
    );
  }
}
