// Made from the OpenAPI schema by `npm run generate`; not to be edited.

export interface paths {
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The venue accounts you trade on */
        get: operations["accounts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{account_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One venue account */
        get: operations["account"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{account_id}/kill": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Throw an account's kill switch
         * @description For all who trade on the account, until it is released. When this answers, the venue takes no order of this desk any more but the switch's own sales; that can take as long as an order may be on its way.
         */
        post: operations["account_kill"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{account_id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Release an account's kill switch
         * @description Orders pass again. Nothing decided meanwhile is sent, and no run is started.
         */
        post: operations["account_release"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/balance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Balances of a run or an account
         * @description Of a paper run its books; of a live run, or of an account, what the venue says now. Default: the current run.
         */
        get: operations["balance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/discrepancies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What does not match between a venue's books and ours */
        get: operations["discrepancies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/discrepancies/{discrepancy_id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Decide about a discrepancy
         * @description What needs the venue is done by the trader within moments.
         */
        post: operations["resolve_discrepancy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/exchanges": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Common exchanges and sandbox notes
         * @description What each venue offers and asks for, known without a network. By default the common venues and those the operator added; with `all=true` every one that can be used.
         */
        get: operations["exchanges"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Health of the server
         * @description Each check really asks: database, queue, workers, disk, candle store. With authentication on, messages and metrics are for keys with the scope read.
         */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/meta": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Versions, limits, and who the caller is */
        get: operations["meta"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Orders at venues, newest first
         * @description Of your live runs and accounts; with the `run_id` of a backtest or a paper run, its filled orders, oldest first.
         */
        get: operations["orders"];
        put?: never;
        /**
         * Place an order by hand
         * @description Within a live run, whose books have it then, or on an account. Answers with the order as it is within three seconds; one that cannot be sent for a minute is canceled.
         */
        post: operations["place_order"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/orders/{order_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One order at a venue, with what was traded of it */
        get: operations["order"];
        put?: never;
        post?: never;
        /**
         * Take an order back
         * @description Idempotent; what was filled before counts.
         */
        delete: operations["cancel_order"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/positions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Positions of a run or an account
         * @description With the levels they are sold at, and who watches these.
         */
        get: operations["positions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Full results of the last run */
        get: operations["results"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/run/backtest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a backtest */
        post: operations["run_backtest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/run/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start paper or live trading
         * @description Paper trades closed bars with simulated fills until it is stopped; with `replay` it plays bars of the past. Mode `live` places real orders, if server, key and body all say so: else 403 LIVE_TRADING_DISABLED tells what is missing.
         */
        post: operations["run_live"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/run/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Reset the runner to idle
         * @description Clears the pointer to the current run; its record stays in /runs.
         */
        delete: operations["run_reset"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/run/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop the current run
         * @description Idempotent: a run that is over stays as it is. `flatten` sells everything at the next open first; asked again without it, a run that still waits for that ends as it stands.
         */
        post: operations["run_stop"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/run/sweep": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start a sweep
         * @description One strategy backtested with many parameters, spread over all workers. Each trial is the backtest that /run/backtest would make of its parameters.
         */
        post: operations["run_sweep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List runs
         * @description Newest first unless `order` says otherwise; filters combine.
         */
        get: operations["runs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One run */
        get: operations["run"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A finished run's files */
        get: operations["run_artifacts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/artifacts/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One file of a run (Parquet) */
        get: operations["run_artifact"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/drift": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How far a paper run has drifted from a backtest
         * @description Compares its books with two backtests over its window: on the bars it saw, and on the bars as they are stored now. Takes seconds; a backtest answers 400 NO_DRIFT.
         */
        get: operations["run_drift"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/equity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A run's whole equity curve */
        get: operations["run_equity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened to a run, in order */
        get: operations["run_events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/orders": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A run's filled orders */
        get: operations["run_orders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/trades": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A run's trades */
        get: operations["run_trades"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Status of the current run */
        get: operations["status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/status/detailed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Extended status of the current run
         * @description Adds progress, recent trades and orders, equity, metrics and health.
         */
        get: operations["status_detailed"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/strategies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Available strategies and their parameters
         * @description The catalogue and your own. An entry with an `error` has a file that does not load as it stands; while it is `available`, runs execute its last good version.
         */
        get: operations["strategies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/strategies/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One strategy with its source and versions */
        get: operations["strategy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/strategies/{name}/check": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Check a strategy for lookahead and too short a warm-up
         * @description Compares, on made-up candles, what the strategy decides on all bars with what it decides without the later ones, and with a later start. The same as `manage.py check_strategy`, in bounded time.
         */
        post: operations["check_strategy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List sweeps
         * @description Newest first.
         */
        get: operations["sweeps"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One sweep
         * @description How far it is, the best trial, and whether that may be luck.
         */
        get: operations["sweep"];
        put?: never;
        post?: never;
        /**
         * Delete a sweep
         * @description One that is over, with all its trials. Runs that were made of these stay. It is gone at once for everybody; of a large one the rows follow within moments.
         */
        delete: operations["delete_sweep"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}/equity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The stitched out-of-sample equity of a walk-forward sweep */
        get: operations["sweep_equity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}/heatmap": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A metric over two parameters
         * @description Where others vary, too, each cell shows the best of its trials.
         */
        get: operations["sweep_heatmap"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Stop a sweep
         * @description Idempotent: trials that are done stay, and the best of them is told.
         */
        post: operations["stop_sweep"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}/trials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A sweep's trials */
        get: operations["sweep_trials"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}/trials/{number}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One trial */
        get: operations["sweep_trial"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sweeps/{sweep_id}/trials/{number}/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a trial a run
         * @description A backtest to the last bit as /run/backtest makes it, with trades and charts; or a paper run with the trial's parameters, from the bar that is open now.
         */
        post: operations["run_trial"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AccountList: {
            accounts: components["schemas"]["AccountSchema"][];
        };
        AccountSchema: {
            account_id: string;
            /** @description Open ones. */
            discrepancies: number;
            /** @description `CODE: message`, while failing. */
            error: string | null;
            exchange: string;
            /** @description null: the kill switch is not thrown. */
            kill: components["schemas"]["KillSchema"] | null;
            /** @description The operator's guards; null: none. */
            limits: components["schemas"]["LimitsSchema"];
            /** @description Not over, those in doubt aside. */
            open_orders: number;
            /**
             * Format: date-time
             * @description The venue wants fewer requests until then.
             */
            paused_until: string | null;
            /** Format: date-time */
            reconciled_at: string | null;
            /** @description Your active runs on it. */
            runs: string[];
            sandbox: boolean;
            /** @description ok, failing, paused or killed. */
            state: string;
            /** @description On their way, or nobody knows yet whether the venue has them. */
            unknown_orders: number;
        };
        /**
         * @description * `adopt` - adopt
         *     * `close` - close
         *     * `ignore` - ignore
         * @enum {string}
         */
        ActionEnum: "adopt" | "close" | "ignore";
        ArtifactList: {
            artifacts: components["schemas"]["ArtifactSchema"][];
        };
        ArtifactSchema: {
            name: string;
            rows: number;
            sha256: string;
            /** @description Bytes. */
            size: number;
        };
        BacktestRequest: {
            /**
             * @description Whether each symbol trades its own part of the cash or all share one pool.
             *
             *     * `sleeves` - sleeves
             *     * `shared` - shared
             * @default sleeves
             */
            cash?: components["schemas"]["CashEnum"];
            /**
             * Format: double
             * @description Fraction lost in one UTC day at which everything is sold and the run ends.
             */
            daily_loss?: number | null;
            /**
             * Format: date-time
             * @description Bars open before this (ISO 8601 with zone); default: the last closed bar.
             */
            end_date?: string | null;
            /** @description A venue from GET /exchanges; `simulated` needs no network. */
            exchange: string;
            /**
             * Format: double
             * @description Fee as a fraction of the notional; default: the venue's taker fee.
             */
            fee?: number | null;
            /**
             * Format: double
             * @description Cash at the start, in the quote currency.
             * @default 10000
             */
            initial_cash?: number;
            /**
             * Format: double
             * @description Fraction below the highest equity at which everything is sold and the run ends.
             */
            max_drawdown?: number | null;
            /**
             * Format: double
             * @description Share of the free cash an entry spends, fee included.
             * @default 1
             */
            position_size?: number;
            /**
             * Format: double
             * @description Fraction by which each fill is worse.
             * @default 0
             */
            slippage?: number;
            /**
             * Format: date-time
             * @description First bar's open (ISO 8601 with zone); default: 1,000 bars before the end.
             */
            start_date?: string | null;
            /**
             * Format: double
             * @description Fraction below the entry's fill price at which to sell.
             */
            stop_loss?: number | null;
            /** @description A name from GET /strategies. */
            strategy_name: string;
            /** @description The strategy's parameters; those left out take their defaults. */
            strategy_params?: {
                [key: string]: unknown;
            };
            /** @description Spot symbols, e.g. ["BTC/USDT"]. */
            symbols: string[];
            /**
             * Format: double
             * @description Fraction above the entry's fill price at which to sell.
             */
            take_profit?: number | null;
            /** @description Bar length, e.g. "1h". */
            timeframe: string;
            /**
             * Format: double
             * @description Fraction below the highest high since entry at which to sell.
             */
            trailing_stop?: number | null;
        };
        BalanceResponse: {
            account_id: string | null;
            balances: components["schemas"]["BalanceRow"][];
            exchange: string | null;
            /** @description backtest, paper, live, or null without a run. */
            mode: string | null;
            run_id: string | null;
            /** @description Whether it is play money. */
            sandbox: boolean | null;
            /**
             * Format: double
             * @description The run's cash and positions; null for an account.
             */
            total_value: number | null;
        };
        BalanceRow: {
            currency: string;
            /** @description To the last digit; of a venue only. */
            exact: components["schemas"]["ExactBalanceSchema"] | null;
            /** Format: double */
            free: number;
            /** Format: double */
            total: number;
            /**
             * Format: double
             * @description Bound in open orders.
             */
            used: number;
        };
        BestTrialSchema: {
            metrics: {
                [key: string]: number | null;
            };
            number: number;
            /** Format: double */
            objective: number | null;
            /** @description What was varied. */
            params: {
                [key: string]: unknown;
            };
            segment: number;
            symbols: string[];
            timeframe: string;
            variation: number;
        };
        /** @description Edges, one more than bins: [edge, next); null where the values themselves are told. */
        BinnedSchema: {
            x: number[] | null;
            y: number[] | null;
        };
        BoundsSchema: {
            /** @description Of all clients together, and of the symbols that one request may name. */
            active_downloads: number;
            /** @description Per owner, queued ones too: a key, a user, or all without a key; null: no limit. */
            active_runs: number | null;
            /** @description As active_runs. */
            active_sweeps: number | null;
            /** @description All symbols together. */
            bars_per_run: number;
            body_bytes: number;
            /** @description WebSockets, of all clients together. */
            connections: number;
            /** @description How long replies are kept. */
            idempotency_hours: number;
            /** @description Of what is sent over a WebSocket. */
            message_bytes: number;
            /** @description Per venue account, over all runs. */
            orders_per_second: number;
            /** @description Per key, or per address without one; null: no limit. */
            requests_per_minute: number | null;
            /** @description Of these, requests that need the scope; null: no limit of their own. */
            requests_per_minute_by_scope: components["schemas"]["ScopedRatesSchema"];
            /** @description The largest `limit` of a list. */
            rows_per_page: number;
            runs_per_comparison: number;
            /** @description Then it fails: RUN_TIMEOUT. */
            seconds_per_backtest: number;
            /** @description Of a WebSocket. */
            subscriptions_per_connection: number;
            symbols_per_run: number;
            /** @description Of a list of a sweep's trials. */
            trials_per_page: number;
            trials_per_sweep: number;
        };
        CallerSchema: {
            /**
             * Format: date-time
             * @description When the key ends.
             */
            expires_at: string | null;
            /** @description The key's public part, as `ct_0123456789ab`. */
            key_prefix: string | null;
            /** @description The key's, or `admin:<user>`; null without authentication. */
            name: string | null;
            scopes: components["schemas"]["ScopesEnum"][];
        };
        /**
         * @description * `sleeves` - sleeves
         *     * `shared` - shared
         * @enum {string}
         */
        CashEnum: "sleeves" | "shared";
        CellSchema: {
            /** @description Of the trial. */
            number: number;
            /** Format: double */
            value: number;
            x: unknown;
            y: unknown;
        };
        CheckReport: {
            bars: number;
            comparisons: number;
            /** @description Bars on which it acts. */
            decisions: number;
            findings: components["schemas"]["Finding"][];
            /** @description What could not be judged. */
            notes: string[];
            params: {
                [key: string]: unknown;
            };
            passed: boolean;
            strategy: string;
            /** @description Bars the strategy says it needs. */
            warmup: number;
        };
        CheckRequest: {
            /** @description As `strategy_params` of a run. */
            params?: {
                [key: string]: unknown;
            };
        };
        /**
         * @description * `ok` - ok
         *     * `degraded` - degraded
         *     * `error` - error
         * @enum {string}
         */
        CheckStatusEnum: "ok" | "degraded" | "error";
        DegradationSchema: {
            /**
             * Format: double
             * @description Annualised.
             */
            intercept: number | null;
            /**
             * Format: double
             * @description Share of the splits whose choice lost money in the other half.
             */
            probability_of_loss: number;
            /** Format: double */
            slope: number | null;
        };
        DeprecationSchema: {
            instead: string;
            /** Format: date */
            since: string;
            /**
             * Format: date
             * @description At least 90 days later.
             */
            sunset: string;
            /** @description An operation or a field. */
            what: string;
        };
        DeskOrderPage: {
            /** @description null on the last page. */
            next_cursor: string | null;
            orders: components["schemas"]["DeskOrderSchema"][];
        };
        /** @description Of a live run or an account; `simulated` gives a backtest's or a paper run's as much. */
        DeskOrderSchema: {
            account_id: string | null;
            /**
             * Format: double
             * @description null until it is sized.
             */
            amount: number | null;
            /**
             * Format: double
             * @description Price of what was filled.
             */
            average: number | null;
            cancel_requested: boolean;
            /** @description Its name at the venue, and in /orders/{order_id}. */
            client_order_id: string | null;
            /** Format: double */
            cost: number;
            /** @description UTC ms: when it was decided. */
            created: number;
            /** @description What the venue said. */
            error: string | null;
            /** @description To the last digit; null if simulated. */
            exact: components["schemas"]["ExactOrderSchema"] | null;
            /**
             * Format: double
             * @description In the quote currency.
             */
            fee: number | null;
            /** Format: double */
            filled: number;
            /** @description What it is, by its run's books. */
            order_id: string;
            /**
             * Format: double
             * @description The limit of a limit order.
             */
            price: number | null;
            purpose: string;
            /** @description Why it is not (all) filled. */
            reason: string | null;
            run_id: string | null;
            side: components["schemas"]["OrderSideEnum"];
            /** @description new, submitted, unknown, open, partially_filled, filled, canceled, rejected, expired; a simulated one is filled. */
            status: string;
            /** Format: double */
            stop_price: number | null;
            symbol: string;
            /** @description UTC ms: of the last fill, or when it was sent. */
            timestamp: number | null;
            /** @description market, limit or stop_loss. */
            type: string;
            venue_order_id: string | null;
        };
        DetailedStatusResponse: {
            /** Format: double */
            cash: number | null;
            /**
             * Format: date-time
             * @description When the run was over.
             */
            end_time: string | null;
            equity_curve: components["schemas"]["EquityPointSchema"][];
            /** @description `CODE: message` of a failed run. */
            error: string | null;
            health: {
                [key: string]: unknown;
            };
            mode: (components["schemas"]["RunModeEnum"] | components["schemas"]["NullEnum"]) | null;
            /** @description Decided and not filled yet; amount and price are estimates. */
            pending_orders: components["schemas"]["OrderSchema"][];
            performance_metrics: {
                [key: string]: number | null;
            };
            /**
             * Format: double
             * @description value - initial cash.
             */
            pnl: number | null;
            positions: components["schemas"]["PositionSchema"][];
            progress: components["schemas"]["ProgressSchema"] | null;
            recent_orders: components["schemas"]["OrderSchema"][];
            recent_trades: components["schemas"]["TradeSchema"][];
            run_id: string | null;
            /** Format: double */
            runtime_seconds: number | null;
            /**
             * Format: date-time
             * @description When the run began.
             */
            start_time: string | null;
            status: components["schemas"]["RunnerStatusEnum"];
            /** @description Trades, open ones included. */
            trade_count: number;
            /**
             * Format: double
             * @description Cash and positions.
             */
            value: number | null;
        };
        DiscrepancyPage: {
            discrepancies: components["schemas"]["DiscrepancySchema"][];
            /** @description null on the last page. */
            next_cursor: string | null;
        };
        DiscrepancySchema: {
            account_id: string;
            /** Format: date-time */
            found_at: string;
            id: number;
            /** @description foreign_order, foreign_fill, missing_order, fill_mismatch, state_mismatch, balance_short. */
            kind: string;
            ours: {
                [key: string]: unknown;
            };
            resolution: string;
            /** Format: date-time */
            resolved_at: string | null;
            resolved_by: string;
            readonly run_id: string | null;
            /** @description The order, trade or currency. */
            subject: string;
            symbol: string;
            theirs: {
                [key: string]: unknown;
            };
        };
        DriftBarSchema: {
            /** @description Open, high, low, close, volume. */
            seen: number[] | null;
            /** @description Open, high, low, close, volume. */
            stored: number[] | null;
            symbol: string;
            /** @description UTC ms: its open. */
            time: number;
        };
        DriftBarsSchema: {
            /** @description Bars both seen and stored. */
            compared: number;
            /** @description Stored, and never seen. */
            extra: number;
            /** @description The 20 oldest that differ. */
            first: components["schemas"]["DriftBarSchema"][];
            /** @description Seen, and not stored. */
            missing: number;
            /** @description Of those, with other values. */
            revised: number;
        };
        DriftErrorSchema: {
            code: string;
            message: string;
        };
        DriftOrderCountsSchema: {
            backtest: number;
            /** @description Only in one, or filled otherwise. */
            differing: number;
            run: number;
        };
        DriftPartsSchema: {
            /**
             * Format: double
             * @description Trades only the run has.
             */
            extra: number;
            /**
             * Format: double
             * @description Fees of pairs.
             */
            fee: number;
            /**
             * Format: double
             * @description Prices of pairs the run filled in a late row.
             */
            late: number;
            /**
             * Format: double
             * @description Trades only the backtest has, with the minus sign.
             */
            missed: number;
            /**
             * Format: double
             * @description Prices and amounts of the other pairs.
             */
            price: number;
            /**
             * Format: double
             * @description What no trade explains: dust and rounding.
             */
            rounding: number;
        };
        DriftResponse: {
            /** @description UTC ms: its bars open before this. */
            end: number;
            /** @description Rows stepped long after their bars closed. */
            late_bars: number;
            mode: components["schemas"]["RunModeEnum"];
            run_id: string;
            /** @description Beside a backtest on the bars the run saw. */
            seen: components["schemas"]["DriftSeenSchema"];
            /** @description UTC ms: the window's first bar opens here. */
            start: number;
            status: components["schemas"]["RunStatusEnum"];
            /** @description Beside one on the bars as they are stored now. */
            stored: components["schemas"]["DriftStoredSchema"];
        };
        DriftRowCountsSchema: {
            backtest: number;
            /** @description Rows of equity that both have. */
            compared: number;
            /** @description Of those, with other equity or cash. */
            differing: number;
            run: number;
        };
        DriftSchema: {
            /** Format: double */
            backtest_return: number;
            /**
             * Format: double
             * @description run_return less backtest_return.
             */
            difference: number;
            /** @description Orders, fills and equity, to the last bit. */
            identical: boolean;
            /** @description The 20 pairs that add most. */
            largest: components["schemas"]["DriftTradeSchema"][];
            /**
             * Format: double
             * @description At one close, in quote currency.
             */
            max_equity_difference: number;
            orders: components["schemas"]["DriftOrderCountsSchema"];
            /** @description They sum up to the difference. */
            parts: components["schemas"]["DriftPartsSchema"];
            rows: components["schemas"]["DriftRowCountsSchema"];
            /** Format: double */
            run_return: number;
            trades: components["schemas"]["DriftTradeCountsSchema"];
            /** @description The 20 that add most, of one book only. */
            unpaired: components["schemas"]["DriftTradeSchema"][];
            /** @description UTC ms: open of the row of max_equity_difference. */
            widest_at: number | null;
        };
        DriftSeenSchema: {
            drift: components["schemas"]["DriftSchema"] | null;
            /** @description Why there is no backtest. */
            error: components["schemas"]["DriftErrorSchema"] | null;
        };
        DriftStoredSchema: {
            bars: components["schemas"]["DriftBarsSchema"] | null;
            drift: components["schemas"]["DriftSchema"] | null;
            /** @description Why there is no backtest. */
            error: components["schemas"]["DriftErrorSchema"] | null;
        };
        DriftTradeCountsSchema: {
            backtest: number;
            /** @description Only in the run. */
            extra: number;
            /** @description Pairs the run filled in a late row. */
            late: number;
            /** @description Only in the backtest. */
            missed: number;
            /** @description In both books. */
            paired: number;
            run: number;
        };
        DriftTradeSchema: {
            backtest: components["schemas"]["TradeSchema"] | null;
            /**
             * Format: double
             * @description What it adds to the difference in return.
             */
            difference: number;
            /** @description The run filled an order of it in a late row. */
            late: boolean;
            run: components["schemas"]["TradeSchema"] | null;
            symbol: string;
        };
        EndingSchema: {
            reason: components["schemas"]["ReasonEnum"];
            /** @description UTC ms: the close that it was decided at. */
            timestamp: number;
        };
        EquityPage: {
            equity: components["schemas"]["EquityPointSchema"][];
            next_cursor: string | null;
            /** @description Rows in all. */
            total: number;
        };
        EquityPointSchema: {
            /** Format: double */
            cash: number;
            /**
             * Format: double
             * @description Fraction below the highest equity so far, ≥ 0.
             */
            drawdown: number;
            /** @description UTC ms: open of the bar. */
            timestamp: number;
            /**
             * Format: double
             * @description Equity at the bar's close.
             */
            value: number;
        };
        /**
         * @description Of an answer's error, of a WebSocket message's, or of a run that failed.
         * @enum {string}
         */
        ErrorCode: "ACCOUNT_KILLED" | "ACCOUNT_NOT_FOUND" | "ARTIFACT_NOT_FOUND" | "BODY_TOO_LARGE" | "CHECK_BUSY" | "CREDENTIALS_KEY_MISSING" | "CREDENTIALS_MISSING" | "CREDENTIALS_REFUSED" | "CREDENTIALS_UNREADABLE" | "CREDENTIAL_MISMATCH" | "CSRF_FAILED" | "DISCREPANCY_NOT_FOUND" | "DISCREPANCY_RESOLVED" | "DUPLICATE_KEY" | "EXCHANGE_CONFIG_KEY_NOT_ALLOWED" | "EXCHANGE_DISABLED" | "FOREIGN_ORIGIN" | "HISTORY_NOT_AVAILABLE" | "IDEMPOTENCY_IN_FLIGHT" | "IDEMPOTENCY_MISMATCH" | "INSUFFICIENT_FUNDS" | "INTERNAL_ERROR" | "INVALID_BARS" | "INVALID_CASH" | "INVALID_CURSOR" | "INVALID_JSON" | "INVALID_LIMITS" | "INVALID_NUMBER" | "INVALID_PARAMS" | "INVALID_RANGE" | "INVALID_REQUEST" | "INVALID_SPACE" | "INVALID_STOPS" | "INVALID_SYMBOL" | "INVALID_SYMBOLS" | "INVALID_TEXT" | "INVALID_TYPE" | "INVALID_VALUE" | "INVALID_WALK_FORWARD" | "INVALID_WEIGHTS" | "JSON_TOO_DEEP" | "LENGTH_REQUIRED" | "LIVE_TRADING_DISABLED" | "LIVE_UNSUPPORTED" | "LOSS_LIMIT" | "METHOD_NOT_ALLOWED" | "MISSING_FIELD" | "NAIVE_DATETIME" | "NOT_AUTHENTICATED" | "NOT_FOUND" | "NOT_SUBSCRIBED" | "NO_CANDLES" | "NO_DRIFT" | "ORDER_NOT_FOUND" | "ORDER_NOT_OPEN" | "ORDER_TOO_SMALL" | "PERMISSION_DENIED" | "PROTECTIVE_ORDER" | "RATE_LIMITED" | "RUN_ACTIVE" | "RUN_ALREADY_ACTIVE" | "RUN_FAILED" | "RUN_NOT_ACTIVE" | "RUN_NOT_FOUND" | "RUN_NOT_LIVE" | "RUN_TIMEOUT" | "SANDBOX_UNSUPPORTED" | "STRATEGY_BAD_OUTPUT" | "STRATEGY_BROKEN" | "STRATEGY_FAILED" | "STRATEGY_NOT_FOUND" | "SWEEP_ACTIVE" | "SWEEP_NOT_FOUND" | "TOO_MANY_ACTIVE" | "TOO_MANY_BARS" | "TOO_MANY_CONNECTIONS" | "TOO_MANY_SUBSCRIPTIONS" | "TOO_MANY_SYMBOLS" | "TOO_MANY_TRIALS" | "TRIAL_NOT_FOUND" | "UNKNOWN_ACTION" | "UNKNOWN_CREDENTIAL" | "UNKNOWN_EXCHANGE" | "UNKNOWN_FIELD" | "UNKNOWN_PARAM" | "UNKNOWN_STRATEGY" | "UNKNOWN_TIMEFRAME" | "UNSUPPORTED_MEDIA_TYPE" | "VENUE_BAD_DATA" | "VENUE_ERROR" | "VENUE_RATE_LIMITED" | "VENUE_UNREACHABLE" | "WITHDRAWAL_ALLOWED" | "WORKER_LOST";
        ErrorResponse: {
            error: {
                code: components["schemas"]["ErrorCode"];
                details: {
                    [key: string]: unknown;
                };
                message: string;
            };
        };
        EventPage: {
            events: components["schemas"]["EventSchema"][];
        };
        EventSchema: {
            /** Format: date-time */
            created_at: string;
            data: {
                [key: string]: unknown;
            };
            kind: string;
            seq: number;
        };
        ExactBalanceSchema: {
            free: string;
            total: string;
            used: string;
        };
        ExactOrderSchema: {
            amount: string | null;
            cost: string;
            /** @description Currency → amount. */
            fees: {
                [key: string]: string;
            };
            filled: string;
            price: string | null;
            stop_price: string | null;
        };
        ExactPositionSchema: {
            size: string;
            stop: string | null;
            target: string | null;
        };
        Exchange: {
            /** @description Part of this server: no network, no keys. */
            builtin: boolean;
            /** @description Keys of `exchange_config` that trading needs. */
            credentials: string[];
            /** @description The venue's usual fees for spot, null if unknown. */
            fees: components["schemas"]["Fees"];
            /** @description What `exchange` of a run takes. */
            id: string;
            name: string;
            /** @description Whether there is a test environment. */
            sandbox: boolean;
            sandbox_note: string;
            /** @description Empty where the venue offers no candles. */
            timeframes: string[];
            websocket: boolean;
        };
        Exchanges: {
            exchanges: components["schemas"]["Exchange"][];
        };
        ExecutionSchema: {
            /** Format: double */
            amount: number;
            /** Format: double */
            cost: number;
            /** @description amount, price, cost and fee to the last digit. */
            exact: {
                [key: string]: string;
            };
            /** Format: double */
            fee: number;
            fee_currency: string;
            /** Format: double */
            price: number;
            /** @description UTC ms. */
            timestamp: number;
            /** @description The venue's. */
            trade_id: string;
        };
        Fees: {
            /** Format: double */
            maker: number | null;
            /**
             * Format: double
             * @description 0.001 is 0.1 %.
             */
            taker: number | null;
        };
        Finding: {
            /** @description Counted from the first bar, 0. */
            bar: number | null;
            decision: string | null;
            /** @description lookahead, warmup, output, mutation, randomness or error. */
            kind: string;
            message: string;
            symbol: string | null;
            /** @description The bar's open time, UTC ms. */
            time_ms: number | null;
        };
        HealthCheckSchema: {
            message: string;
            status: components["schemas"]["CheckStatusEnum"];
        };
        HealthResponse: {
            api_version: string;
            checks: {
                [key: string]: components["schemas"]["HealthCheckSchema"];
            };
            metrics: {
                [key: string]: number | null;
            };
            status: components["schemas"]["CheckStatusEnum"];
            /** Format: date-time */
            timestamp: string;
        };
        HeatmapSchema: {
            best: components["schemas"]["CellSchema"] | null;
            /** @description Of a parameter with more than 60 values, the bins. */
            binned: components["schemas"]["BinnedSchema"];
            /** @description Trials of each cell. */
            counts: number[][];
            metric: string;
            /** @description Number of the trial shown. */
            trials: (number | null)[][];
            /** @description A row for each y; null: no result. */
            values: (number | null)[][];
            /** @description Values, or middles of bins: the columns. */
            x: unknown[];
            /** @description Values, or middles of bins: the rows. */
            y: unknown[];
        };
        HeldPositionSchema: {
            /** Format: double */
            entry_price: number;
            /** @description To the last digit; of live runs only. */
            exact: components["schemas"]["ExactPositionSchema"] | null;
            /**
             * Format: double
             * @description The newest close the run knows.
             */
            last_price: number;
            run_id: string;
            side: components["schemas"]["PositionSideEnum"];
            /** Format: double */
            size: number;
            /**
             * Format: double
             * @description Price at which it is sold.
             */
            stop: number | null;
            /** @description Who watches it: venue, desk or simulated. */
            stop_at: string | null;
            symbol: string;
            /** Format: double */
            target: number | null;
            target_at: string | null;
            /** Format: double */
            unrealized_pnl: number;
        };
        HistogramSchema: {
            counts: number[];
            /** @description One more than counts. */
            edges: number[];
        };
        /** @description What may be believed of the best of so many trials. */
        HonestySchema: {
            bars: number;
            /**
             * Format: double
             * @description Probability that the best is better than that.
             */
            deflated_sharpe: number | null;
            /**
             * Format: double
             * @description As many independent ones would be as lucky.
             */
            effective_trials: number | null;
            /**
             * Format: double
             * @description What the best would show if none had any skill.
             */
            expected_max_sharpe: number | null;
            failed: number;
            /**
             * Format: double
             * @description Probability of backtest overfitting (CSCV).
             */
            pbo: number | null;
            pbo_blocks: number;
            pbo_combinations: number;
            pbo_logits: components["schemas"]["HistogramSchema"];
            /** @description Whether only some of them were looked at. */
            pbo_sampled: boolean;
            performance_degradation: components["schemas"]["DegradationSchema"] | null;
            /**
             * Format: double
             * @description Probability that it is above 0, as if it were the only trial.
             */
            probabilistic_sharpe: number | null;
            /** Format: double */
            profitable_share: number | null;
            /**
             * Format: double
             * @description Of the best.
             */
            sharpe_ratio: number | null;
            stability: components["schemas"]["StabilitySchema"] | null;
            /** @description Those with a result. */
            trials: number;
            verdict: components["schemas"]["VerdictEnum"];
            warnings: components["schemas"]["SweepWarningSchema"][];
        };
        KillAnswer: {
            account_id: string;
            /** @description true: the venue takes no order any more. */
            blocked: boolean;
            /** @description Orders that were on their way, and of which is known what became of them. */
            in_flight_resolved: number;
            /** @description The steps go on in the trader; GET /accounts/{id} tells how far. */
            kill: components["schemas"]["KillSchema"];
            /** @description Those of which nobody knows. */
            unknown: components["schemas"]["DeskOrderSchema"][];
        };
        KillRequest: {
            /**
             * @description For the records.
             * @default
             */
            reason?: string;
            /**
             * @description What is done: send nothing more, take back what rests there, sell what is held.
             * @default [
             *       "block",
             *       "cancel",
             *       "flatten"
             *     ]
             */
            steps?: components["schemas"]["StepsEnum"][];
        };
        KillSchema: {
            /** Format: date-time */
            killed_at: string;
            killed_by: string;
            /** @description What was held and could not be sold. */
            left: components["schemas"]["LeftSchema"][];
            reason: string | null;
            /** @description Those asked for: done or under_way. */
            steps: {
                [key: string]: string;
            };
            under_way: boolean;
        };
        /**
         * @description * `strategy` - strategy
         *     * `portfolio` - portfolio
         * @enum {string}
         */
        KindEnum: "strategy" | "portfolio";
        LeftSchema: {
            /** @description Of the base currency, to the last digit. */
            amount: string;
            /** @description too_small, insufficient_funds, not_canceled, not_sold, or the venue's error. */
            reason: string;
            run_id: string | null;
            symbol: string;
        };
        LimitsSchema: {
            /** Format: double */
            daily_loss: number | null;
            /** Format: double */
            max_open_orders: number | null;
            /** Format: double */
            max_order_value: number | null;
            /** Format: double */
            max_position_value: number | null;
            /** Format: double */
            price_collar: number | null;
        };
        LiveTradingRequest: {
            /**
             * @description Whether each symbol trades its own part of the cash or all share one pool.
             *
             *     * `sleeves` - sleeves
             *     * `shared` - shared
             * @default sleeves
             */
            cash?: components["schemas"]["CashEnum"];
            /**
             * @description Mode live only: true, or no real order is placed.
             * @default false
             */
            confirm_live?: boolean;
            /**
             * Format: double
             * @description Fraction lost in one UTC day at which everything is sold and the run ends.
             */
            daily_loss?: number | null;
            /** @description A venue from GET /exchanges; `simulated` needs no network. */
            exchange: string;
            /** @description Account settings: apiKey, secret, password, uid, privateKey, walletAddress, token, credential, sandbox, options. Paper stores no keys. */
            exchange_config?: {
                [key: string]: unknown;
            };
            /**
             * Format: double
             * @description Fee as a fraction of the notional; default: the venue's taker fee.
             */
            fee?: number | null;
            /**
             * Format: double
             * @description Cash the run may deploy; mode live has no default for it.
             * @default 10000
             */
            initial_cash?: number;
            /**
             * Format: double
             * @description Fraction below the highest equity at which everything is sold and the run ends.
             */
            max_drawdown?: number | null;
            /**
             * @description Simulated fills, or real orders.
             *
             *     * `paper` - paper
             *     * `live` - live
             */
            mode: components["schemas"]["LiveTradingRequestModeEnum"];
            /**
             * Format: double
             * @description Share of the free cash an entry spends, fee included.
             * @default 1
             */
            position_size?: number;
            /** @description Paper only: rehearse on stored or simulated bars of the past. */
            replay?: components["schemas"]["ReplayRequest"] | null;
            /**
             * Format: double
             * @description Fraction by which each fill is worse.
             * @default 0
             */
            slippage?: number;
            /**
             * Format: double
             * @description Fraction below the entry's fill price at which to sell.
             */
            stop_loss?: number | null;
            /** @description A name from GET /strategies. */
            strategy_name: string;
            /** @description The strategy's parameters; those left out take their defaults. */
            strategy_params?: {
                [key: string]: unknown;
            };
            /** @description Spot symbols, e.g. ["BTC/USDT"]. */
            symbols: string[];
            /**
             * Format: double
             * @description Fraction above the entry's fill price at which to sell.
             */
            take_profit?: number | null;
            /** @description Bar length, e.g. "1h". */
            timeframe: string;
            /**
             * Format: double
             * @description Fraction below the highest high since entry at which to sell.
             */
            trailing_stop?: number | null;
        };
        /**
         * @description * `paper` - paper
         *     * `live` - live
         * @enum {string}
         */
        LiveTradingRequestModeEnum: "paper" | "live";
        ManualOrderRequest: {
            /** @description the account, and no run. */
            account_id?: string | null;
            /** @description Of the base currency; cut to the venue's step. */
            amount: number | string;
            /**
             * @description Your own name for this order: sent again, it gives the same order.
             * @default
             */
            client_id?: string;
            /**
             * @description true, or no real order is placed.
             * @default false
             */
            confirm_live?: boolean;
            /** @description Of a limit order. */
            price?: (number | string) | null;
            /** @description The live run it belongs to, or */
            run_id?: string | null;
            side: components["schemas"]["OrderSideEnum"];
            /** @description E.g. "BTC/USDT"; of a run one that it trades. */
            symbol: string;
            type: components["schemas"]["ManualOrderTypeEnum"];
        };
        /**
         * @description * `market` - market
         *     * `limit` - limit
         * @enum {string}
         */
        ManualOrderTypeEnum: "market" | "limit";
        MetaResponse: {
            api_version: string;
            /** @description Whether a key is needed. */
            authentication: boolean;
            caller: components["schemas"]["CallerSchema"];
            deprecations: components["schemas"]["DeprecationSchema"][];
            limits: components["schemas"]["BoundsSchema"];
            /** @description Whether the server allows real orders. */
            live_trading: boolean;
            server_version: string;
        };
        /** @enum {unknown} */
        NullEnum: null;
        /**
         * @description * `final_value` - final_value
         *     * `total_return` - total_return
         *     * `annual_return` - annual_return
         *     * `benchmark_return` - benchmark_return
         *     * `volatility` - volatility
         *     * `sharpe_ratio` - sharpe_ratio
         *     * `sortino_ratio` - sortino_ratio
         *     * `calmar_ratio` - calmar_ratio
         *     * `omega_ratio` - omega_ratio
         *     * `recovery_factor` - recovery_factor
         *     * `max_drawdown` - max_drawdown
         *     * `max_drawdown_duration` - max_drawdown_duration
         *     * `ulcer_index` - ulcer_index
         *     * `value_at_risk` - value_at_risk
         *     * `tail_ratio` - tail_ratio
         *     * `skew` - skew
         *     * `kurtosis` - kurtosis
         *     * `exposure` - exposure
         *     * `total_trades` - total_trades
         *     * `closed_trades` - closed_trades
         *     * `open_trades` - open_trades
         *     * `winning_trades` - winning_trades
         *     * `losing_trades` - losing_trades
         *     * `win_rate` - win_rate
         *     * `profit_factor` - profit_factor
         *     * `payoff_ratio` - payoff_ratio
         *     * `expectancy` - expectancy
         *     * `sqn` - sqn
         *     * `best_trade` - best_trade
         *     * `worst_trade` - worst_trade
         *     * `average_trade` - average_trade
         *     * `average_win` - average_win
         *     * `average_loss` - average_loss
         *     * `average_holding_time` - average_holding_time
         *     * `longest_winning_streak` - longest_winning_streak
         *     * `longest_losing_streak` - longest_losing_streak
         *     * `total_fees` - total_fees
         * @enum {string}
         */
        ObjectiveEnum: "final_value" | "total_return" | "annual_return" | "benchmark_return" | "volatility" | "sharpe_ratio" | "sortino_ratio" | "calmar_ratio" | "omega_ratio" | "recovery_factor" | "max_drawdown" | "max_drawdown_duration" | "ulcer_index" | "value_at_risk" | "tail_ratio" | "skew" | "kurtosis" | "exposure" | "total_trades" | "closed_trades" | "open_trades" | "winning_trades" | "losing_trades" | "win_rate" | "profit_factor" | "payoff_ratio" | "expectancy" | "sqn" | "best_trade" | "worst_trade" | "average_trade" | "average_win" | "average_loss" | "average_holding_time" | "longest_winning_streak" | "longest_losing_streak" | "total_fees";
        /** @description Of a live run or an account; `simulated` gives a backtest's or a paper run's as much. */
        OrderDetail: {
            account_id: string | null;
            /**
             * Format: double
             * @description null until it is sized.
             */
            amount: number | null;
            /**
             * Format: double
             * @description Price of what was filled.
             */
            average: number | null;
            cancel_requested: boolean;
            /** @description Its name at the venue, and in /orders/{order_id}. */
            client_order_id: string | null;
            /** Format: double */
            cost: number;
            /** @description UTC ms: when it was decided. */
            created: number;
            /** @description What the venue said. */
            error: string | null;
            /** @description To the last digit; null if simulated. */
            exact: components["schemas"]["ExactOrderSchema"] | null;
            executions: components["schemas"]["ExecutionSchema"][];
            /**
             * Format: double
             * @description In the quote currency.
             */
            fee: number | null;
            /** Format: double */
            filled: number;
            /** @description What it is, by its run's books. */
            order_id: string;
            /**
             * Format: double
             * @description The limit of a limit order.
             */
            price: number | null;
            purpose: string;
            /** @description Why it is not (all) filled. */
            reason: string | null;
            run_id: string | null;
            side: components["schemas"]["OrderSideEnum"];
            /** @description new, submitted, unknown, open, partially_filled, filled, canceled, rejected, expired; a simulated one is filled. */
            status: string;
            /** Format: double */
            stop_price: number | null;
            symbol: string;
            /** @description UTC ms: of the last fill, or when it was sent. */
            timestamp: number | null;
            /** @description market, limit or stop_loss. */
            type: string;
            venue_order_id: string | null;
        };
        OrderSchema: {
            /** Format: double */
            amount: number | null;
            /** @description UTC ms: when it was decided. */
            created: number;
            /** Format: double */
            fee: number | null;
            /** @description created, symbol's index, purpose and side by number: the same in every mode. */
            order_id: string;
            /**
             * Format: double
             * @description Fill price, slippage included.
             */
            price: number | null;
            purpose: string;
            side: components["schemas"]["OrderSideEnum"];
            /** @description filled, or new for one still pending at the end. */
            status: string;
            symbol: string;
            /** @description UTC ms: open of the bar it filled in. */
            timestamp: number | null;
            trade_id: number | null;
            type: components["schemas"]["OrderSchemaTypeEnum"];
        };
        /**
         * @description * `market` - market
         * @enum {string}
         */
        OrderSchemaTypeEnum: "market";
        /**
         * @description * `buy` - buy
         *     * `sell` - sell
         * @enum {string}
         */
        OrderSideEnum: "buy" | "sell";
        OrdersPage: {
            next_cursor: string | null;
            orders: components["schemas"]["OrderSchema"][];
            /** @description Rows in all. */
            total: number;
        };
        /**
         * @description * `catalog` - catalog
         *     * `user` - user
         * @enum {string}
         */
        OriginEnum: "catalog" | "user";
        Parameter: {
            default: unknown;
            description: string;
            enum?: unknown[];
            /** Format: double */
            maximum: number | null;
            /** Format: double */
            minimum: number | null;
            /** @description Whether null is a value, too. */
            nullable: boolean;
            required: boolean;
            /** @description JSON type; several are joined by ` | `. */
            type: string;
        };
        ParamStabilitySchema: {
            above: components["schemas"]["StepSchema"] | null;
            /** @description Whether it is the least or greatest tried. */
            at_edge: boolean;
            below: components["schemas"]["StepSchema"] | null;
            best: unknown;
        };
        PositionList: {
            positions: components["schemas"]["HeldPositionSchema"][];
        };
        PositionSchema: {
            /** Format: double */
            entry_price: number;
            /** Format: double */
            last_price: number;
            side: components["schemas"]["PositionSideEnum"];
            /** Format: double */
            size: number;
            symbol: string;
            /** Format: double */
            unrealized_pnl: number;
        };
        /**
         * @description * `long` - long
         * @enum {string}
         */
        PositionSideEnum: "long";
        ProgressSchema: {
            /**
             * Format: double
             * @description 0 to 1.
             */
            fraction: number;
            /** @description What is being done. */
            stage: string;
        };
        /**
         * @description * `max_drawdown` - max_drawdown
         *     * `daily_loss` - daily_loss
         *     * `flatten` - flatten
         * @enum {string}
         */
        ReasonEnum: "max_drawdown" | "daily_loss" | "flatten";
        ReleaseRequest: {
            /**
             * @description true, or nothing is released.
             * @default false
             */
            confirm?: boolean;
        };
        /** @description Bars of the past, played as if they were closing now. */
        ReplayRequest: {
            /**
             * Format: date-time
             * @description Bars open before this (ISO 8601 with zone); default: the last closed bar.
             */
            end_date?: string | null;
            /**
             * Format: double
             * @description How many times faster than real time; 0: as fast as possible.
             * @default 0
             */
            speed?: number;
            /**
             * Format: date-time
             * @description First bar's open (ISO 8601 with zone); default: 1,000 bars before the end.
             */
            start_date?: string | null;
        };
        ResolveRequest: {
            /**
             * @description What is done about it; UNKNOWN_ACTION names those that fit.
             *
             *     * `adopt` - adopt
             *     * `close` - close
             *     * `ignore` - ignore
             */
            action: components["schemas"]["ActionEnum"];
        };
        ResultsResponse: {
            /** @description What was run, every default resolved. */
            config: {
                [key: string]: unknown;
            };
            /** @description Of a paper run that is over: how far it was from a backtest, as /runs/{id}/drift had it shortly after the end. */
            drift: {
                [key: string]: unknown;
            } | null;
            /** Format: date-time */
            end_time: string | null;
            /** @description What ended the trading before the bars did, if anything. */
            ending: components["schemas"]["EndingSchema"] | null;
            /** @description At most 1,000 points with the extremes kept; /runs/{id}/equity has all. */
            equity_curve: components["schemas"]["EquityPointSchema"][];
            error: string | null;
            /** Format: double */
            final_value: number | null;
            /** @description Bars the venue lacks. */
            gaps: {
                [key: string]: unknown;
            }[];
            /** @description The first 10,000 at most; /runs/{id}/orders has all, in pages. */
            orders: components["schemas"]["OrderSchema"][];
            /** @description Filled orders in all. */
            orders_total: number;
            /** @description Decided at the last bar, never filled. */
            pending_orders: components["schemas"]["OrderSchema"][];
            performance_metrics: {
                [key: string]: number | null;
            };
            positions: components["schemas"]["PositionSchema"][];
            run_id: string;
            /** @description What made this result: verify runs it again. */
            seal: {
                [key: string]: unknown;
            };
            /** Format: date-time */
            start_time: string | null;
            status: components["schemas"]["RunnerStatusEnum"];
            /** @description The first 10,000 at most; /runs/{id}/trades has all, in pages. */
            trades: components["schemas"]["TradeSchema"][];
            /** @description Trades in all. */
            trades_total: number;
            /** @description `CODE: message`; ROWS_CUT where trades or orders are not all of them. */
            warnings: string[];
        };
        /** @description A run's own page: what was asked, what was run, what came of it. */
        RunDetail: {
            attempts: number;
            config: {
                [key: string]: unknown;
            };
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            end_time: string | null;
            readonly error: string | null;
            error_details: {
                [key: string]: unknown;
            };
            exchange: string;
            /** Format: double */
            readonly final_value: number | null;
            /** Format: double */
            initial_cash: number;
            /** Format: double */
            max_drawdown: number | null;
            mode: components["schemas"]["RunModeEnum"];
            outcome: {
                [key: string]: unknown;
            };
            readonly performance_metrics: {
                [key: string]: number | null;
            };
            /** Format: double */
            progress: number;
            result_hash: string;
            run_id: string;
            seal: {
                [key: string]: unknown;
            };
            /** Format: double */
            sharpe_ratio: number | null;
            /** Format: date-time */
            start_time: string | null;
            status: components["schemas"]["RunStatusEnum"];
            strategy_name: string;
            symbols: string[];
            timeframe: string;
            /** Format: double */
            total_return: number | null;
            trade_count: number;
        };
        /**
         * @description * `backtest` - Backtest
         *     * `paper` - Paper
         *     * `live` - Live
         * @enum {string}
         */
        RunModeEnum: "backtest" | "paper" | "live";
        /**
         * @description * `idle` - idle
         *     * `starting` - starting
         *     * `running` - running
         *     * `stopping` - stopping
         *     * `stopped` - stopped
         *     * `completed` - completed
         *     * `failed` - failed
         * @enum {string}
         */
        RunnerStatusEnum: "idle" | "starting" | "running" | "stopping" | "stopped" | "completed" | "failed";
        RunPage: {
            /** @description null on the last page. */
            next_cursor: string | null;
            runs: components["schemas"]["RunSummary"][];
        };
        RunResponse: {
            message: string;
            run_id: string | null;
            status: components["schemas"]["RunnerStatusEnum"];
        };
        /**
         * @description * `starting` - Starting
         *     * `running` - Running
         *     * `stopping` - Stopping
         *     * `stopped` - Stopped
         *     * `completed` - Completed
         *     * `failed` - Failed
         * @enum {string}
         */
        RunStatusEnum: "starting" | "running" | "stopping" | "stopped" | "completed" | "failed";
        /** @description A run in a list. */
        RunSummary: {
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            end_time: string | null;
            readonly error: string | null;
            exchange: string;
            /** Format: double */
            readonly final_value: number | null;
            /** Format: double */
            initial_cash: number;
            /** Format: double */
            max_drawdown: number | null;
            mode: components["schemas"]["RunModeEnum"];
            /** Format: double */
            progress: number;
            run_id: string;
            /** Format: double */
            sharpe_ratio: number | null;
            /** Format: date-time */
            start_time: string | null;
            status: components["schemas"]["RunStatusEnum"];
            strategy_name: string;
            symbols: string[];
            timeframe: string;
            /** Format: double */
            total_return: number | null;
            trade_count: number;
        };
        /**
         * @description * `grid` - grid
         *     * `random` - random
         *     * `tpe` - tpe
         * @enum {string}
         */
        SamplerEnum: "grid" | "random" | "tpe";
        ScopedRatesSchema: {
            backtest: number | null;
            live: number | null;
            paper: number | null;
        };
        /**
         * @description * `read` - read
         *     * `backtest` - backtest
         *     * `paper` - paper
         *     * `live` - live
         * @enum {string}
         */
        ScopesEnum: "read" | "backtest" | "paper" | "live";
        SkippedSchema: {
            error: string;
            segment: number;
        };
        StabilitySchema: {
            neighbours: number;
            params: {
                [key: string]: components["schemas"]["ParamStabilitySchema"];
            };
            /**
             * Format: double
             * @description Of the best's objective, their mean.
             */
            share: number | null;
            /**
             * Format: double
             * @description The same of the worst.
             */
            worst: number | null;
        };
        StatusResponse: {
            /** Format: double */
            cash: number | null;
            /**
             * Format: date-time
             * @description When the run was over.
             */
            end_time: string | null;
            /** @description `CODE: message` of a failed run. */
            error: string | null;
            mode: (components["schemas"]["RunModeEnum"] | components["schemas"]["NullEnum"]) | null;
            /**
             * Format: double
             * @description value - initial cash.
             */
            pnl: number | null;
            run_id: string | null;
            /** Format: double */
            runtime_seconds: number | null;
            /**
             * Format: date-time
             * @description When the run began.
             */
            start_time: string | null;
            status: components["schemas"]["RunnerStatusEnum"];
            /** @description Trades, open ones included. */
            trade_count: number;
            /**
             * Format: double
             * @description Cash and positions.
             */
            value: number | null;
        };
        StepSchema: {
            /** Format: double */
            objective: number;
            /**
             * Format: double
             * @description Of the best's; 1: as good.
             */
            share: number | null;
            value: unknown;
        };
        /**
         * @description * `block` - block
         *     * `cancel` - cancel
         *     * `flatten` - flatten
         * @enum {string}
         */
        StepsEnum: "block" | "cancel" | "flatten";
        StopRequest: {
            /**
             * @description Sell open positions first, at the next open; of no effect on a backtest.
             * @default false
             */
            flatten?: boolean;
            /** @description Default: the newest run. */
            run_id?: string | null;
        };
        /** @description Nothing: the path says which. */
        StopSweepRequest: Record<string, never>;
        Strategies: {
            strategies: components["schemas"]["Strategy"][];
        };
        Strategy: {
            /** @description Whether a new run may ask for it. */
            available: boolean;
            /** @description What parameters left out are taken to be. */
            defaults: {
                [key: string]: unknown;
            };
            description: string;
            /** @description Why its file, as it stands now, does not load. */
            error: string | null;
            kind: components["schemas"]["KindEnum"];
            /** @description What `strategy_name` of a run takes. */
            name: string;
            origin: components["schemas"]["OriginEnum"];
            parameters: {
                [key: string]: components["schemas"]["Parameter"];
            };
            /** @description JSON Schema of `strategy_params`. */
            params_schema: {
                [key: string]: unknown;
            };
            /** @description SHA-256 of the source runs use. */
            version: string | null;
        };
        StrategyDetail: {
            /** @description Whether a new run may ask for it. */
            available: boolean;
            /** @description What parameters left out are taken to be. */
            defaults: {
                [key: string]: unknown;
            };
            description: string;
            /** @description Why its file, as it stands now, does not load. */
            error: string | null;
            file: string;
            kind: components["schemas"]["KindEnum"];
            /** @description What `strategy_name` of a run takes. */
            name: string;
            origin: components["schemas"]["OriginEnum"];
            parameters: {
                [key: string]: components["schemas"]["Parameter"];
            };
            /** @description JSON Schema of `strategy_params`. */
            params_schema: {
                [key: string]: unknown;
            };
            source: string;
            /** @description SHA-256 of the source runs use. */
            version: string | null;
            versions: components["schemas"]["StrategyVersion"][];
        };
        StrategyVersion: {
            /** Format: date-time */
            created_at: string;
            version: string;
        };
        /** @description A sweep in a list. */
        SweepDetail: {
            /** @description So far, while it goes on. */
            best: components["schemas"]["BestTrialSchema"] | null;
            /** @description Cash, costs and limits that all trials share. */
            config: {
                [key: string]: unknown;
            };
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            end_date: string;
            /**
             * Format: date-time
             * @description When it was over.
             */
            end_time: string | null;
            /** @description `CODE: message` of a failed sweep. */
            error: string | null;
            error_details: {
                [key: string]: unknown;
            };
            /**
             * Format: double
             * @description null once it is over.
             */
            eta_seconds: number | null;
            exchange: string;
            /** @description null until it is over. */
            honesty: components["schemas"]["HonestySchema"] | null;
            maximize: boolean;
            /** @description The metric that says what is best. */
            objective: string;
            /**
             * Format: double
             * @description 0 to 1.
             */
            progress: number;
            sampler: components["schemas"]["SamplerEnum"];
            seed: number;
            /** @description What is varied, every default resolved. */
            space: {
                [key: string]: unknown;
            };
            /** @description What is being done. */
            stage: string;
            /**
             * Format: date-time
             * @description Of the first variation.
             */
            start_date: string;
            /**
             * Format: date-time
             * @description When its work began.
             */
            start_time: string | null;
            status: components["schemas"]["RunStatusEnum"];
            strategy_name: string;
            /** @description What all trials share. */
            strategy_params: {
                [key: string]: unknown;
            };
            sweep_id: string;
            symbols: string[];
            timeframes: string[];
            trials_done: number;
            /** @description Of these, trials without a result. */
            trials_failed: number;
            /**
             * Format: double
             * @description Since its work began; null before.
             */
            trials_per_second: number | null;
            /** @description Trials there are to be. */
            trials_total: number;
            variations: components["schemas"]["VariationSchema"][];
            /** @description null until it is over, or none. */
            walk_forward: components["schemas"]["WalkForwardSchema"] | null;
        };
        SweepEquity: {
            equity: components["schemas"]["SweepPointSchema"][];
            /** @description Bars in all. */
            total: number;
        };
        SweepPage: {
            /** @description null on the last page. */
            next_cursor: string | null;
            sweeps: components["schemas"]["SweepSummary"][];
        };
        SweepPointSchema: {
            /**
             * Format: double
             * @description Fraction below the highest equity so far, ≥ 0.
             */
            drawdown: number;
            /** @description UTC ms: open of the bar. */
            timestamp: number;
            /**
             * Format: double
             * @description Equity at the bar's close.
             */
            value: number;
        };
        SweepRequest: {
            /**
             * @description Whether each symbol trades its own part of the cash or all share one pool.
             *
             *     * `sleeves` - sleeves
             *     * `shared` - shared
             * @default sleeves
             */
            cash?: components["schemas"]["CashEnum"];
            /**
             * Format: double
             * @description Fraction lost in one UTC day at which everything is sold and the run ends.
             */
            daily_loss?: number | null;
            /**
             * @description Each symbol by itself, with all of the cash, in place of one portfolio.
             * @default false
             */
            each_symbol?: boolean;
            /**
             * Format: date-time
             * @description Bars open before this (ISO 8601 with zone); default: the last closed bar.
             */
            end_date?: string | null;
            /** @description A venue from GET /exchanges; `simulated` needs no network. */
            exchange: string;
            /**
             * Format: double
             * @description Fee as a fraction of the notional; default: the venue's taker fee.
             */
            fee?: number | null;
            /**
             * Format: double
             * @description Cash at the start, in the quote currency.
             * @default 10000
             */
            initial_cash?: number;
            /**
             * Format: double
             * @description Fraction below the highest equity at which everything is sold and the run ends.
             */
            max_drawdown?: number | null;
            /** @description Whether more of it is better; default: as the metric is meant. */
            maximize?: boolean | null;
            /**
             * @description The metric that says what is best.
             *
             *     * `final_value` - final_value
             *     * `total_return` - total_return
             *     * `annual_return` - annual_return
             *     * `benchmark_return` - benchmark_return
             *     * `volatility` - volatility
             *     * `sharpe_ratio` - sharpe_ratio
             *     * `sortino_ratio` - sortino_ratio
             *     * `calmar_ratio` - calmar_ratio
             *     * `omega_ratio` - omega_ratio
             *     * `recovery_factor` - recovery_factor
             *     * `max_drawdown` - max_drawdown
             *     * `max_drawdown_duration` - max_drawdown_duration
             *     * `ulcer_index` - ulcer_index
             *     * `value_at_risk` - value_at_risk
             *     * `tail_ratio` - tail_ratio
             *     * `skew` - skew
             *     * `kurtosis` - kurtosis
             *     * `exposure` - exposure
             *     * `total_trades` - total_trades
             *     * `closed_trades` - closed_trades
             *     * `open_trades` - open_trades
             *     * `winning_trades` - winning_trades
             *     * `losing_trades` - losing_trades
             *     * `win_rate` - win_rate
             *     * `profit_factor` - profit_factor
             *     * `payoff_ratio` - payoff_ratio
             *     * `expectancy` - expectancy
             *     * `sqn` - sqn
             *     * `best_trade` - best_trade
             *     * `worst_trade` - worst_trade
             *     * `average_trade` - average_trade
             *     * `average_win` - average_win
             *     * `average_loss` - average_loss
             *     * `average_holding_time` - average_holding_time
             *     * `longest_winning_streak` - longest_winning_streak
             *     * `longest_losing_streak` - longest_losing_streak
             *     * `total_fees` - total_fees
             * @default sharpe_ratio
             */
            objective?: components["schemas"]["ObjectiveEnum"];
            /**
             * Format: double
             * @description Share of the free cash an entry spends, fee included.
             * @default 1
             */
            position_size?: number;
            /**
             * @description Every combination; drawn at random; or chosen by what is learnt on the way.
             *
             *     * `grid` - grid
             *     * `random` - random
             *     * `tpe` - tpe
             * @default grid
             */
            sampler?: components["schemas"]["SamplerEnum"];
            /**
             * Format: int64
             * @description The same seed draws the same.
             * @default 0
             */
            seed?: number;
            /**
             * Format: double
             * @description Fraction by which each fill is worse.
             * @default 0
             */
            slippage?: number;
            /** @description Parameter → values `[5, 10]`, range `{"min": 20, "max": 200, "step": 5}` or distribution `{"min": 0.0001, "max": 0.1, "log": true}`. `run.stop_loss`, `run.take_profit`, `run.trailing_stop` and `run.position_size` may be varied, too. */
            space: {
                [key: string]: unknown[] | {
                    [key: string]: unknown;
                };
            };
            /**
             * Format: date-time
             * @description First bar's open (ISO 8601 with zone); default: 1,000 bars before the end.
             */
            start_date?: string | null;
            /**
             * Format: double
             * @description Fraction below the entry's fill price at which to sell.
             */
            stop_loss?: number | null;
            /** @description A name from GET /strategies. */
            strategy_name: string;
            /** @description Parameters that all trials share; the others take their defaults. */
            strategy_params?: {
                [key: string]: unknown;
            };
            /** @description Spot symbols, e.g. ["BTC/USDT"]. */
            symbols: string[];
            /**
             * Format: double
             * @description Fraction above the entry's fill price at which to sell.
             */
            take_profit?: number | null;
            /** @description Bar length, e.g. "1h". */
            timeframe?: string | null;
            /** @description In place of timeframe: each set of parameters is tried on each of these. */
            timeframes?: string[] | null;
            /**
             * Format: double
             * @description Fraction below the highest high since entry at which to sell.
             */
            trailing_stop?: number | null;
            /** @description Sets of parameters; of a grid: at most. `random` and `tpe` need it. */
            trials?: number | null;
            /** @description null: one choice, on all bars. */
            walk_forward?: components["schemas"]["WalkForwardRequest"] | null;
        };
        SweepStarted: {
            message: string;
            status: components["schemas"]["RunStatusEnum"];
            sweep_id: string;
            /** @description How many there are to be, over all variations. */
            trials: number;
        };
        /** @description A sweep in a list. */
        SweepSummary: {
            /** @description null until it is over. */
            best: components["schemas"]["BestTrialSchema"] | null;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was over.
             */
            end_time: string | null;
            /** @description `CODE: message` of a failed sweep. */
            error: string | null;
            exchange: string;
            maximize: boolean;
            /** @description The metric that says what is best. */
            objective: string;
            /**
             * Format: double
             * @description 0 to 1.
             */
            progress: number;
            sampler: components["schemas"]["SamplerEnum"];
            /**
             * Format: date-time
             * @description When its work began.
             */
            start_time: string | null;
            status: components["schemas"]["RunStatusEnum"];
            strategy_name: string;
            sweep_id: string;
            symbols: string[];
            timeframes: string[];
            trials_done: number;
            /** @description Of these, trials without a result. */
            trials_failed: number;
            /** @description Trials there are to be. */
            trials_total: number;
        };
        SweepWarningSchema: {
            code: string;
            message: string;
        };
        TradeSchema: {
            /**
             * Format: double
             * @description Base currency bought.
             */
            amount: number;
            /** @description Bars held. */
            bars: number;
            /**
             * Format: double
             * @description Slippage included.
             */
            entry_price: number;
            /**
             * Format: date-time
             * @description Open of the bar it was entered in.
             */
            entry_time: string;
            /**
             * Format: double
             * @description Slippage included; null while open.
             */
            exit_price: number | null;
            /** @description exit, stop_loss, take_profit, trailing_stop, rebalance, loss_limit, flatten or manual. */
            exit_reason: string | null;
            /** Format: date-time */
            exit_time: string | null;
            /** Format: double */
            fees: number;
            /**
             * Format: double
             * @description After fees; an open trade is marked at the last close.
             */
            pnl: number;
            /**
             * Format: double
             * @description pnl as a fraction of the cost.
             */
            return: number;
            side: components["schemas"]["PositionSideEnum"];
            status: components["schemas"]["TradeStatusEnum"];
            symbol: string;
            /** @description Number of the trade within its run. */
            trade_id: number;
        };
        TradesPage: {
            next_cursor: string | null;
            /** @description Rows in all. */
            total: number;
            trades: components["schemas"]["TradeSchema"][];
        };
        /**
         * @description * `open` - open
         *     * `closed` - closed
         * @enum {string}
         */
        TradeStatusEnum: "open" | "closed";
        TrialPage: {
            /** @description null on the last page. */
            next_cursor: string | null;
            trials: components["schemas"]["TrialSchema"][];
        };
        TrialRunRequest: {
            /**
             * @description The trial's own backtest, or a paper run from now on with its parameters.
             *
             *     * `backtest` - backtest
             *     * `paper` - paper
             * @default backtest
             */
            mode?: components["schemas"]["TrialRunRequestModeEnum"];
        };
        /**
         * @description * `backtest` - backtest
         *     * `paper` - paper
         * @enum {string}
         */
        TrialRunRequestModeEnum: "backtest" | "paper";
        TrialSchema: {
            /** @description `CODE: message` of a failed trial. */
            error: string | null;
            /** Format: double */
            max_drawdown: number | null;
            metrics: {
                [key: string]: number | null;
            };
            /** @description Its place: by segment, point of space, variation. */
            number: number;
            /** Format: double */
            objective: number | null;
            /** @description What was varied. */
            params: {
                [key: string]: unknown;
            };
            /** @description The walk-forward window; 0 without. */
            segment: number;
            /** Format: double */
            sharpe_ratio: number | null;
            /** Format: double */
            total_return: number | null;
            trade_count: number;
            /** @description Index in the sweep's `variations`. */
            variation: number;
        };
        VariationSchema: {
            symbols: string[];
            timeframe: string;
        };
        /**
         * @description * `too_few` - too_few
         *     * `likely_luck` - likely_luck
         *     * `doubtful` - doubtful
         *     * `holds_up` - holds_up
         * @enum {string}
         */
        VerdictEnum: "too_few" | "likely_luck" | "doubtful" | "holds_up";
        /** @description Windows one after the other: the best of each on its own bars trades those that follow. */
        WalkForwardRequest: {
            /**
             * @description Whether each window's choice sees all bars from the start on.
             * @default false
             */
            anchored?: boolean;
            /** @description Bars that the parameters are chosen on. */
            in_sample: number;
            /** @description Bars after them that the choice trades. */
            out_of_sample: number;
        };
        WalkForwardSchema: {
            /**
             * Format: double
             * @description Annual return out of sample over that in sample.
             */
            efficiency: number | null;
            /** @description Of the stitched curve. */
            metrics: {
                [key: string]: number | null;
            };
            /** @description Out of sample. */
            profitable_windows: number;
            /** @description Those without a choice that was tried. */
            skipped: components["schemas"]["SkippedSchema"][];
            /** @description Those that chose something, in time. */
            windows: components["schemas"]["WindowSchema"][];
        };
        WindowSchema: {
            /** @description UTC ms: after the last of them. */
            end: number;
            /** @description Of that trial. */
            in_sample: {
                [key: string]: number | null;
            };
            /** @description The trial it chose. */
            number: number;
            /** @description Of the bars that follow, with its parameters. */
            out_of_sample: {
                [key: string]: number | null;
            };
            params: {
                [key: string]: unknown;
            };
            segment: number;
            /** @description UTC ms: the first bar that follows. */
            split: number;
            /** @description UTC ms: the first bar that chooses. */
            start: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description Seconds after which to come back. */
        "Retry-After": number;
        /** @description Requests in any 60 seconds, of the tightest limit there is. */
        "X-RateLimit-Limit": number;
        /** @description How many of them are left. */
        "X-RateLimit-Remaining": number;
        /** @description When the next one is forgotten, in seconds since 1970. */
        "X-RateLimit-Reset": number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    accounts: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountList"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    account: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account's id. */
                account_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountSchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    account_kill: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account's id. */
                account_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["KillRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KillAnswer"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    account_release: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The account's id. */
                account_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReleaseRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccountSchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, LIVE_TRADING_DISABLED, PERMISSION_DENIED, CSRF_FAILED. Scope: `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    balance: {
        parameters: {
            query?: {
                /** @description Which account. */
                account_id?: string;
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BalanceResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, VENUE_UNREACHABLE, CREDENTIALS_REFUSED, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, CREDENTIALS_UNREADABLE, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND, RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, VENUE_RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    discrepancies: {
        parameters: {
            query?: {
                /** @description Which account. */
                account_id?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page. */
                limit?: number;
                /** @description false: also those that are resolved. */
                open?: "true" | "false";
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DiscrepancyPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND, RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    resolve_discrepancy: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The discrepancy's id. */
                discrepancy_id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResolveRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DiscrepancySchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, UNKNOWN_ACTION, DISCREPANCY_RESOLVED, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: DISCREPANCY_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    exchanges: {
        parameters: {
            query?: {
                /** @description List every venue. */
                all?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Exchanges"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_TYPE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HealthResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    meta: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MetaResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `backtest` or `paper` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    orders: {
        parameters: {
            query?: {
                /** @description Which account. */
                account_id?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page. */
                limit?: number;
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
                /** @description Only orders in this state. */
                status?: "canceled" | "expired" | "filled" | "new" | "open" | "partially_filled" | "rejected" | "submitted" | "unknown";
                /** @description Only orders of this symbol. */
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeskOrderPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR, INVALID_SYMBOL, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND, RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    place_order: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ManualOrderRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeskOrderSchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_SYMBOL, RUN_NOT_LIVE, RUN_NOT_ACTIVE, ACCOUNT_KILLED, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, LIVE_TRADING_DISABLED, PERMISSION_DENIED, CSRF_FAILED. Scope: `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ACCOUNT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    order: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order's `client_order_id`. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrderDetail"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ORDER_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    cancel_order: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The order's `client_order_id`. */
                order_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeskOrderSchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, ORDER_NOT_OPEN, PROTECTIVE_ORDER. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ORDER_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    positions: {
        parameters: {
            query?: {
                /** @description Which account. */
                account_id?: string;
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PositionList"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ACCOUNT_NOT_FOUND, RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    results: {
        parameters: {
            query?: {
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResultsResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_backtest: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["BacktestRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, INVALID_CASH, INVALID_RANGE, NAIVE_DATETIME, INVALID_SYMBOL, INVALID_SYMBOLS, TOO_MANY_SYMBOLS, TOO_MANY_BARS, INVALID_STOPS, INVALID_LIMITS, UNKNOWN_PARAM, INVALID_PARAMS, STRATEGY_BROKEN, STRATEGY_FAILED, UNKNOWN_STRATEGY, UNKNOWN_EXCHANGE, UNKNOWN_TIMEFRAME, EXCHANGE_DISABLED, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, TOO_MANY_ACTIVE. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_live: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LiveTradingRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, EXCHANGE_CONFIG_KEY_NOT_ALLOWED, SANDBOX_UNSUPPORTED, CREDENTIALS_MISSING, UNKNOWN_CREDENTIAL, CREDENTIAL_MISMATCH, RUN_ALREADY_ACTIVE, LIVE_UNSUPPORTED, ACCOUNT_KILLED, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, INVALID_CASH, INVALID_RANGE, NAIVE_DATETIME, INVALID_SYMBOL, INVALID_SYMBOLS, TOO_MANY_SYMBOLS, TOO_MANY_BARS, INVALID_STOPS, INVALID_LIMITS, UNKNOWN_PARAM, INVALID_PARAMS, STRATEGY_BROKEN, STRATEGY_FAILED, UNKNOWN_STRATEGY, UNKNOWN_EXCHANGE, UNKNOWN_TIMEFRAME, EXCHANGE_DISABLED, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, LIVE_TRADING_DISABLED, CREDENTIALS_KEY_MISSING, CREDENTIALS_UNREADABLE, PERMISSION_DENIED, CSRF_FAILED. Scope: `paper` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, TOO_MANY_ACTIVE. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_reset: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, RUN_ACTIVE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest` or `paper` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_stop: {
        parameters: {
            query?: {
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["StopRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest` or `paper` or `live`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_sweep: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SweepRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweepStarted"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_SPACE, INVALID_WALK_FORWARD, TOO_MANY_TRIALS, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, INVALID_CASH, INVALID_RANGE, NAIVE_DATETIME, INVALID_SYMBOL, INVALID_SYMBOLS, TOO_MANY_SYMBOLS, TOO_MANY_BARS, INVALID_STOPS, INVALID_LIMITS, UNKNOWN_PARAM, INVALID_PARAMS, STRATEGY_BROKEN, STRATEGY_FAILED, UNKNOWN_STRATEGY, UNKNOWN_EXCHANGE, UNKNOWN_TIMEFRAME, EXCHANGE_DISABLED, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, TOO_MANY_ACTIVE. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    runs: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Only runs on this venue. */
                exchange?: string;
                /** @description Rows a page. */
                limit?: number;
                /** @description Only runs of this mode. */
                mode?: "backtest" | "live" | "paper";
                /** @description Orders by a figure leave out runs that have none. */
                order?: "best_return" | "best_sharpe" | "newest" | "oldest" | "smallest_drawdown" | "worst_return";
                /** @description Only runs in this state. */
                status?: "completed" | "failed" | "running" | "starting" | "stopped" | "stopping";
                /** @description Only runs of this strategy. */
                strategy_name?: string;
                /** @description Only runs that trade this symbol. */
                symbol?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR, INVALID_TEXT, INVALID_SYMBOL. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunDetail"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_artifacts: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactList"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_artifact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: "bars" | "equity" | "orders" | "trades" | "warmup";
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/vnd.apache.parquet": string;
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_drift: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DriftResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, NO_DRIFT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, CHECK_BUSY. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_equity: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EquityPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_events: {
        parameters: {
            query?: {
                /** @description Rows a page. */
                limit?: number;
                /** @description Events after this `seq`. */
                since?: number;
            };
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_orders: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OrdersPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_trades: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The run's id. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TradesPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    status: {
        parameters: {
            query?: {
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatusResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    status_detailed: {
        parameters: {
            query?: {
                /** @description Which run; default: the caller's newest. */
                run_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DetailedStatusResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_TEXT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: RUN_NOT_FOUND, ARTIFACT_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    strategies: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Strategies"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    strategy: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A name from GET /strategies. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StrategyDetail"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: STRATEGY_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    check_strategy: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description A name from GET /strategies. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["CheckRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CheckReport"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, UNKNOWN_PARAM, INVALID_PARAMS, STRATEGY_BROKEN, STRATEGY_FAILED, UNKNOWN_STRATEGY, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `read` or `backtest`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: STRATEGY_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, CHECK_BUSY. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    sweeps: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Rows a page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweepPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    sweep: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweepDetail"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    delete_sweep: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweepStarted"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, SWEEP_ACTIVE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    sweep_equity: {
        parameters: {
            query?: {
                /** @description At most so many, the extremes among them. */
                points?: number;
            };
            header?: never;
            path: {
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweepEquity"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: ARTIFACT_NOT_FOUND, SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    sweep_heatmap: {
        parameters: {
            query: {
                /** @description JSON object of other parameters' values, `{"slow_period": 50}`: only those trials. Of a cell's trials the best is shown. */
                fixed?: string;
                /** @description Of the cells; default: the objective. */
                metric?: "annual_return" | "average_holding_time" | "average_loss" | "average_trade" | "average_win" | "benchmark_return" | "best_trade" | "calmar_ratio" | "closed_trades" | "expectancy" | "exposure" | "final_value" | "kurtosis" | "longest_losing_streak" | "longest_winning_streak" | "losing_trades" | "max_drawdown" | "max_drawdown_duration" | "omega_ratio" | "open_trades" | "payoff_ratio" | "profit_factor" | "recovery_factor" | "sharpe_ratio" | "skew" | "sortino_ratio" | "sqn" | "tail_ratio" | "total_fees" | "total_return" | "total_trades" | "ulcer_index" | "value_at_risk" | "volatility" | "win_rate" | "winning_trades" | "worst_trade";
                /** @description The walk-forward window; default: that of the sweep's best. */
                segment?: number;
                /** @description Index in the sweep's `variations`. */
                variation?: number;
                /** @description A parameter that is varied: the columns. */
                x: string;
                /** @description Another one: the rows; without it there is one row. */
                y?: string;
            };
            header?: never;
            path: {
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HeatmapSchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, MISSING_FIELD. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    stop_sweep: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["StopSweepRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SweepStarted"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    sweep_trials: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description true: only trials without a result; false: only those with one. */
                failed?: "true" | "false";
                /** @description Rows a page. */
                limit?: number;
                /** @description The walk-forward window. */
                segment?: number;
                /** @description `number`, `objective`, `total_return`, `sharpe_ratio`, `max_drawdown`, `trade_count`, or `param:` and the name of a parameter that is varied, `param:fast_period`. With `-` before it: the greatest first. Orders by a figure or a parameter leave out trials without a number. */
                sort?: string;
                /** @description Index in the sweep's `variations`. */
                variation?: number;
            };
            header?: never;
            path: {
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialPage"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CURSOR. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    sweep_trial: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The trial's number, from 0. */
                number: number;
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrialSchema"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED. Scope: `read`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: TRIAL_NOT_FOUND, SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
    run_trial: {
        parameters: {
            query?: never;
            header?: {
                /** @description Your own name for this request: sent again with the same body, it gets the same reply for 24 hours, and nothing is done twice. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The trial's number, from 0. */
                number: number;
                /** @description The sweep's id. */
                sweep_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["TrialRunRequest"];
            };
        };
        responses: {
            200: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunResponse"];
                };
            };
            /** @description The request is wrong; details say what would be right. Codes: INVALID_REQUEST, UNKNOWN_FIELD, INVALID_VALUE, INVALID_CASH, INVALID_RANGE, NAIVE_DATETIME, INVALID_SYMBOL, INVALID_SYMBOLS, TOO_MANY_SYMBOLS, TOO_MANY_BARS, INVALID_STOPS, INVALID_LIMITS, UNKNOWN_PARAM, INVALID_PARAMS, STRATEGY_BROKEN, STRATEGY_FAILED, UNKNOWN_STRATEGY, UNKNOWN_EXCHANGE, UNKNOWN_TIMEFRAME, EXCHANGE_DISABLED, INVALID_JSON, INVALID_TEXT, INVALID_NUMBER, JSON_TOO_DEEP, DUPLICATE_KEY, LENGTH_REQUIRED, MISSING_FIELD, INVALID_TYPE, IDEMPOTENCY_MISMATCH, IDEMPOTENCY_IN_FLIGHT. */
            400: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A key is needed. Codes: NOT_AUTHENTICATED. */
            401: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Not allowed. Codes: FOREIGN_ORIGIN, PERMISSION_DENIED, CSRF_FAILED. Scope: `backtest` or `paper`. */
            403: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description No such thing. Codes: TRIAL_NOT_FOUND, SWEEP_NOT_FOUND. */
            404: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body is too large. Codes: BODY_TOO_LARGE. */
            413: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description The body must be application/json. Codes: UNSUPPORTED_MEDIA_TYPE. */
            415: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description Too much at once; Retry-After says when to come back. Codes: RATE_LIMITED, TOO_MANY_ACTIVE. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
            /** @description A fault of the server. Codes: INTERNAL_ERROR. */
            500: {
                headers: {
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorResponse"];
                };
            };
        };
    };
}
