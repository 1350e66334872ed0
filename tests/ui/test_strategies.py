"""The pages of strategies."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site.ui import sources
from cracktrader_site.ui.templatetags.venues import summary
from runs.models import Run
from strategies import checked, services
from strategies.models import Strategy, StrategyVersion
from tests.runs.factory import make_run

EVIL = "<script>alert('x')</script>"
LIST = reverse("ui:strategies")
SCHEMA = {
    "properties": {
        "period": {"type": "integer", "default": 10, "minimum": 2, "maximum": 5000,
                   "description": f"Bars. {EVIL}"},
        "share": {"type": "number", "default": 0.5, "exclusiveMinimum": 0, "maximum": 1},
        "side": {"type": "string", "enum": ["up", "down"]},
        "level": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": None},
    },
    "required": ["side"],
}  # fmt: skip
FIRST = "class Own(Strategy):\n    period = 1\n"
SECOND = f"class Own(Strategy):\n    # {EVIL}\n    period = 2\n"
PEEKER = '''
import numpy as np

from strategies.base import Params, Signals, Strategy


class Peeker(Strategy):
    """Buys before it rises."""

    class Params(Params):
        pass

    def warmup(self, params):
        return 1

    def signals(self, bars, params):
        later = np.append(bars.close[1:], bars.close[-1])
        return Signals(later > bars.close, later < bars.close)
'''


@pytest.fixture(autouse=True)
def home(db: None, settings: Any, tmp_path: Path) -> Path:
    settings.CRACKTRADER_HOME = tmp_path
    settings.STRATEGIES_DIR = tmp_path / "strategies"
    return tmp_path


def version(strategy: Strategy, source: str, digit: str) -> StrategyVersion:
    made = StrategyVersion.objects.create(
        strategy=strategy,
        source=source,
        source_hash=digit * 64,
        params_schema=SCHEMA,
        defaults={"period": 10},
    )
    strategy.current, strategy.available = made, True
    strategy.save()
    return made


@pytest.fixture
def own() -> Strategy:
    strategy = Strategy.objects.create(
        name="Own", origin="user", file="own.py", description=f"Mine. {EVIL}\n\nUses `period`."
    )
    version(strategy, FIRST, "a")
    version(strategy, SECOND, "b")
    return strategy


def page(client: Client, name: str = "Own", **query: str) -> str:
    answer = client.get(reverse("ui:strategy", args=[name]), query)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def words(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


# --- all of them -----------------------------------------------------------------------------


def test_each_has_its_runs_and_the_best_of_them(client, own):
    for total_return in (0.05, 0.125, None, -0.5):
        over = {"status": Run.Status.COMPLETED, "total_return": total_return}
        make_run(strategy_version=own.current, **over)
    shown = words(client.get(LIST).content.decode())
    assert "Own" in shown
    assert "Parameters 4 Runs 4 Best return +12.50 %" in shown
    # One that goes on may still lose it all.
    make_run(strategy_version=own.current, total_return=0.9, status=Run.Status.RUNNING)
    assert "Runs 5 Best return +12.50 %" in words(client.get(LIST).content.decode())


def test_cards_say_one_whole_sentence_each(client, own):
    own.description = "Buys `low`\nand sells high, e.g. in May. And more of it.\n\nA last word."
    own.save()
    shown = words(client.get(LIST).content.decode())
    assert "Buys low and sells high, e.g. in May. Parameters" in shown
    assert summary("No full stop\n\nAnother paragraph.") == "No full stop"
    assert summary("") == ""
    assert len(summary("word " * 500).split()) < 60


def test_a_file_that_does_not_load_shows_why_and_can_not_be_run(client):
    Strategy.objects.create(name="bad.py", origin="user", file="bad.py", error=f"line 3: {EVIL}")
    text = client.get(LIST).content.decode()
    assert "does not load" in text
    assert "line 3: &lt;script&gt;" in text
    assert f"{reverse('ui:new')}?strategy=bad.py" not in text
    assert "line 3: &lt;script&gt;" in page(client, "bad.py")


def test_no_name_description_or_source_becomes_a_tag(client, own):
    for text in (client.get(LIST).content.decode(), page(client), page(client, version="a")):
        assert "alert(" not in text or "&lt;script&gt;" in text
        assert "<script>alert" not in text


def test_many_strategies_and_runs_take_no_more_queries(client, own, django_assert_max_num_queries):
    for n in range(20):
        strategy = Strategy.objects.create(name=f"S{n}", origin="user", file=f"s{n}.py")
        make_run(strategy_version=version(strategy, FIRST, "c"))
        make_run(strategy_version=own.current)
    with django_assert_max_num_queries(3):
        client.get(LIST)
    with django_assert_max_num_queries(8):
        page(client)


# --- one of them -----------------------------------------------------------------------------


def test_parameters_are_told_with_type_default_and_range(client, own):
    shown = words(page(client))
    assert "period integer 10 2 to 5,000" in shown
    assert "share number 0.5 above 0 to 1" in shown
    assert "side string required up, down" in shown
    assert "level number or nothing nothing any" in shown


def test_the_newest_version_is_shown_and_an_earlier_one_on_demand_with_what_changed(client, own):
    make_run(strategy_version=own.versions.get(source_hash="a" * 64))
    text = page(client)
    assert "period" in text
    assert "new runs execute it" in text
    shown = words(text)
    assert "- period = 1" in shown
    assert "+ period = 2" in shown
    earlier = page(client, version="a" * 64)
    assert "an earlier version" in earlier
    assert "What changed" not in earlier, "there is none before it"
    assert re.search(r"a{12} .* 1 A run keeps", words(earlier)), "its one run is counted"


@pytest.mark.parametrize("asked", ["c", "<b>", "\0", "a" * 5000])
def test_a_version_there_is_not_is_not_found(client, own, asked):
    answer = client.get(reverse("ui:strategy", args=["Own"]), {"version": asked})
    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["Nobody", "<script>", "a" * 300, "%00", "..%2F..", "sync"])
def test_an_unknown_strategy_is_a_page_that_says_so(client, own, name):
    answer = client.get(f"/ui/strategies/{name}")
    assert answer.status_code == 404
    assert b"<script>alert" not in answer.content


def test_it_lists_its_newest_runs_only_and_only_its_own(client, own):
    other = make_run()
    runs = [make_run(strategy_version=own.current) for _ in range(22)]
    text = page(client)
    assert text.count(reverse("ui:run", args=[runs[-1].public_id])) == 1
    assert reverse("ui:run", args=[runs[0].public_id]) not in text
    assert str(other.public_id) not in text
    assert "All 22" in text


def test_a_replay_among_its_runs_is_called_so(client, own, django_assert_max_num_queries):
    for number in range(8):
        replay = {"replay": {"speed": 0}} if number % 2 else {}
        make_run(strategy_version=own.current, strategy_name="Own", mode="paper", config=replay)
    with django_assert_max_num_queries(9):
        shown = page(client)
    assert len(re.findall('class="mode replay"', shown)) == 4
    assert len(re.findall('class="mode paper"', shown)) == 4


def test_one_whose_file_is_gone_keeps_its_page_and_starts_nothing(client, own):
    Strategy.objects.update(available=False)
    text = page(client)
    assert "Its file is gone" in text
    assert "?strategy=Own" not in text


# --- the check -------------------------------------------------------------------------------


@pytest.fixture
def peeker(settings: Any) -> Strategy:
    settings.STRATEGIES_DIR.mkdir()
    (settings.STRATEGIES_DIR / "peeker.py").write_text(PEEKER)
    services.sync_strategies()
    return Strategy.objects.get(name="Peeker")


def test_a_check_tells_lookahead_in_words_and_is_remembered_for_its_version(
    client, peeker, monkeypatch
):
    monkeypatch.setattr("strategies.services.CHECK_SECONDS", 1.0)
    assert "not been checked yet" in page(client, "Peeker")
    form = words(client.get(reverse("ui:new"), {"strategy": "Peeker"}).content.decode())
    assert "It was not checked for lookahead yet. Check it first" in form
    url = reverse("ui:strategy_check", args=["Peeker"])
    answer = client.post(url, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "It looks into the future" in answer.content.decode()
    assert "It looks into the future" in page(client, "Peeker")
    told = words(client.get(LIST).content.decode())
    assert "Its last check found: It looks into the future" in told
    assert "Best return not to be believed" in told
    form = words(client.get(reverse("ui:new"), {"strategy": "Peeker"}).content.decode())
    assert "Its last check found: It looks into the future" in form
    version(peeker, PEEKER + "\n", "d")
    assert "not been checked yet" in page(client, "Peeker")


def test_what_a_check_lacks_is_said_on_the_page(client, own, monkeypatch):
    from exchanges.domain import InvalidInput

    def refuse(*_: Any) -> None:
        raise InvalidInput("INVALID_PARAMS", "strategy_params.side: Field required")

    monkeypatch.setattr(services, "check_on_synthetic", refuse)
    url = reverse("ui:strategy_check", args=["Own"])
    answer = client.post(url, headers={"HX-Request": "true"})
    assert "side: Field required" in answer.content.decode()
    followed = client.post(url, follow=True)
    assert "side: Field required" in followed.content.decode()


def test_while_checks_are_under_way_another_one_is_told_to_wait(client, own):
    for _ in range(services.CHECKS_AT_ONCE):
        services._checks.acquire()
    try:
        url = reverse("ui:strategy_check", args=["Own"])
        answer = client.post(url, headers={"HX-Request": "true"})
    finally:
        for _ in range(services.CHECKS_AT_ONCE):
            services._checks.release()
    assert answer.status_code == 429
    assert "CHECK_BUSY" in answer["HX-Trigger"]


def test_a_damaged_memory_of_a_check_is_none(own):
    own.current.checked = {"passed": "tr"}
    assert checked.last(own.current) is None


# --- files -----------------------------------------------------------------------------------


def test_files_are_read_again_from_the_page(client, settings):
    settings.STRATEGIES_DIR.mkdir()
    (settings.STRATEGIES_DIR / "peeker.py").write_text(PEEKER)
    (settings.STRATEGIES_DIR / "half.py").write_text("class Half(:\n")
    text = client.post(reverse("ui:strategies_sync"), follow=True).content.decode()
    assert "Peeker is new." in text
    assert "half.py does not load: line 1" in text
    again = client.post(reverse("ui:strategies_sync"), follow=True).content.decode()
    assert "Peeker is new." not in again


def test_who_may_only_look_reads_no_files_but_may_check(client, settings, own, monkeypatch):
    settings.AUTH = True
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(reader)
    assert "Read files again" not in client.get(LIST).content.decode()
    assert client.post(reverse("ui:strategies_sync")).status_code == 403
    monkeypatch.setattr(services, "check_on_synthetic", _passed)
    answer = client.post(reverse("ui:strategy_check", args=["Own"]), follow=True)
    assert "No lookahead found" in answer.content.decode()


def _passed(version: StrategyVersion, *_: Any) -> Any:
    from strategies.findings import CheckReport

    return CheckReport(version.strategy.name, {}, bars=10)


def test_others_runs_are_counted_for_staff(client, settings, own):
    settings.AUTH = True
    client.force_login(User.objects.create_superuser("ann"))
    make_run(strategy_version=own.current, owner="somebody", status=Run.Status.COMPLETED)
    assert "Parameters 4 Runs 1" in words(client.get(LIST).content.decode())


# --- source texts ----------------------------------------------------------------------------

CODE = st.text(
    alphabet=st.sampled_from(list("ab1 _=(){}[]:#@'\"\\\n\t<>&.,fr")), max_size=80
) | st.text(max_size=40)


@given(CODE)
def test_coloured_lines_are_the_text_and_nothing_but_spans(source):
    lines = sources.lines(source)
    shown = html.unescape(re.sub(r'</span>|<span class="[a-z]">', "", "\n".join(lines)))
    assert shown == source.replace("\r\n", "\n").removesuffix("\n")


def test_words_of_python_have_their_tones():
    (line,) = sources.lines("def f(x): return 'a' if x > 10 else print(x)  # why")
    for tone, word in [("k", "def"), ("f", "f"), ("k", "return"), ("n", "10"), ("b", "print"),
                       ("s", "&#x27;a&#x27;"), ("c", "# why")]:  # fmt: skip
        assert f'<span class="{tone}">{word}</span>' in line


def test_texts_too_long_are_neither_coloured_nor_compared():
    long = "x = 1\n" * 40_000
    assert "<span" not in sources.lines(long)[0]
    assert sources.changes(long, "x = 2\n") is None


def test_changes_name_what_is_new_and_what_is_gone():
    found = sources.changes("a\nb\n", "a\nc\n")
    assert [(line.kind, line.text) for line in found if line.kind != "place"] == [
        ("same", "a"), ("removed", "b"), ("added", "c"),
    ]  # fmt: skip
    assert sources.changes("a\n", "a\n") == []
