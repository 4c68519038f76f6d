import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database';
import { StreamTopics } from '../../http/event-stream';
import { BodyValidationPipe } from '../../http/validation';
import { parsePublicId } from '../../ids';
import { ReservationListQuery } from '../../inventory/reservations/reservations.dto';
import { productView } from '../../inventory/catalogue/products.responses';
import { ProductsService } from '../../inventory/catalogue/products.service';
import {
  countReservations,
  filterOf,
  reservationPage,
  expiringStockOf,
} from '../../inventory/reservations/reservation-list.repository';
import { noSuchOrder } from '../../orders/orders.errors';
import { listCases, reviewCounts } from '../review/review';
import { caseView } from '../review/review-formatting';
import { findSagaFacts } from '../order-timeline/saga-facts';
import { sagaView } from '../order-timeline/saga-view';
import type { ProductMessage, ReservationsMessage, ReviewMessage } from './stream.responses';

/** As many rows as a page shows, and as many cases as a screen. */
const rowsMax = 100;
const casesMax = 50;
/** Counting stops here. */
const matchingMax = 10_000;

/** The topics of the dashboard's pages: each message is the whole response of the matching call. */
@Injectable()
export class PageTopics {
  private readonly pipe = new BodyValidationPipe();

  constructor(
    private readonly db: Database,
    private readonly products: ProductsService,
    topics: StreamTopics,
  ) {
    topics.offer('order', (id) => this.order(id));
    topics.offer('product', (sku) => this.product(sku));
    topics.offer('reservations', (filter) => this.reservations(filter));
    topics.offer('review', () => this.review());
  }

  private async order(id: string) {
    const orderId = parsePublicId('ord', id);
    const facts = orderId && (await findSagaFacts(this.db, orderId));
    if (!facts) throw noSuchOrder();
    return sagaView(facts);
  }

  private async product(sku: string): Promise<ProductMessage> {
    const product = productView(await this.products.get(sku));
    const returning = await expiringStockOf(this.db, sku);
    return { object: 'product_message', at: returning.asOf, product, returning };
  }

  /** `filter` is the query string of the list. */
  private async reservations(filter: string): Promise<ReservationsMessage> {
    const asked: unknown = Object.fromEntries(new URLSearchParams(filter));
    const query = (await this.pipe.transform(asked, {
      type: 'query',
      metatype: ReservationListQuery,
    })) as ReservationListQuery;
    const wanted = filterOf(query);
    const [{ data }, matching] = await Promise.all([
      reservationPage(this.db, { limit: String(rowsMax), ...query }),
      countReservations(this.db, wanted.filter, wanted.sort, matchingMax),
    ]);
    return { object: 'reservations', at: new Date().toISOString(), data, matching };
  }

  private async review(): Promise<ReviewMessage> {
    const first = { kinds: null, sort: 'money', limit: casesMax, after: null } as const;
    const [counts, rows] = await Promise.all([reviewCounts(this.db), listCases(this.db, first)]);
    const { stuckSagas, unknownPayments, deadLetters, paymentCases, failingEndpoints, moneyAtRisk } = counts;
    return {
      object: 'review',
      at: new Date().toISOString(),
      counts: {
        stuck: stuckSagas,
        unknown: unknownPayments,
        dead_letter: deadLetters,
        payment: paymentCases,
        webhook: failingEndpoints,
      },
      moneyAtRisk,
      data: rows.slice(0, casesMax).map(caseView),
    };
  }
}
