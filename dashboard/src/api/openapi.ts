// Generated from /openapi.json by `npm run api-types`. Do not edit.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Action: {
            /** @constant */
            object: "action";
            id: string;
            /** Format: date-time */
            at: string;
            actor: string;
            action: string;
            objectType: string;
            objectId: string;
            reason: string | null;
            before: {
                [key: string]: unknown;
            } | null;
            after: {
                [key: string]: unknown;
            } | null;
        };
        ActionList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Action"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        AdjustmentDto: {
            reason: string;
            delta: number;
        };
        AdminReplayDto: {
            from?: string;
            types?: string[];
            eventIds?: string[];
            reason: string;
        };
        AdminWebhookEndpoint: {
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
            principal: string;
            probed: boolean;
            failures: number;
            waiting: number;
            lastFailure: {
                responseStatus: number | null;
                error: string | null;
            } | null;
        };
        AdminWebhookEndpointList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["AdminWebhookEndpoint"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        Audit: {
            ok: boolean;
            /** Format: date-time */
            checkedAt: string;
            tookMs: number;
            invariants: {
                id: string;
                promise: string;
                violations: {
                    [key: string]: unknown;
                }[];
            }[];
        };
        BusyProduct: {
            sku: string;
            name: string;
            strategy: string;
            stock: {
                onHand: number;
                confirmed: number;
                pinned: number;
                active: number;
                available: number;
            };
            takenPerSecond: number;
            refusedPerSecond: number;
            lockWaitP99Ms: number | null;
        };
        CaptureDto: {
            amount?: number;
        };
        /** @enum {string} */
        CaptureMode: "automatic" | "immediate" | "on_shipment";
        ChangeLinesDto: {
            lines: components["schemas"]["LineDto"][];
            expectedTotal?: components["schemas"]["MoneyDto"];
        };
        /** @enum {string} */
        Comparison: "same" | "differs" | "not_heard";
        ContentionHistory: {
            /** @constant */
            object: "contention_history";
            sku: string;
            strategy: string;
            adaptive: {
                hot: boolean;
                /** Format: date-time */
                since: string;
                reason: string;
            } | null;
            /** Format: date-time */
            from: string;
            sliceSeconds: number;
            slices: {
                strategy: string | null;
                takenPerSecond: number;
                refusedPerSecond: number;
                p50Ms: number | null;
                p99Ms: number | null;
                conflictRate: number | null;
            }[];
            switches: {
                /** Format: date-time */
                at: string;
                from: string;
                to: string;
                by: string;
                reason: string | null;
            }[];
            strategies: components["schemas"]["StrategyMeasurement"][];
        };
        ContentionList: {
            /** @constant */
            object: "list";
            data: {
                sku: string;
                strategy: string;
                reservationsPerSecond: number;
                lockWaitMs: {
                    p50: number;
                    p99: number;
                };
                conflictRate: number;
                batchSize: number;
                waiting: number;
                peakPerSecond: number;
                adaptive: {
                    hot: boolean;
                    /** Format: date-time */
                    since: string;
                    reason: string;
                };
            }[];
        };
        DeadLetter: {
            id: string;
            /** @constant */
            object: "dead_letter";
            type: string;
            aggregateId: string;
            reason: string;
            attempts: number;
            /** Format: date-time */
            diedAt: string;
            retriedAt: string | null;
        };
        DeadLetterList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["DeadLetter"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        Delay: {
            seconds: number;
            limitSeconds: number;
        };
        Delays: {
            expiry: components["schemas"]["Delay"];
            outbox: components["schemas"]["Delay"];
            sagaPastDue: components["schemas"]["Delay"];
            unknownPayment: components["schemas"]["Delay"];
            webhook: components["schemas"]["Delay"];
        };
        EndpointChangeDto: {
            url?: string;
            types?: string[];
            description?: string;
            /** @enum {string} */
            status?: "enabled" | "disabled";
        };
        Event: {
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
                [key: string]: unknown;
            };
        };
        EventList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Event"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        /** @enum {string} */
        EventType: "order.accepted" | "order.payment_requested" | "order.cancel_requested" | "order.refund_requested" | "order.capture_requested" | "order.placed" | "order.rejected" | "order.reopened" | "order.cancelled" | "order.refunded" | "order.payment_action_required" | "order.payment_declined" | "order.refund_succeeded" | "order.refund_failed" | "order.dispute_opened" | "order.dispute_closed" | "order.authorization_expired" | "order.captured" | "order.shipped" | "reservation.created" | "reservation.extended" | "reservation.changed" | "reservation.confirmed" | "reservation.shipped" | "reservation.returned" | "reservation.released" | "reservation.expired";
        ExtendDto: {
            ttlSeconds: number;
        };
        FoundList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["FoundObject"][];
        };
        FoundObject: {
            /** @enum {string} */
            kind: "order" | "reservation" | "dead_letter" | "product" | "customer";
            id: string;
            label: string;
            orders: number | null;
            reservations: number | null;
        };
        /** @enum {string} */
        Fulfilment: "none" | "partial" | "shipped";
        LineDto: {
            sku: string;
            quantity: number;
        };
        Live: {
            /** @constant */
            status: "ok";
        };
        LoadTest: {
            /** @constant */
            object: "load_test";
            id: string;
            /** @enum {string} */
            status: "running" | "passed" | "failed" | "stopped" | "broken";
            /** Format: date-time */
            startedAt: string;
            endedAt: string | null;
            startedBy: string | null;
            buyers: number;
            units: number;
            rate: number;
            declineRate: number;
            abandonRate: number;
            seed: number;
            lanes: components["schemas"]["LoadTestLane"][];
            trouble: string | null;
        };
        LoadTestLane: {
            strategy: string;
            /** @enum {string} */
            state: "waiting" | "selling" | "settling" | "done";
            unitsTaken: number;
            served: number;
            takenPerSecond: number | null;
            answerP99Ms: number | null;
            conflictRate: number | null;
            placed: number | null;
            oversold: number | null;
            doubleCharges: number | null;
            soldOutSeconds: number | null;
            course: [
                number,
                number
            ][];
            failures: string[];
        };
        LoadTestList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["LoadTest"][];
            strategies: string[];
        };
        Money: {
            amount: number;
            currency: string;
        };
        MoneyDto: {
            amount: number;
            currency: string;
        };
        Movement: {
            /** @constant */
            object: "movement";
            sku: string;
            pool: string;
            /** @enum {string} */
            kind: "receive" | "adjust" | "ship" | "return" | "transfer";
            delta: number;
            onHandAfter: number;
            reason: string;
            actor: string;
            /** Format: date-time */
            at: string;
        };
        MovementList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Movement"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        NewEndpointDto: {
            url: string;
            types?: string[];
            description?: string;
        };
        NewLoadTestDto: {
            reason: string;
            buyers: number;
            units: number;
            strategies: ("conditional-update" | "row-lock" | "version-check" | "advisory-lock" | "lease" | "serializable" | "unit-tokens" | "pools" | "grouped" | "adaptive")[];
            declineRate: number;
            abandonRate: number;
            rate?: number;
            seed?: number;
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
        /** @enum {string} */
        OperationKind: "authorize" | "charge" | "capture" | "void" | "refund";
        OperatorCaptureDto: {
            amount?: number;
            reason: string;
        };
        OperatorRefundDto: {
            amount?: number;
            lines?: components["schemas"]["RefundLineDto"][];
            reason: string;
        };
        OperatorShipDto: {
            lines?: components["schemas"]["LineDto"][];
            reference?: string;
            reason: string;
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
            capture: "automatic" | "immediate" | "on_shipment";
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
        Outbox: {
            /** @constant */
            object: "outbox";
            waiting: number;
            capped: boolean;
            due: number;
            relayed: number;
            oldestSeconds: number | null;
            deadLetters: number;
        };
        Overview: {
            /** @constant */
            object: "overview";
            /** Format: date-time */
            at: string;
            troubles: components["schemas"]["ServiceTrouble"][];
            /** @enum {string} */
            environment: "development" | "test" | "production";
            loadTests: boolean;
            review: components["schemas"]["ReviewCounts"];
            rates: components["schemas"]["Rates"];
            steps: components["schemas"]["Steps"];
            units: components["schemas"]["UnitsOnHand"];
            products: components["schemas"]["BusyProduct"][];
            delays: components["schemas"]["Delays"];
            queues: components["schemas"]["Queues"];
            promises: components["schemas"]["Promises"] | null;
        };
        PaymentAttemptDto: {
            payment: components["schemas"]["PaymentDto"];
        };
        PaymentCase: {
            id: string;
            /** @constant */
            object: "payment_case";
            type: string;
            orderId: string | null;
            reference: string;
            amount: components["schemas"]["Money"];
            moneyAtRisk: components["schemas"]["Money"];
            /** Format: date-time */
            at: string;
            settledAt: string | null;
            settledBy: string | null;
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
        PaymentOperation: {
            id: string;
            kind: components["schemas"]["OperationKind"];
            number: number | null;
            paymentAttempt: number;
            key: string;
            /** @enum {string} */
            status: "created" | "sent" | "approved" | "declined" | "unknown" | "pending" | "failed";
            waitsFor: ("buyer" | "provider") | null;
            attempts: number;
            looks: number;
            amount: components["schemas"]["Money"];
            providerReference: string | null;
            declineCode: string | null;
            failureReason: string | null;
            doubt: string | null;
            detail: string | null;
            /** Format: date-time */
            createdAt: string;
            sentAt: string | null;
            settledAt: string | null;
        };
        /** @enum {string} */
        PaymentStatus: "none" | "not_required" | "authorizing" | "processing" | "requires_action" | "authorized" | "captured" | "declined" | "unknown" | "voided" | "refunding" | "refunded" | "partially_refunded" | "refund_failed";
        PaymentTask: {
            id: string;
            /** @constant */
            object: "payment_task";
            kind: components["schemas"]["PaymentTaskKind"];
            orderId: string;
            status: components["schemas"]["PaymentTaskStatus"];
            amount: components["schemas"]["Money"];
            shipmentId: string | null;
            reason: string | null;
            actor: string;
            attempts: number;
            code: string | null;
            detail: string | null;
            nextRunAt: string | null;
            /** Format: date-time */
            createdAt: string;
            endedAt: string | null;
        };
        /** @enum {string} */
        PaymentTaskKind: "refund" | "capture";
        /** @enum {string} */
        PaymentTaskStatus: "due" | "stuck" | "done" | "failed";
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
        Product: {
            /** @constant */
            object: "product";
            sku: string;
            name: string;
            unitPrice: components["schemas"]["Money"];
            /** @enum {string} */
            strategy: "conditional-update" | "row-lock" | "version-check" | "advisory-lock" | "lease" | "serializable" | "unit-tokens" | "pools" | "grouped" | "adaptive";
            pools: string[] | null;
            quantityPerOrderMax: number | null;
            reservationsPerCustomerMax: number | null;
            unitsPerCustomerMax: number | null;
            safetyStock: number;
            salesStartAt: string | null;
            salesEndAt: string | null;
            stock: {
                onHand: number;
                reserved: number;
                confirmed: number;
                pinned: number;
                active: number;
                available: number;
                byPool: {
                    pool: string;
                    onHand: number;
                    reserved: number;
                    confirmed: number;
                    pinned: number;
                    active: number;
                    available: number;
                }[];
            };
            version: number;
        };
        ProductConflict: {
            currentEtag: string;
            now: components["schemas"]["Product"];
            yours: {
                name: string;
                unitPrice: components["schemas"]["Money"];
                /** @enum {string} */
                strategy: "conditional-update" | "row-lock" | "version-check" | "advisory-lock" | "lease" | "serializable" | "unit-tokens" | "pools" | "grouped" | "adaptive";
                pools: string[] | null;
                quantityPerOrderMax: number | null;
                reservationsPerCustomerMax: number | null;
                unitsPerCustomerMax: number | null;
                safetyStock: number;
                salesStartAt: string | null;
                salesEndAt: string | null;
            };
            changedBy: string | null;
            changedAt: string | null;
            changedSecondsAgo: number | null;
        };
        ProductDto: {
            reason?: string;
            name: string;
            unitPrice: components["schemas"]["MoneyDto"];
            onHand?: number;
            /** @enum {string} */
            strategy?: "conditional-update" | "row-lock" | "version-check" | "advisory-lock" | "lease" | "serializable" | "unit-tokens" | "pools" | "grouped" | "adaptive";
            pools?: string[];
            quantityPerOrderMax?: number;
            reservationsPerCustomerMax?: number;
            unitsPerCustomerMax?: number;
            safetyStock?: number;
            salesStartAt?: string;
            salesEndAt?: string;
        };
        ProductList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Product"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        ProductMessage: {
            /** @constant */
            object: "product_message";
            /** Format: date-time */
            at: string;
            product: components["schemas"]["Product"];
            returning: components["schemas"]["Returning"];
        };
        Promises: {
            ok: boolean;
            /** Format: date-time */
            checkedAt: string;
            ageSeconds: number;
            overdue: boolean;
            tookMs: number;
            held: number;
            total: number;
            invariants: {
                id: string;
                promise: string;
                violations: number;
            }[];
        };
        ProviderSays: {
            answered: boolean;
            problem: string | null;
            authorized: components["schemas"]["Money"] | null;
            captured: components["schemas"]["Money"] | null;
            voided: components["schemas"]["Money"] | null;
            refunded: components["schemas"]["Money"] | null;
            reference: string | null;
            askedAt: string | null;
            askedSecondsAgo: number | null;
        };
        /** @enum {string} */
        QueueName: "checkout" | "compensation" | "expiry" | "events";
        QueueState: {
            name: components["schemas"]["QueueName"];
            waiting: number | null;
            active: number | null;
            delayed: number | null;
            failed: number | null;
            oldestSeconds: number | null;
            donePerSecond: number;
            doneSeries: number[];
            workersAlive: number;
            heartbeatSeconds: number | null;
        };
        Queues: {
            /** @constant */
            object: "queues";
            /** @enum {string} */
            backend: "redis" | "postgres";
            trouble: string | null;
            board: string | null;
            queues: components["schemas"]["QueueState"][];
            workers: components["schemas"]["WorkerState"][];
        };
        Rate: {
            now: number;
            peak: {
                perSecond: number;
                /** Format: date-time */
                at: string;
            } | null;
        };
        RateSeries: {
            /** Format: date-time */
            from: string;
            ordersAccepted: number[];
            reservationsTaken: number[];
            ordersPlaced: number[];
            soldOut: number[];
            declined: number[];
            intakeP99Ms: (number | null)[];
        };
        Rates: {
            ordersAccepted: components["schemas"]["Rate"];
            reservationsTaken: {
                now: number;
                peak: {
                    perSecond: number;
                    /** Format: date-time */
                    at: string;
                } | null;
                withoutOrder: number;
            };
            ordersPlaced: {
                now: number;
                peak: {
                    perSecond: number;
                    /** Format: date-time */
                    at: string;
                } | null;
                today: {
                    /** Format: date-time */
                    since: string;
                    orders: number;
                    money: components["schemas"]["Money"][];
                } | null;
            };
            soldOut: {
                now: number;
                peak: {
                    perSecond: number;
                    /** Format: date-time */
                    at: string;
                } | null;
                sku: string | null;
                goneAt: string | null;
            };
            declined: components["schemas"]["Rate"];
            expired: components["schemas"]["Rate"];
            intake: {
                p50Ms: number | null;
                p99Ms: number | null;
                boundMs: number;
            };
            series: components["schemas"]["RateSeries"];
        };
        Ready: {
            /** @enum {string} */
            status: "ok" | "degraded";
            degraded: {
                part: string;
                detail: string;
            }[];
        };
        ReasonDto: {
            reason: string;
        };
        ReconcileDto: {
            reason: string;
            from: string;
            to?: string;
        };
        Reconciliation: {
            /** @constant */
            object: "reconciliation";
            id: string;
            /** @enum {string} */
            status: "running" | "done" | "failed";
            actor: string;
            /** Format: date-time */
            from: string;
            /** Format: date-time */
            to: string;
            compared: number;
            others: number;
            differenceCount: number;
            differences: components["schemas"]["ReconciliationDifference"][];
            error: string | null;
            /** Format: date-time */
            startedAt: string;
            endedAt: string | null;
        };
        ReconciliationDifference: {
            kind: string;
            orderId: string | null;
            ours: string;
            provider: string;
            amountAtRisk: components["schemas"]["Money"];
            caseId: string | null;
        };
        ReconciliationList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Reconciliation"][];
            hasMore: boolean;
            nextCursor: string | null;
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
            restock: "sellable" | "none";
        };
        /** @enum {string} */
        RefundStatus: "pending" | "succeeded" | "failed";
        /** @enum {string} */
        RejectionReason: "insufficient_stock" | "payment_declined" | "reservation_expired" | "cancelled" | "abandoned";
        Release: {
            /** @constant */
            object: "release";
            id: string;
            /** @enum {string} */
            status: "running" | "done" | "stopped";
            filter: components["schemas"]["ReleaseFilter"];
            reason: string;
            actor: string;
            reservations: number;
            handled: number;
            released: number;
            unitsReleased: number;
            endedBefore: number;
            pinnedMeanwhile: number;
            /** Format: date-time */
            startedAt: string;
            endedAt: string | null;
        };
        ReleaseCount: {
            /** @constant */
            object: "release_count";
            filter: components["schemas"]["ReleaseFilter"];
            reservations: number;
            units: number;
            customers: number;
            skippedPinned: number;
            /** Format: date-time */
            asOf: string;
            token: string;
            tokenExpiresInSeconds: number;
        };
        ReleaseFilter: {
            ids?: string[];
            status?: string;
            sku?: string;
            customerId?: string;
            expiringWithinSeconds?: number;
        };
        ReleaseFilterDto: {
            ids?: string[];
            status?: string;
            sku?: string;
            customerId?: string;
            expiringWithinSeconds?: number;
        };
        ReleaseList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["Release"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        ReleaseManyDto: {
            filter?: components["schemas"]["ReleaseFilterDto"];
            dryRun?: boolean;
            token?: string;
            reason?: string;
        };
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
        ReservationsMessage: {
            /** @constant */
            object: "reservations";
            /** Format: date-time */
            at: string;
            data: components["schemas"]["Reservation"][];
            matching: number;
        };
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
            restock: "sellable" | "none";
        };
        Returning: {
            /** @constant */
            object: "returning";
            sku: string | null;
            /** Format: date-time */
            asOf: string;
            units: number[];
            withinMinute: number;
            active: {
                units: number;
                reservations: number;
            };
            pinned: {
                units: number;
                reservations: number;
            };
        };
        ReviewCase: {
            /** @constant */
            object: "case";
            id: string;
            kind: components["schemas"]["ReviewKind"];
            orderId: string | null;
            reservationId: string | null;
            customerId: string | null;
            title: string;
            facts: string[];
            moneyAtRisk: components["schemas"]["Money"] | null;
            units: number;
            lines: {
                sku: string;
                quantity: number;
            }[];
            /** Format: date-time */
            since: string;
            sinceSeconds: number;
            nextAttemptInSeconds: number | null;
            waitsFor: components["schemas"]["WaitsFor"] | null;
            step: components["schemas"]["StepName"] | null;
            payment: {
                type: string;
                reference: string;
                status: string | null;
                dueBy: string | null;
            } | null;
        };
        ReviewCaseList: {
            /** @constant */
            object: "list";
            data: components["schemas"]["ReviewCase"][];
            hasMore: boolean;
            nextCursor: string | null;
        };
        ReviewCounts: {
            cases: number;
            stuckSagas: number;
            unknownPayments: number;
            deadLetters: number;
            paymentCases: number;
            failingEndpoints: number;
            moneyAtRisk: components["schemas"]["Money"][];
            oldestSeconds: number | null;
        };
        /** @enum {string} */
        ReviewKind: "stuck" | "unknown" | "dead_letter" | "payment" | "payment_task" | "webhook_endpoint_failing";
        ReviewMessage: {
            /** @constant */
            object: "review";
            /** Format: date-time */
            at: string;
            counts: {
                stuck: number;
                unknown: number;
                dead_letter: number;
                payment: number;
                webhook: number;
            };
            moneyAtRisk: components["schemas"]["Money"][];
            data: components["schemas"]["ReviewCase"][];
        };
        /** @enum {string} */
        Role: "viewer" | "admin";
        RotationDto: {
            overlapHours?: number;
        };
        Saga: {
            /** @constant */
            object: "saga";
            orderId: string;
            /** Format: date-time */
            asOf: string;
            status: components["schemas"]["SagaStatus"];
            step: components["schemas"]["StepName"];
            story: string[];
            order: components["schemas"]["Order"];
            transitions: components["schemas"]["SagaTransition"][];
            steps: components["schemas"]["StepName"][];
            attempts: components["schemas"]["SagaAttempt"][];
            operations: components["schemas"]["PaymentOperation"][];
            tasks: components["schemas"]["PaymentTask"][];
            nextAttemptInSeconds: number | null;
            waitsFor: components["schemas"]["WaitsFor"] | null;
            drivenBy: string | null;
            reservation: components["schemas"]["SagaReservation"];
            goods: components["schemas"]["SagaGoods"][];
            refundable: components["schemas"]["SagaRefundable"];
            webhooks: components["schemas"]["SagaWebhook"][];
            money: components["schemas"]["SagaMoney"];
            clientKey: string | null;
            acts: {
                retry: boolean;
                compensate: boolean;
                resolve: boolean;
                ship: boolean;
                refund: boolean;
                capture: boolean;
            };
        };
        SagaAttempt: {
            step: components["schemas"]["StepName"];
            compensates: boolean;
            attempt: number;
            operation: components["schemas"]["OperationKind"] | null;
            looksUp: boolean;
            /** @enum {string} */
            outcome: "running" | "done" | "unknown" | "declined" | "error" | "not-asked" | "undone" | "stuck";
            startedAtMs: number;
            endedAtMs: number | null;
            detail: string | null;
            code: string | null;
            data: components["schemas"]["TransitionData"] | null;
            key: string | null;
            fencingToken: number;
            worker: string;
        };
        SagaGoods: {
            sku: string;
            unitPrice: components["schemas"]["Money"];
            quantity: number;
            shipped: number;
            givenBack: number;
            returned: number;
            left: number;
        };
        SagaMoney: {
            authorized: components["schemas"]["Money"] | null;
            captured: components["schemas"]["Money"] | null;
            voided: components["schemas"]["Money"] | null;
            refunded: components["schemas"]["Money"] | null;
            paid: components["schemas"]["Money"] | null;
            reference: string | null;
        };
        SagaOption: {
            possible: boolean;
            why: string;
            refund: components["schemas"]["Money"] | null;
            units: number;
            endsAs: components["schemas"]["OrderStatus"] | null;
        };
        SagaOptions: {
            /** @constant */
            object: "saga_options";
            orderId: string;
            recorded: components["schemas"]["SagaMoney"];
            provider: components["schemas"]["ProviderSays"];
            comparison: {
                authorized: components["schemas"]["Comparison"];
                captured: components["schemas"]["Comparison"];
                voided: components["schemas"]["Comparison"];
                refunded: components["schemas"]["Comparison"];
                reference: components["schemas"]["Comparison"];
            };
            retry: components["schemas"]["SagaOption"];
            compensate: components["schemas"]["SagaOption"];
            resolve: components["schemas"]["SagaOption"];
            suggested: ("retry" | "compensate" | "resolve") | null;
        };
        SagaRefundable: {
            captured: components["schemas"]["Money"];
            refunded: components["schemas"]["Money"];
            pending: components["schemas"]["Money"];
            left: components["schemas"]["Money"];
        };
        SagaReservation: {
            id: string;
            /** @enum {string} */
            status: "active" | "pinned" | "confirmed" | "released" | "expired";
            startedAtMs: number;
            pinnedAtMs: number | null;
            endedAtMs: number | null;
            endReason: string | null;
            units: number;
            fencingToken: number;
        };
        /** @enum {string} */
        SagaStatus: "running" | "completed" | "compensating" | "compensated" | "stuck";
        SagaTransition: {
            version: number;
            /** Format: date-time */
            at: string;
            afterMs: number;
            sincePreviousMs: number;
            step: components["schemas"]["StepName"];
            attempt: number;
            from: components["schemas"]["SagaStatus"] | null;
            to: components["schemas"]["SagaStatus"];
            cause: string;
            detail: string | null;
            code: string | null;
            data: components["schemas"]["TransitionData"] | null;
            fencingToken: number;
            worker: string;
            leaseOwner: string | null;
        };
        SagaWebhook: {
            id: string;
            type: string;
            verdict: string | null;
            /** Format: date-time */
            receivedAt: string;
            afterMs: number;
            processedAt: string | null;
        };
        ServiceTrouble: {
            /** @enum {string} */
            code: "no_worker" | "provider_silent" | "task_failing" | "queue_unreachable";
            since: string | null;
            detail: string;
        };
        Session: {
            /** @constant */
            object: "session";
            role: components["schemas"]["Role"];
            keyName: string;
            /** @enum {string} */
            environment: "development" | "test" | "production";
            cell: string;
            version: string;
            build: string;
            expiresInSeconds: number;
        };
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
        SignInDto: Record<string, never>;
        SignInPage: {
            /** @enum {string} */
            environment: "development" | "test" | "production";
            developmentKeys: {
                admin: string;
                viewer: string;
            } | null;
        };
        /** @enum {string} */
        StepName: "reserve-stock" | "authorize-payment" | "capture-payment" | "charge-payment" | "place-order";
        Steps: {
            inFlight: number;
            capped: boolean;
            straight: {
                step: components["schemas"]["StepName"];
                count: number;
                medianMs: number | null;
            }[];
            unknown: number;
            compensating: number;
            stuck: number;
            declinedPerSecond: number;
            expiredPerSecond: number;
        };
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
        StrategyMeasurement: {
            strategy: string;
            /** Format: date-time */
            measuredAt: string;
            lockWaitMs: {
                p50: number;
                p99: number;
            };
            conflictRate: number;
            batchSize: number;
            peakPerSecond: number;
        };
        StreamHello: {
            version: string;
            build: string;
            expiresInSeconds: number | null;
        };
        StreamMessage: {
            topic: string;
            /** Format: date-time */
            at: string;
            value?: components["schemas"]["Overview"] | components["schemas"]["Saga"] | components["schemas"]["ProductMessage"] | components["schemas"]["ReservationsMessage"] | components["schemas"]["ReviewMessage"] | components["schemas"]["ContentionHistory"] | components["schemas"]["StreamHello"] | {
                /** @constant */
                reason: "session-ended";
            } | {
                [key: string]: unknown;
            };
            problem?: {
                status: number;
                code: string;
                detail: string;
            };
        };
        TransferDto: {
            reason: string;
            from: string;
            to: string;
            quantity: number;
        };
        TransitionData: {
            operation?: components["schemas"]["OperationKind"];
            operationId?: string;
            attempt?: number;
            asked?: components["schemas"]["Money"];
            said?: components["schemas"]["Money"];
            providerReference?: string;
            declineCode?: string;
            failureReason?: string;
            providerCode?: string;
            requestId?: string;
            httpStatus?: number;
            actor?: string;
            reason?: string;
        } & {
            [key: string]: unknown;
        };
        UnitsOnHand: {
            skus: number;
            onHand: number;
            confirmed: number;
            pinned: number;
            active: number;
            available: number;
            returningSoon: number;
        };
        /** @enum {string} */
        WaitsFor: "worker" | "next_run" | "operator";
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
        WebhookReceived: {
            received: boolean;
        };
        WebhookReplay: {
            id: string;
            from: string | null;
            sent: number;
            /** @enum {string} */
            status: "running" | "done" | "cancelled";
        };
        WorkerState: {
            id: string;
            /** Format: date-time */
            startedAt: string;
            heartbeatSeconds: number;
            alive: boolean;
            stopping: boolean;
            queues: {
                name: components["schemas"]["QueueName"];
                concurrency: number;
                active: number;
            }[];
            version: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Action = components['schemas']['Action'];
export type ActionList = components['schemas']['ActionList'];
export type AdjustmentDto = components['schemas']['AdjustmentDto'];
export type AdminReplayDto = components['schemas']['AdminReplayDto'];
export type AdminWebhookEndpoint = components['schemas']['AdminWebhookEndpoint'];
export type AdminWebhookEndpointList = components['schemas']['AdminWebhookEndpointList'];
export type Audit = components['schemas']['Audit'];
export type BusyProduct = components['schemas']['BusyProduct'];
export type CaptureDto = components['schemas']['CaptureDto'];
export type CaptureMode = components['schemas']['CaptureMode'];
export type ChangeLinesDto = components['schemas']['ChangeLinesDto'];
export type Comparison = components['schemas']['Comparison'];
export type ContentionHistory = components['schemas']['ContentionHistory'];
export type ContentionList = components['schemas']['ContentionList'];
export type DeadLetter = components['schemas']['DeadLetter'];
export type DeadLetterList = components['schemas']['DeadLetterList'];
export type Delay = components['schemas']['Delay'];
export type Delays = components['schemas']['Delays'];
export type EndpointChangeDto = components['schemas']['EndpointChangeDto'];
export type Event = components['schemas']['Event'];
export type EventList = components['schemas']['EventList'];
export type EventType = components['schemas']['EventType'];
export type ExtendDto = components['schemas']['ExtendDto'];
export type FoundList = components['schemas']['FoundList'];
export type FoundObject = components['schemas']['FoundObject'];
export type Fulfilment = components['schemas']['Fulfilment'];
export type LineDto = components['schemas']['LineDto'];
export type Live = components['schemas']['Live'];
export type LoadTest = components['schemas']['LoadTest'];
export type LoadTestLane = components['schemas']['LoadTestLane'];
export type LoadTestList = components['schemas']['LoadTestList'];
export type Money = components['schemas']['Money'];
export type MoneyDto = components['schemas']['MoneyDto'];
export type Movement = components['schemas']['Movement'];
export type MovementList = components['schemas']['MovementList'];
export type NewEndpointDto = components['schemas']['NewEndpointDto'];
export type NewLoadTestDto = components['schemas']['NewLoadTestDto'];
export type NextAction = components['schemas']['NextAction'];
export type OnDeclineDto = components['schemas']['OnDeclineDto'];
export type OperationKind = components['schemas']['OperationKind'];
export type OperatorCaptureDto = components['schemas']['OperatorCaptureDto'];
export type OperatorRefundDto = components['schemas']['OperatorRefundDto'];
export type OperatorShipDto = components['schemas']['OperatorShipDto'];
export type Order = components['schemas']['Order'];
export type OrderDto = components['schemas']['OrderDto'];
export type OrderList = components['schemas']['OrderList'];
export type OrderStatus = components['schemas']['OrderStatus'];
export type Outbox = components['schemas']['Outbox'];
export type Overview = components['schemas']['Overview'];
export type PaymentAttemptDto = components['schemas']['PaymentAttemptDto'];
export type PaymentCase = components['schemas']['PaymentCase'];
export type PaymentDto = components['schemas']['PaymentDto'];
export type PaymentOperation = components['schemas']['PaymentOperation'];
export type PaymentStatus = components['schemas']['PaymentStatus'];
export type PaymentTask = components['schemas']['PaymentTask'];
export type PaymentTaskKind = components['schemas']['PaymentTaskKind'];
export type PaymentTaskStatus = components['schemas']['PaymentTaskStatus'];
export type Problem = components['schemas']['Problem'];
export type Product = components['schemas']['Product'];
export type ProductConflict = components['schemas']['ProductConflict'];
export type ProductDto = components['schemas']['ProductDto'];
export type ProductList = components['schemas']['ProductList'];
export type ProductMessage = components['schemas']['ProductMessage'];
export type Promises = components['schemas']['Promises'];
export type ProviderSays = components['schemas']['ProviderSays'];
export type QueueName = components['schemas']['QueueName'];
export type QueueState = components['schemas']['QueueState'];
export type Queues = components['schemas']['Queues'];
export type Rate = components['schemas']['Rate'];
export type RateSeries = components['schemas']['RateSeries'];
export type Rates = components['schemas']['Rates'];
export type Ready = components['schemas']['Ready'];
export type ReasonDto = components['schemas']['ReasonDto'];
export type ReconcileDto = components['schemas']['ReconcileDto'];
export type Reconciliation = components['schemas']['Reconciliation'];
export type ReconciliationDifference = components['schemas']['ReconciliationDifference'];
export type ReconciliationList = components['schemas']['ReconciliationList'];
export type Refund = components['schemas']['Refund'];
export type RefundDto = components['schemas']['RefundDto'];
export type RefundLineDto = components['schemas']['RefundLineDto'];
export type RefundStatus = components['schemas']['RefundStatus'];
export type RejectionReason = components['schemas']['RejectionReason'];
export type Release = components['schemas']['Release'];
export type ReleaseCount = components['schemas']['ReleaseCount'];
export type ReleaseFilter = components['schemas']['ReleaseFilter'];
export type ReleaseFilterDto = components['schemas']['ReleaseFilterDto'];
export type ReleaseList = components['schemas']['ReleaseList'];
export type ReleaseManyDto = components['schemas']['ReleaseManyDto'];
export type ReplayDto = components['schemas']['ReplayDto'];
export type Reservation = components['schemas']['Reservation'];
export type ReservationLine = components['schemas']['ReservationLine'];
export type ReservationList = components['schemas']['ReservationList'];
export type ReservationStatus = components['schemas']['ReservationStatus'];
export type ReservationsMessage = components['schemas']['ReservationsMessage'];
export type ReserveDto = components['schemas']['ReserveDto'];
export type Restock = components['schemas']['Restock'];
export type ReturnDto = components['schemas']['ReturnDto'];
export type Returning = components['schemas']['Returning'];
export type ReviewCase = components['schemas']['ReviewCase'];
export type ReviewCaseList = components['schemas']['ReviewCaseList'];
export type ReviewCounts = components['schemas']['ReviewCounts'];
export type ReviewKind = components['schemas']['ReviewKind'];
export type ReviewMessage = components['schemas']['ReviewMessage'];
export type Role = components['schemas']['Role'];
export type RotationDto = components['schemas']['RotationDto'];
export type Saga = components['schemas']['Saga'];
export type SagaAttempt = components['schemas']['SagaAttempt'];
export type SagaGoods = components['schemas']['SagaGoods'];
export type SagaMoney = components['schemas']['SagaMoney'];
export type SagaOption = components['schemas']['SagaOption'];
export type SagaOptions = components['schemas']['SagaOptions'];
export type SagaRefundable = components['schemas']['SagaRefundable'];
export type SagaReservation = components['schemas']['SagaReservation'];
export type SagaStatus = components['schemas']['SagaStatus'];
export type SagaTransition = components['schemas']['SagaTransition'];
export type SagaWebhook = components['schemas']['SagaWebhook'];
export type ServiceTrouble = components['schemas']['ServiceTrouble'];
export type Session = components['schemas']['Session'];
export type ShipDto = components['schemas']['ShipDto'];
export type Shipment = components['schemas']['Shipment'];
export type ShipmentStatus = components['schemas']['ShipmentStatus'];
export type ShopEvent = components['schemas']['ShopEvent'];
export type ShopEventList = components['schemas']['ShopEventList'];
export type SignInDto = components['schemas']['SignInDto'];
export type SignInPage = components['schemas']['SignInPage'];
export type StepName = components['schemas']['StepName'];
export type Steps = components['schemas']['Steps'];
export type Stock = components['schemas']['Stock'];
export type StockList = components['schemas']['StockList'];
export type StrategyMeasurement = components['schemas']['StrategyMeasurement'];
export type StreamHello = components['schemas']['StreamHello'];
export type StreamMessage = components['schemas']['StreamMessage'];
export type TransferDto = components['schemas']['TransferDto'];
export type TransitionData = components['schemas']['TransitionData'];
export type UnitsOnHand = components['schemas']['UnitsOnHand'];
export type WaitsFor = components['schemas']['WaitsFor'];
export type WebhookDelivery = components['schemas']['WebhookDelivery'];
export type WebhookDeliveryList = components['schemas']['WebhookDeliveryList'];
export type WebhookEndpoint = components['schemas']['WebhookEndpoint'];
export type WebhookEndpointList = components['schemas']['WebhookEndpointList'];
export type WebhookReceived = components['schemas']['WebhookReceived'];
export type WebhookReplay = components['schemas']['WebhookReplay'];
export type WorkerState = components['schemas']['WorkerState'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
