"""What somebody could try, what the desk answers, and the tests that show it.

docs/security.md is this table for people.
"""

# ruff: noqa: F811

from __future__ import annotations

import importlib
import logging
import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site.logs import OneLine
from runs.examples import BACKTEST_BODY, PAPER_BODY
from runs.models import Run
from tests.desk import ROOT
from tests.runs.factory import make_run
from tests.runs.test_incidents import INCIDENTS
from tests.site.api import API, desk, error  # noqa: F401 - fixture

SITE = "tests/site/"
ABUSE, BODIES, KEYS = f"{SITE}test_abuse.py::", f"{SITE}test_bodies.py::", f"{SITE}test_keys.py::"
UNSAFE, HARD = f"{SITE}test_unsafe_settings.py::", f"{SITE}test_hardening.py::"
PAGES, SOCKETS = f"{SITE}test_pages.py::", f"{SITE}test_websocket.py::"
TRANSPORT, HERE = f"{SITE}test_transport.py::", f"{SITE}test_threats.py::"

THREATS: dict[str, tuple[str, list[str]]] = {
    "`exchange_config` with an address, a proxy, headers, a method's name": (
        "400 `EXCHANGE_CONFIG_KEY_NOT_ALLOWED`",
        [
            BODIES + "test_exchange_config_holds_what_it_may_and_nothing_else",
            BODIES + "test_options_hold_the_kind_of_market_only",
        ],
    ),
    "a sandbox asked of a venue that has none": (
        "400 `SANDBOX_UNSUPPORTED`; never the real venue",
        [
            BODIES + "test_a_sandbox_is_never_taken_to_be_the_real_venue",
            "tests/exchanges/test_ccxt_account.py::test_a_venue_without_a_sandbox_is_not_entered",
        ],
    ),
    '`"sandbox": "false"`, `0` or `null`': (
        "400 `INVALID_TYPE`",
        [
            BODIES + "test_a_value_of_another_type_is_never_converted_in_live_either",
            HERE + "test_only_true_and_false_say_whether_it_is_a_sandbox",
        ],
    ),
    "live trading without every yes": (
        "403 `LIVE_TRADING_DISABLED`; the attempt is in the audit trail",
        [
            f"{SITE}test_contract.py::test_live_is_off",
            "tests/runs/test_account_api.py::test_real_orders_need_the_server_the_key_and_the_body",
            HARD + "test_refused_attempts_at_live_trading_are_told_once_a_minute",
        ],
    ),
    "a secret looked for in results, logs, pages, the schema, tracebacks, the queue": (
        "it is nowhere: encrypted at rest, written and never read back",
        [
            f"{SITE}test_canary.py::test_no_secret_is_found_anywhere_outside",
            f"{SITE}test_canary.py::test_no_traceback_of_signing_or_submitting_shows_a_secret",
            f"{SITE}test_canary.py::test_a_secret_that_is_there_would_be_found",
            BODIES + "test_a_secret_is_neither_repeated_nor_kept",
            "tests/exchanges/test_credentials.py::"
            "test_what_is_sealed_comes_back_and_is_not_to_be_read",
        ],
    ),
    "NaN, Infinity, `1e400`, numbers of 400 digits, in parameters too": (
        "400 `INVALID_NUMBER`",
        [
            ABUSE + "test_what_is_not_json_as_we_mean_it_has_a_code_of_its_own",
            f"{SITE}test_parser.py::test_hostile_json_is_refused_with_a_code_of_its_own",
        ],
    ),
    "lone surrogates, NUL, JSON 100,000 deep, an object that names a key twice": (
        "400 `INVALID_TEXT`, `JSON_TOO_DEEP`, `DUPLICATE_KEY`",
        [
            ABUSE + "test_what_is_not_json_as_we_mean_it_has_a_code_of_its_own",
            f"{SITE}test_parser.py::test_hostile_json_is_refused_with_a_code_of_its_own",
        ],
    ),
    '`true`, `"1_000"` or Arabic digits for cash': (
        "400 `INVALID_TYPE`",
        [
            BODIES + "test_a_value_of_another_type_is_never_converted",
            HERE + "test_cash_is_a_number_and_nothing_like_one",
        ],
    ),
    "cash of nothing, less, or more than 1e12": (
        "400 `INVALID_CASH`",
        [BODIES + "test_a_number_beyond_its_bounds_is_refused"],
    ),
    "dates that end before they begin, lie ahead, have no zone or no sense": (
        "400 `INVALID_RANGE`, `NAIVE_DATETIME`",
        [
            BODIES + "test_dates_that_name_no_closed_bars_are_refused",
            BODIES + "test_a_replays_dates_that_name_no_closed_bars_are_refused",
        ],
    ),
    "a million symbols, a hundred years of seconds": (
        "400 `TOO_MANY_SYMBOLS`, `TOO_MANY_BARS`, before memory is taken",
        [
            BODIES + "test_a_million_symbols_cost_nothing",
            BODIES + "test_a_hundred_years_of_minutes_are_refused_before_memory_is_taken",
        ],
    ),
    "strategies, parameters, timeframes, venues, fields that do not exist": (
        "400 `UNKNOWN_…` with those there are",
        [
            BODIES + f"test_an_unknown_{what}_is_answered_with_those_there_are"
            for what in ("strategy", "parameter", "timeframe", "exchange", "field")
        ],
    ),
    "a symbol that is a path, runs right to left, or looks like another": (
        "400 `INVALID_SYMBOL`; no name becomes a path",
        [
            BODIES + "test_what_is_no_symbol_of_the_venue_is_refused",
            "tests/exchanges/test_market_store.py::"
            "test_a_symbol_or_timeframe_that_was_not_parsed_never_becomes_a_path",
            ABUSE + "test_odd_names_in_paths_are_not_found",
        ],
    ),
    "forms, XML, other charsets; a body over 1 MiB": (
        "415; 413, and nothing of it held",
        [
            ABUSE + "test_any_other_kind_of_body_is_415",
            ABUSE + "test_a_compressed_body_is_415",
            ABUSE + "test_a_body_over_one_mebibyte_is_413",
            f"{SITE}test_incidents.py::test_a_body_of_three_megabytes_is_refused_and_never_held",
        ],
    ),
    "a start sent twice, at once or later": (
        "with one `Idempotency-Key` one run and one reply; another body 400 `IDEMPOTENCY_MISMATCH`",
        [
            f"{SITE}test_idempotency.py::"
            "test_the_same_request_has_the_same_reply_and_does_nothing_again",
            f"{SITE}test_idempotency.py::test_of_many_at_once_one_starts",
            f"{SITE}test_idempotency.py::"
            "test_another_body_is_a_mismatch_and_names_what_there_is",
            f"{SITE}test_idempotency.py::test_a_request_that_is_still_being_answered_says_so",
        ],
    ),
    "a stop while it starts, a second one, one after the end": (
        "the same answer; one end",
        [
            f"{SITE}test_contract.py::test_stop_is_idempotent_and_reset_leaves_the_history",
            f"{SITE}test_desk.py::"
            "test_a_queued_run_stops_at_once_and_stopping_again_changes_nothing",
            f"{SITE}test_desk.py::test_a_stop_that_races_the_end_gives_one_end",
        ],
    ),
    "another key's run": (
        "404, as for one that never was; not in lists, streams or messages either",
        [
            f"{SITE}test_isolation.py::"
            "test_anothers_thing_is_as_unknown_as_one_that_never_was",
            f"{SITE}test_isolation.py::test_lists_and_the_singular_endpoints_speak_of_ones_own",
            f"{SITE}test_isolation.py::test_ids_cannot_be_guessed",
            KEYS + "test_a_key_follows_its_own_runs_and_no_others",
        ],
    ),
    "no key, a wrong one, one that expired or was revoked": (
        "401, after the same comparison in constant time",
        [
            KEYS + "test_what_is_not_the_key_is_401_and_said_without_repeating_it",
            KEYS + "test_expired_and_revoked_keys_are_no_keys_any_more",
            KEYS + "test_a_key_that_does_not_exist_costs_the_same_comparison",
        ],
    ),
    "a request made by another site's page, with cookies or without": (
        "403; origins an operator lists come with a key, and never with credentials",
        [
            ABUSE + "test_another_sites_page_may_ask_for_nothing",
            ABUSE + "test_a_cookie_makes_no_difference_to_another_sites_page",
            ABUSE + "test_a_host_that_is_not_ours_is_refused",
            f"{SITE}test_sessions.py::test_a_cookie_without_its_pages_token_changes_nothing",
            HARD + "test_a_listed_origin_is_let_in_with_a_key",
            HARD + "test_a_listed_origin_without_a_key_is_as_foreign_as_any",
            "tests/ui/test_failures.py::test_another_sites_page_cannot_have_the_desk_work",
            HARD + "test_an_origin_that_is_not_listed_is_refused_with_or_without_a_key",
            UNSAFE + "test_unsafe_settings_are_refused_with_what_to_set",
        ],
    ),
    "a WebSocket from elsewhere, without a key, with large frames, floods, or never read": (
        "refused, or closed with a code; memory stays as it was",
        [
            SOCKETS + "test_strangers_are_refused_before_they_are_let_in",
            KEYS + "test_a_handshake_without_a_key_is_401_in_the_envelope",
            HARD + "test_a_listed_origin_may_follow_with_a_key_and_no_other_may",
            f"{SITE}test_incidents.py::test_a_frame_of_two_mebibytes_is_refused_and_never_held",
            SOCKETS + "test_a_flood_of_messages_is_cut_off",
            SOCKETS + "test_a_reader_that_does_not_read_is_cut_off_and_costs_nothing",
        ],
    ),
    "a made-up X-Forwarded-For or X-Forwarded-Proto": (
        "believed of trusted proxies alone",
        [
            f"{SITE}test_addresses.py::test_a_client_cannot_hide_behind_what_it_says",
            f"{SITE}test_throttles.py::test_an_address_cannot_be_made_up",
            HARD + "test_a_made_up_forwarded_for_gives_no_more_tries",
            UNSAFE + "test_only_the_proxy_is_believed_to_have_served_https",
        ],
    ),
    "bodies sent and answers read a byte at a time, by many": (
        "they hold no thread and are cut off; the kill switch answers meanwhile",
        [
            TRANSPORT + "test_slow_connections_keep_nobody_waiting",
            TRANSPORT + "test_a_body_is_read_before_a_thread_is_taken_and_not_for_ever",
            TRANSPORT + "test_a_socket_that_takes_nothing_is_gone_after_a_time",
            TRANSPORT + "test_what_is_urgent_is_answered_while_every_thread_is_busy",
        ],
    ),
    "`X_Forwarded_For`, to be taken for the proxy's header": (
        "dropped, as every name with an underscore is",
        [TRANSPORT + "test_a_header_with_an_underscore_is_no_other_header"],
    ),
    "all places for WebSockets, with one key": (
        "429 `TOO_MANY_CONNECTIONS` after a quarter of them",
        [
            TRANSPORT + "test_no_key_takes_all_places",
            TRANSPORT + "test_a_share_is_given_back",
        ],
    ),
    "requests from many processes at once, to slip through a limit": (
        "counted exactly, over all processes",
        [
            f"{SITE}test_rate_stores.py::"
            "test_of_640_requests_of_eight_processes_exactly_100_pass",
            f"{SITE}test_rate_stores.py::"
            "test_a_throttle_that_reads_and_then_writes_lets_more_through",
            f"{SITE}test_throttles.py::test_of_640_requests_to_two_servers_exactly_100_pass",
        ],
    ),
    "a desk set up to listen to everybody, with debug pages or a known secret": (
        "does not start, and says what to set",
        [
            UNSAFE + "test_unsafe_settings_are_refused_with_what_to_set",
            UNSAFE + "test_serve_and_its_parts_refuse_in_one_line",
            UNSAFE + "test_another_server_refuses_what_serve_refuses",
            UNSAFE
            + "test_a_server_that_listens_where_it_may_not_answers_this_machine_only",
        ],
    ),
    "HTML, SQL, line breaks in a name": (
        "text: inert in pages, in queries and in the log",
        [
            "tests/runs/test_admin.py::test_a_failed_run_shows_why_and_a_name_is_inert_everywhere",
            "tests/runs/test_admin_browser.py::test_names_are_inert_in_pages_and_charts",
            "tests/runs/test_report.py::test_a_name_is_inert",
            PAGES + "test_what_runs_are_called_and_fail_of_is_text",
            PAGES + "test_a_script_written_into_a_page_is_dead",
            HERE + "test_a_message_is_one_line_of_the_log",
            HERE + "test_sql_in_a_name_or_query_is_text",
        ],
    ),
    "a row of the task queue that is forged or unsigned": (
        "discarded",
        [f"{SITE}test_desk.py::test_forged_and_stale_messages_harm_nothing"],
    ),
    "passwords tried one after the other": (
        "429 for that name from that address; nobody else is locked out",
        [
            HARD + "test_a_name_is_locked_after_five_failures_for_the_address_they_came_from",
            HARD + "test_an_address_is_locked_after_twenty_failures_whatever_the_names",
            HARD + "test_changing_the_browsers_name_is_no_way_around",
        ],
    ),
    "a package with a known hole": (
        "`make check` fails and names it",
        [
            f"{SITE}test_audit.py::test_a_known_hole_fails_and_is_named",
            f"{SITE}test_audit.py::"
            "test_what_could_not_be_asked_about_is_counted_and_named_in_a_line",
        ],
    ),
}  # fmt: skip

