import { type ComponentType, lazy } from 'react';
import OverviewPage from './pages/overview/overview-page';

interface PageRoute {
  path: string;
  page: ComponentType;
}

/** Which page is shown at which address. Every page but the first one is loaded when it is first opened. */
export const routes: readonly PageRoute[] = [
  { path: '/', page: OverviewPage },
  { path: '/review/:id?', page: lazy(() => import('./pages/review/review-page')) },
  { path: '/products/:sku?', page: lazy(() => import('./pages/products/products-page')) },
  { path: '/reservations', page: lazy(() => import('./pages/reservations/reservations-page')) },
  { path: '/reservations/:id', page: lazy(() => import('./pages/reservations/reservation-page')) },
  { path: '/orders', page: lazy(() => import('./pages/orders/orders-page')) },
  { path: '/orders/:id', page: lazy(() => import('./pages/orders/order-page')) },
  { path: '/queues', page: lazy(() => import('./pages/queues/queues-page')) },
  { path: '/webhooks', page: lazy(() => import('./pages/webhooks/webhooks-page')) },
  { path: '/webhooks/:id', page: lazy(() => import('./pages/webhooks/webhook-page')) },
  { path: '/audit', page: lazy(() => import('./pages/audit/audit-page')) },
  { path: '/flash-sale/:run?', page: lazy(() => import('./pages/flash-sale/flash-sale-page')) },
];
