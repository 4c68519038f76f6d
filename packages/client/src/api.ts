// Generated from /openapi.json by `npm run api-types`. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        CaptureDto: {
            amount?: number;
        };
        /** @enum {string} */
        CaptureMode: "automatic" | "immediate" | "on_shipment";
        ChangeLinesDto: {
            lines: components["schemas"]["LineDto"][];
            expectedTotal?: components["schemas"]["MoneyDto"];
        };
        EndpointChangeDto: {
            url?: string;
            types?: string[];
            description?: string;
            /** @enum {string} */
            status?: "enabled" | "disabled";
        };
        /** @enum {string} */
        EventType: "order.accepted" | "order.payment_requested" | "order.cancel_requested" | "order.refund_requested" | "order.capture_requested" | "order.placed" | "order.rejected" | "order.reopened" | "order.cancelled" | "order.refunded" | "order.payment_action_required" | "order.payment_declined" | "order.refund_succeeded" | "order.refund_failed" | "order.dispute_opened" | "order.dispute_closed" | "order.authorization_expired" | "order.captured" | "order.shipped" | "reservation.created" | "reservation.extended" | "reservation.changed" | "reservation.confirmed" | "reservation.shipped" | "reservation.returned" | "reservation.released" | "reservation.expired";
        ExtendDto: {
            ttlSeconds: number;
        };
        /** @enum {string} */
        Fulfilment: "none" | "partial" | "shipped";
        LineDto: {
            sku: string;
            quantity: number;
        };
        Money: {
            amount: number;
            currency: string;
        };
        MoneyDto: {
            amount: number;
            currency: string;
        };
        NewEndpointDto: {
            url: string;
            types?: string[];
            description?: string;
        };
        NextAction: {
            /** @constant */
            object: "next_action";
            /** @constant */
            type: "stripe_payment_intent";
            clientSecret: string;
            stripeAccount: string | null;
            /** Format: date-time */
            expiresAt: string;
            expiresInSeconds: number;
        };
        OnDeclineDto: {
            holdSeconds: number;
            attemptsMax: number;
        };
        Order: {
            id: string;
            /** @constant */
            object: "order";
            version: number;
            status: components["schemas"]["OrderStatus"];
            rejectionReason: components["schemas"]["RejectionReason"] | null;
            customerId: string;
            reservationId: string;
            lines: {
                sku: string;
                quantity: number;
                unitPrice: components["schemas"]["Money"];
                shipped: number;
                givenBack: number;
                returned: number;
            }[];
            total: components["schemas"]["Money"];
            capture: components["schemas"]["CaptureMode"];
            payment: {
                status: components["schemas"]["PaymentStatus"];
                reference: string | null;
                declineCode: string | null;
                attempts: number;
                attemptsLeft: number;
                captureBefore: string | null;
                captureInSeconds: number | null;
                actionExpiresAt: string | null;
                actionExpiresInSeconds: number | null;
                retryUntil: string | null;
                retryInSeconds: number | null;
                capturedAmount: components["schemas"]["Money"];
                refundedAmount: components["schemas"]["Money"];
                facts: {
                    type: string;
                    amount: components["schemas"]["Money"];
                    /** Format: date-time */
                    at: string;
                    reference: string;
                }[];
                dispute: {
                    status: string;
                    amount: components["schemas"]["Money"];
                    dueBy: string | null;
                } | null;
            };
            fulfilment: components["schemas"]["Fulfilment"];
            shipments: components["schemas"]["Shipment"][];
            refunds: components["schemas"]["Refund"][];
            saga: {
                status: components["schemas"]["SagaStatus"];
                step: components["schemas"]["StepName"];
            };
            /** Format: date-time */
            createdAt: string;
            placedAt: string | null;
            endedAt: string | null;
            /** Format: date-time */
            expiresAt: string;
            expiresInSeconds: number;
            metadata: {
                [key: string]: string;
            };
        };
        OrderDto: {
            customerId: string;
            paymentMethod?: string;
            payment?: components["schemas"]["PaymentDto"];
            lines?: components["schemas"]["LineDto"][];
            reservationId?: string;
            ttlSeconds?: number;
            pool?: string;
            expectedTotal?: components["schemas"]["MoneyDto"];
            /**
             * @default automatic
             * @enum {string}
             */
            capture?: "automatic" | "immediate" | "on_shipment";
            onDecline?: components["schemas"]["OnDeclineDto"];
            metadata?: {
                [key: string]: string;
            };
        };
        OrderList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Order"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        /** @enum {string} */
        OrderStatus: "pending" | "placed" | "rejected" | "cancelled" | "refunded";
        PaymentAttemptDto: {
            payment: components["schemas"]["PaymentDto"];
        };
        PaymentDto: {
            method: string;
            customer?: string;
            offSession?: boolean;
            /** @enum {string} */
            setupFutureUsage?: "on_session" | "off_session";
            returnUrl?: string;
            statementSuffix?: string;
            receiptEmail?: string;
        };
        /** @enum {string} */
        PaymentStatus: "none" | "not_required" | "authorizing" | "processing" | "requires_action" | "authorized" | "captured" | "declined" | "unknown" | "voided" | "refunding" | "refunded" | "partially_refunded" | "refund_failed";
        Problem: {
            type: string;
            title: string;
            status: number;
            /** @enum {string} */
            code: "authorization_expired" | "below_reserved" | "body_too_complex" | "body_too_large" | "capture_first" | "case_not_found" | "cross_site_request" | "cursor_too_old" | "cursor_unknown" | "dead_letter_not_found" | "disabled_by_operator" | "endpoint_disabled" | "forbidden" | "headers_too_large" | "idempotency_key_invalid" | "idempotency_key_missing" | "idempotency_key_reused" | "insufficient_stock" | "internal_error" | "invalid_cursor" | "load_test_not_found" | "load_test_running" | "malformed_request" | "more_than_captured" | "more_than_sold" | "no_action_required" | "not_found" | "not_on_sale" | "nothing_to_capture" | "order_abandoned" | "order_already_rejected" | "order_cancelled" | "order_not_found" | "order_not_pending" | "order_not_placed" | "order_shipped" | "payment_attempts_spent" | "payment_case_not_found" | "payment_case_not_voidable" | "payment_declined" | "payment_disputed" | "payment_in_progress" | "payment_task_driven" | "payment_task_not_found" | "payment_task_not_stuck" | "payment_task_unanswered" | "precondition_failed" | "precondition_required" | "product_not_found" | "reconciliation_not_found" | "reconciliation_running" | "release_not_found" | "release_not_running" | "release_token_expired" | "replay_in_progress" | "request_timeout" | "reservation_already_confirmed" | "reservation_already_released" | "reservation_expired" | "reservation_has_order" | "reservation_lifetime_exceeded" | "reservation_limit_reached" | "reservation_not_confirmed" | "reservation_not_found" | "reservation_of_another_customer" | "reservation_pinned" | "saga_driven" | "saga_goes_back" | "saga_not_stuck" | "saga_settled" | "sign_in_limited" | "too_many_endpoints" | "too_many_pipelined" | "too_many_streams" | "total_changed" | "unauthenticated" | "unavailable" | "units_per_customer_exceeded" | "unsupported_media_type" | "validation_failed" | "webhook_endpoint_not_found" | "webhook_signature_invalid" | "webhook_url_not_allowed" | "wrong_cell";
            detail: string;
            instance: string;
            requestId: string;
            retryable: boolean;
        };
        Refund: {
            id: string;
            amount: components["schemas"]["Money"];
            lines: {
                sku: string;
                quantity: number;
                restock: components["schemas"]["Restock"];
            }[] | null;
            status: components["schemas"]["RefundStatus"];
            reason: string;
            /** Format: date-time */
            createdAt: string;
        };
        RefundDto: {
            amount?: number;
            lines?: components["schemas"]["RefundLineDto"][];
            reason: string;
        };
        RefundLineDto: {
            sku: string;
            quantity: number;
            /**
             * @default none
             * @enum {string}
             */
            restock?: "sellable" | "none";
        };
        /** @enum {string} */
        RefundStatus: "pending" | "succeeded" | "failed";
        /** @enum {string} */
        RejectionReason: "insufficient_stock" | "payment_declined" | "reservation_expired" | "cancelled" | "abandoned";
        ReplayDto: {
            from?: string;
            types?: string[];
            eventIds?: string[];
        };
        Reservation: {
            id: string;
            /** @constant */
            object: "reservation";
            version: number;
            status: components["schemas"]["ReservationStatus"];
            customerId: string;
            lines: components["schemas"]["ReservationLine"][];
            total: components["schemas"]["Money"];
            /** Format: date-time */
            expiresAt: string;
            expiresInSeconds: number;
            /** Format: date-time */
            maxExpiresAt: string;
            extensionsUsed: number;
            endReason: string | null;
            orderId: string | null;
            /** Format: date-time */
            createdAt: string;
            metadata: {
                [key: string]: string;
            };
        };
        ReservationLine: {
            sku: string;
            quantity: number;
            unitPrice: components["schemas"]["Money"];
            fencingToken: number;
            shipped: number;
            givenBack: number;
            returned: number;
            units?: number[];
        };
        ReservationList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Reservation"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        /** @enum {string} */
        ReservationStatus: "active" | "pinned" | "confirmed" | "released" | "expired";
        ReserveDto: {
            customerId: string;
            lines: components["schemas"]["LineDto"][];
            ttlSeconds?: number;
            pool?: string;
            metadata?: {
                [key: string]: string;
            };
        };
        /** @enum {string} */
        Restock: "sellable" | "none";
        ReturnDto: {
            lines: components["schemas"]["LineDto"][];
            /**
             * @default none
             * @enum {string}
             */
            restock?: "sellable" | "none";
        };
        RotationDto: {
            overlapHours?: number;
        };
        /** @enum {string} */
        SagaStatus: "running" | "completed" | "compensating" | "compensated" | "stuck";
        ShipDto: {
            lines?: components["schemas"]["LineDto"][];
            reference?: string;
        };
        Shipment: {
            id: string;
            status: components["schemas"]["ShipmentStatus"];
            lines: {
                sku: string;
                quantity: number;
                units?: number[];
            }[];
            reference: string | null;
            /** Format: date-time */
            createdAt: string;
        };
        /** @enum {string} */
        ShipmentStatus: "pending" | "shipped" | "failed";
        ShopEvent: {
            /** @constant */
            object: "event";
            id: string;
            type: components["schemas"]["EventType"];
            /** @enum {string} */
            aggregateType: "order" | "reservation";
            aggregateId: string;
            sequence: number;
            /** Format: date-time */
            createdAt: string;
            data: {
                object: (components["schemas"]["Order"] | components["schemas"]["Reservation"]) | null;
            } & {
                [key: string]: unknown;
            };
        };
        ShopEventList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["ShopEvent"][];
            hasMore: boolean;
            nextCursor: string;
        };
        /** @enum {string} */
        StepName: "reserve-stock" | "authorize-payment" | "capture-payment" | "charge-payment" | "place-order";
        Stock: {
            sku: string;
            onHand: number;
            reserved: number;
            safetyStock: number;
            available: number;
        };
        StockList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Stock"][];
            unknown: string[];
            hasMore: boolean;
            nextCursor: string | null;
        };
        WebhookDelivery: {
            id: string;
            /** @constant */
            object: "webhook_delivery";
            eventId: string;
            type: string;
            attempts: number;
            /** @enum {string} */
            status: "waiting" | "delivered" | "given_up";
            responseStatus: number | null;
            error: string | null;
            durationMs: number | null;
            nextAttemptAt: string | null;
            /** Format: date-time */
            createdAt: string;
        };
        WebhookDeliveryList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["WebhookDelivery"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        WebhookEndpoint: {
            id: string;
            /** @constant */
            object: "webhook_endpoint";
            url: string;
            types: string[] | null;
            description: string | null;
            /** @enum {string} */
            status: "enabled" | "disabled";
            disabledReason: ("gone" | "failing" | "by_owner" | "by_operator") | null;
            /** Format: date-time */
            createdAt: string;
            lastDeliveredAt: string | null;
            behindSeconds: number;
            replay: components["schemas"]["WebhookReplay"] | null;
            secret?: string;
        };
        WebhookEndpointList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["WebhookEndpoint"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        WebhookReplay: {
            id: string;
            from: string | null;
            sent: number;
            /** @enum {string} */
            status: "running" | "done" | "cancelled";
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type CaptureDto = components['schemas']['CaptureDto'];
export type CaptureMode = components['schemas']['CaptureMode'];
export type ChangeLinesDto = components['schemas']['ChangeLinesDto'];
export type EndpointChangeDto = components['schemas']['EndpointChangeDto'];
export type EventType = components['schemas']['EventType'];
export type ExtendDto = components['schemas']['ExtendDto'];
export type Fulfilment = components['schemas']['Fulfilment'];
export type LineDto = components['schemas']['LineDto'];
export type Money = components['schemas']['Money'];
export type MoneyDto = components['schemas']['MoneyDto'];
export type NewEndpointDto = components['schemas']['NewEndpointDto'];
export type NextAction = components['schemas']['NextAction'];
export type OnDeclineDto = components['schemas']['OnDeclineDto'];
export type Order = components['schemas']['Order'];
export type OrderDto = components['schemas']['OrderDto'];
export type OrderList = components['schemas']['OrderList'];
export type OrderStatus = components['schemas']['OrderStatus'];
export type PaymentAttemptDto = components['schemas']['PaymentAttemptDto'];
export type PaymentDto = components['schemas']['PaymentDto'];
export type PaymentStatus = components['schemas']['PaymentStatus'];
export type Problem = components['schemas']['Problem'];
export type Refund = components['schemas']['Refund'];
export type RefundDto = components['schemas']['RefundDto'];
export type RefundLineDto = components['schemas']['RefundLineDto'];
export type RefundStatus = components['schemas']['RefundStatus'];
export type RejectionReason = components['schemas']['RejectionReason'];
export type ReplayDto = components['schemas']['ReplayDto'];
export type Reservation = components['schemas']['Reservation'];
export type ReservationLine = components['schemas']['ReservationLine'];
export type ReservationList = components['schemas']['ReservationList'];
export type ReservationStatus = components['schemas']['ReservationStatus'];
export type ReserveDto = components['schemas']['ReserveDto'];
export type Restock = components['schemas']['Restock'];
export type ReturnDto = components['schemas']['ReturnDto'];
export type RotationDto = components['schemas']['RotationDto'];
export type SagaStatus = components['schemas']['SagaStatus'];
export type ShipDto = components['schemas']['ShipDto'];
export type Shipment = components['schemas']['Shipment'];
export type ShipmentStatus = components['schemas']['ShipmentStatus'];
export type ShopEvent = components['schemas']['ShopEvent'];
export type ShopEventList = components['schemas']['ShopEventList'];
export type StepName = components['schemas']['StepName'];
export type Stock = components['schemas']['Stock'];
export type StockList = components['schemas']['StockList'];
export type WebhookDelivery = components['schemas']['WebhookDelivery'];
export type WebhookDeliveryList = components['schemas']['WebhookDeliveryList'];
export type WebhookEndpoint = components['schemas']['WebhookEndpoint'];
export type WebhookEndpointList = components['schemas']['WebhookEndpointList'];
export type WebhookReplay = components['schemas']['WebhookReplay'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