# What went wrong in systems like this one and concerns who sends requests.
SEEN_ELSEWHERE = range(12, 19)


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_has_its_tests(threat):
    _, names = THREATS[threat]
    assert names
    for named in names:
        path, _, test = named.partition("::")
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        assert callable(getattr(module, test, None)), named


def test_what_went_wrong_elsewhere_has_its_tests_too():
    assert all(INCIDENTS[number] for number in SEEN_ELSEWHERE)


def test_the_table_in_the_documentation_is_this_one():
    page = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    assert [row for row in rows if row[0] not in ("what somebody tries", "---")] == [
        (threat, answer) for threat, (answer, _) in THREATS.items()
    ]


# --- shown here ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["false", "true", 0, 1, None, [], {}, ""])
def test_only_true_and_false_say_whether_it_is_a_sandbox(desk, client, settings, value):
    body = PAPER_BODY | {"mode": "live", "exchange": "binance", "confirm_live": True}
    body |= {"initial_cash": 100, "exchange_config": {"sandbox": value}}
    error(client.post(f"{API}/run/live", body, "application/json"), 400, "INVALID_TYPE")


@pytest.mark.parametrize("value", [True, "1_000", "1000", "\u0661\u0662", None, [1], {"x": 1}])
def test_cash_is_a_number_and_nothing_like_one(desk, client, value):
    body = BACKTEST_BODY | {"exchange": "simulated", "initial_cash": value}
    error(client.post(f"{API}/run/backtest", body, "application/json"), 400, "INVALID_TYPE")


