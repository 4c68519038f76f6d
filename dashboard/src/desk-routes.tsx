import { lazy } from 'react';
import type { PageRoute } from './page-route';

/** The pages of the desk: what a person acts on. */
export const deskRoutes: PageRoute[] = [
  { path: '/review/:id?', page: lazy(() => import('./pages/review/review-page')) },
  { path: '/products/:sku?', page: lazy(() => import('./pages/products/products-page')) },
  { path: '/reservations', page: lazy(() => import('./pages/reservations/reservations-page')) },
  { path: '/reservations/:id', page: lazy(() => import('./pages/reservations/reservation-page')) },
  { path: '/orders', page: lazy(() => import('./pages/orders/orders-page')) },
  { path: '/orders/:id', page: lazy(() => import('./pages/orders/order-page')) },
  { path: '/flash-sale/:run?', page: lazy(() => import('./pages/flash-sale/flash-sale-page')) },
];