def written(message: str, *args: object) -> str:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, message, args, None)
    options = django_settings.LOGGING["formatters"]["line"]
    return OneLine(options["format"], style=options["style"]).format(record)


@given(st.text(max_size=50))
def test_a_message_is_one_line_of_the_log(name):
    line = written("run %s failed", name)
    assert line.splitlines() == [line]
    assert "\x1b" not in line


def test_the_servers_log_is_written_so():
    assert django_settings.LOGGING["formatters"]["line"]["()"] == "cracktrader_site.logs.OneLine"
    forged = "x\r\n2026-01-01 00:00:00,000 INFO root [1] all is well\x1b[2K"
    assert "x\\r\\n2026-01-01" in written("%s", forged)
    assert "\\x1b[2K" in written("%s", forged)
    # Names in other scripts stay readable.
    assert written("%s", "Zürich 東京\t€").endswith("Zürich 東京\t€")


SQL = ["' OR 1=1 --", "x'); DROP TABLE runs_run; --", '" OR ""="', "%' OR '1'='1", "1; SELECT 1"]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_a_name_or_query_is_text(desk, client, admin_client, text):
    mine, other = make_run(strategy_name=text), make_run(strategy_name="Other")
    found = client.get(f"{API}/runs", {"strategy_name": text}).json()["runs"]
    assert [one["run_id"] for one in found] == [str(mine.public_id)]
    page: Any = admin_client.get("/admin/runs/run/", {"q": text})
    assert page.status_code == 200
    assert str(other.public_id)[:8] not in page.content.decode()
    assert Run.objects.count() == 2
