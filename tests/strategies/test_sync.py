from __future__ import annotations

import hashlib
import os
import threading
import time
from types import SimpleNamespace

import pytest
from django.db import connection

from exchanges.domain import Busy, InvalidInput
from exchanges.machines import several
from strategies import queries, services, sync
from strategies.models import Strategy, StrategyVersion
from strategies.sync import sync_strategies

from .sources import GOOD, one

pytestmark = pytest.mark.django_db

CATALOG = 8


def shown(name):
    return next(entry for entry in queries.listing() if entry["name"] == name)


def test_the_catalogue_comes_without_any_file_of_ones_own(strategies_dir):
    report = sync_strategies()
    assert len(report.added) == CATALOG
    assert report.errors == []
    assert services.get_version("TestStrategy").defaults == {
        "period": 20,
        "threshold": 0.0,
        "slow": None,
    }


def test_a_missing_folder_is_made(tmp_path, settings):
    settings.STRATEGIES_DIR = tmp_path / "deep" / "strategies"
    sync_strategies()
    assert settings.STRATEGIES_DIR.is_dir()


def test_syncing_again_changes_nothing_and_is_fast(
    strategies_dir, django_assert_max_num_queries, monkeypatch
):
    (strategies_dir / "mine.py").write_text(GOOD)
    sync_strategies()
    before = list(Strategy.objects.values())
    # Machines take turns, which is a lock to take and one to give back.
    turns = 2 if several() else 0
    for how in ("read", "probe"):
        monkeypatch.setattr(sync, how, None)
    with django_assert_max_num_queries(5 + turns):
        report = sync_strategies()
    assert len(report.unchanged) == CATALOG + 1
    assert (report.added, report.updated, report.removed, report.errors) == ([], [], [], [])
    assert list(Strategy.objects.values()) == before


def test_a_dropped_file_is_a_strategy_with_its_source_hash(strategies_dir):
    (strategies_dir / "mine.py").write_text(GOOD)
    (strategies_dir / "_helper.py").write_text("raise ValueError")
    (strategies_dir / "notes.txt").write_text("no")
    report = sync_strategies()
    assert "Mine" in report.added
    entry = shown("Mine")
    assert entry["origin"] == "user"
    assert entry["available"] is True
    assert entry["version"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert Strategy.objects.get(name="Mine").file == "mine.py"


def test_one_file_may_hold_several(strategies_dir):
    (strategies_dir / "two.py").write_text(GOOD + "\nclass Second(Mine):\n    pass\n")
    assert {"Mine", "Second"} <= set(sync_strategies().added)


def test_a_run_executes_what_is_stored_though_the_file_changed(strategies_dir):
    file = strategies_dir / "mine.py"
    file.write_text(one("above = close > 1", warmup="1"))
    sync_strategies()
    old = services.get_version("Mine")
    file.write_text(one("above = close > 2", warmup="2"))
    assert services.load_strategy(old)().warmup(None) == 1
    assert sync_strategies().updated == ["Mine"]
    new = services.get_version("Mine")
    assert new.pk != old.pk
    assert services.load_strategy(new)().warmup(None) == 2
    old.refresh_from_db()
    assert services.load_strategy(old)().warmup(None) == 1
    file.write_text(old.source)
    sync_strategies()
    assert services.get_version("Mine") == old
    assert StrategyVersion.objects.filter(strategy__name="Mine").count() == 2


def test_a_file_that_broke_leaves_its_last_good_version_and_shows_the_error(strategies_dir):
    file = strategies_dir / "mine.py"
    file.write_text(GOOD)
    sync_strategies()
    good = services.get_version("Mine")
    file.write_text("import no_such_module_here\n")
    report = sync_strategies()
    assert report.errors == [
        ("mine.py", "line 1: ModuleNotFoundError: No module named 'no_such_module_here'")
    ]
    assert services.get_version("Mine") == good
    entry = shown("Mine")
    assert entry["available"] is True
    assert "no_such_module_here" in entry["error"]
    file.write_text(GOOD)
    assert sync_strategies().errors == []
    assert shown("Mine")["error"] is None


def test_a_file_that_never_was_good_is_shown_under_its_own_name(strategies_dir):
    file = strategies_dir / "mine.py"
    file.write_text("def f(:\n")
    sync_strategies()
    entry = shown("mine.py")
    assert entry["available"] is False
    assert "SyntaxError" in entry["error"]
    assert "mine.py" not in queries.available_names()
    file.write_text(GOOD)
    sync_strategies()
    assert not Strategy.objects.filter(name="mine.py").exists()
    assert shown("Mine")["available"] is True


def test_a_broken_file_is_tried_again_when_what_it_lacked_is_there(strategies_dir, tmp_path):
    need = tmp_path / "there"
    (strategies_dir / "mine.py").write_text(f"open({str(need)!r})\n" + GOOD)
    assert "FileNotFoundError" in sync_strategies().errors[0][1]
    need.write_text("")
    assert sync_strategies().added == ["Mine"]


def test_broken_files_of_every_kind_harm_nothing_else(strategies_dir):
    (strategies_dir / "a_syntax.py").write_text("class (")
    (strategies_dir / "b_exit.py").write_text("raise SystemExit")
    (strategies_dir / "c_gone.py").write_text("import os\nos._exit(3)")
    (strategies_dir / "d_deep.py").write_text("def f():\n    f()\nf()\n")
    (strategies_dir / "e_bytes.py").write_bytes(b"\xff\xfe\x00 not utf-8")
    (strategies_dir / "f_null.py").write_bytes(b"x = 1\0\n")
    (strategies_dir / "g_folder.py").mkdir()
    (strategies_dir / "h_link.py").symlink_to(strategies_dir / "nowhere")
    (strategies_dir / "i_huge.py").write_text("#" * 1_100_000)
    (strategies_dir / "j_empty.py").write_text("")
    os.mkfifo(strategies_dir / "k_fifo.py")
    (strategies_dir / "l_shadow.py").write_text(GOOD.replace("Mine", "BuyAndHold"))
    (strategies_dir / f"l_{'o' * 200}ng.py").write_text("class (")
    (strategies_dir / "m_good.py").write_text(GOOD)
    report = sync_strategies()
    assert [file for file, _ in report.errors] == sorted(
        path.name for path in strategies_dir.iterdir() if path.name != "m_good.py"
    )
    assert len(report.added) == CATALOG + 1
    assert shown("Mine")["available"] is True
    assert shown("BuyAndHold")["origin"] == "catalog"
    assert "rename" in shown("l_shadow.py")["error"]
    again = sync_strategies()
    assert len(again.errors) == len(report.errors)
    assert again.added == again.updated == []


def test_the_rest_of_a_file_that_shadows_the_catalogue_is_good(strategies_dir):
    shadow = GOOD + GOOD.partition("class NoParams(Params):\n    pass")[2].replace(
        "Mine", "MacdTrend"
    )
    (strategies_dir / "mine.py").write_text(shadow)
    report = sync_strategies()
    assert report.errors == [
        ("mine.py", "MacdTrend is already defined by the catalogue: rename the class")
    ]
    assert shown("Mine")["available"] is True
    assert shown("MacdTrend")["origin"] == "catalog"


def test_of_two_files_with_one_name_the_older_holder_keeps_it(strategies_dir):
    (strategies_dir / "z_first.py").write_text(GOOD)
    sync_strategies()
    (strategies_dir / "a_second.py").write_text(one("above = close > 2"))
    report = sync_strategies()
    assert report.errors == [("a_second.py", "Mine is already defined by z_first.py")]
    assert shown("Mine")["version"] == hashlib.sha256(GOOD.encode()).hexdigest()
    (strategies_dir / "z_first.py").unlink()
    report = sync_strategies()
    assert report.errors == []
    assert report.updated == ["Mine"]
    assert report.removed == []
    assert Strategy.objects.get(name="Mine").file == "a_second.py"


def test_a_class_that_moves_to_another_file_stays_itself(strategies_dir):
    (strategies_dir / "z.py").write_text(GOOD)
    (strategies_dir / "b.py").write_text(one("above = close > 2", name="Other"))
    sync_strategies()
    both = GOOD + GOOD.partition("class NoParams(Params):\n    pass")[2].replace("Mine", "Other")
    (strategies_dir / "b.py").write_text(both)
    (strategies_dir / "z.py").write_text(one("above = close > 2", name="Third"))
    report = sync_strategies()
    assert report.errors == []
    assert report.removed == []
    assert Strategy.objects.get(name="Mine").file == "b.py"


def test_a_vanished_file_makes_its_strategy_unavailable_and_keeps_its_history(strategies_dir):
    file = strategies_dir / "mine.py"
    file.write_text(GOOD)
    sync_strategies()
    version = services.get_version("Mine")
    file.unlink()
    assert sync_strategies().removed == ["Mine"]
    with pytest.raises(InvalidInput) as caught:
        services.get_version("Mine")
    assert "Mine" not in caught.value.details["available_strategies"]
    assert services.load_strategy(version).__name__ == "Mine"
    assert "Mine" not in [entry["name"] for entry in queries.listing()]
    file.write_text(GOOD)
    sync_strategies()
    assert services.get_version("Mine") == version


def test_a_class_taken_out_of_its_file_is_unavailable(strategies_dir):
    file = strategies_dir / "two.py"
    file.write_text(GOOD + "\nclass Second(Mine):\n    pass\n")
    sync_strategies()
    file.write_text(GOOD)
    assert sync_strategies().removed == ["Second"]


def test_a_broken_file_that_vanishes_leaves_nothing(strategies_dir):
    file = strategies_dir / "bad.py"
    file.write_text("class (")
    sync_strategies()
    file.unlink()
    sync_strategies()
    assert not Strategy.objects.filter(name="bad.py").exists()


def test_versions_are_history_and_cannot_be_changed(strategies_dir):
    sync_strategies()
    version = services.get_version("BuyAndHold")
    version.source = "x = 1"
    with pytest.raises(TypeError, match="history"):
        version.save()


def test_with_too_little_time_a_file_stays_what_it_was_and_is_told(strategies_dir):
    (strategies_dir / "mine.py").write_text(GOOD)
    sync_strategies()
    (strategies_dir / "mine.py").write_text(GOOD + "\n")
    for name in ("sleeps", "slumbers", "snores"):
        (strategies_dir / f"{name}.py").write_text("import time; time.sleep(60)")
    began = time.monotonic()
    report = sync_strategies(seconds=0.0)
    assert time.monotonic() - began < 25
    told = dict(report.errors)
    assert set(told) == {"mine.py", "sleeps.py", "slumbers.py", "snores.py"}
    assert "no time left" in told["mine.py"]
    assert Strategy.objects.get(name="Mine").usable
    (strategies_dir / "mine.py").write_text(GOOD + "\n\n")
    for file in strategies_dir.glob("s*.py"):
        file.unlink()
    assert sync_strategies(seconds=30.0).updated == ["Mine"]


def test_a_page_reads_the_files_when_no_other_one_does(strategies_dir):
    with services._syncs, pytest.raises(Busy, match="try again") as busy:
        services.sync_for_a_page()
    assert (busy.value.code, busy.value.status) == ("BUSY", 429)
    assert "BuyAndHold" in services.sync_for_a_page().added


@pytest.mark.django_db(transaction=True)
def test_two_that_sync_at_once_agree(strategies_dir):
    (strategies_dir / "mine.py").write_text(GOOD)
    failures = []

    def work():
        try:
            sync_strategies()
        except Exception as error:  # noqa: BLE001 - any failure fails the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Strategy.objects.filter(available=True, error="").count() == CATALOG + 1
    assert StrategyVersion.objects.count() == CATALOG + 1


# --- several machines ---


@pytest.fixture
def machines(settings, monkeypatch, tmp_path):
    """`at("alpha")`: from now on this is that machine, with a folder of its own."""
    monkeypatch.setattr("strategies.sync.connection", SimpleNamespace(vendor="postgresql"))
    known = {"alpha": True, "beta": True}
    monkeypatch.setattr("exchanges.machines.known", lambda: known)

    def at(name, **others):
        known.update(others)
        settings.MACHINE = name
        settings.STRATEGIES_DIR = tmp_path / name
        settings.STRATEGIES_DIR.mkdir(exist_ok=True)
        return settings.STRATEGIES_DIR / "mine.py"

    return at


def test_a_file_of_another_machine_is_not_gone_because_it_is_not_here(machines):
    machines("alpha").write_text(GOOD)
    sync_strategies()
    given = Strategy.objects.get(origin="user")
    assert given.machine == "alpha"
    machines("beta")
    report = sync_strategies()
    assert (report.removed, report.errors) == ([], [])
    assert Strategy.objects.get(origin="user").usable
    machines("alpha").unlink()
    assert sync_strategies().removed == [given.name]


def test_a_new_text_is_taken_from_any_machine_and_an_old_one_only_from_whose_it_is(machines):
    machines("alpha").write_text(GOOD)
    sync_strategies()
    machines("beta").write_text(GOOD)
    sync_strategies()
    assert Strategy.objects.get(origin="user").machine == "alpha", "nothing has changed"
    machines("beta").write_text(GOOD + "# better\n")
    sync_strategies()
    newer = Strategy.objects.get(origin="user", current__isnull=False)
    assert newer.machine == "beta"
    machines("alpha")
    (error,) = sync_strategies().errors
    assert "newer text, of machine beta" in error[1]
    newer.refresh_from_db()
    assert newer.current.source.endswith("# better\n")
    machines("beta").write_text(GOOD)
    sync_strategies()
    newer.refresh_from_db()
    assert newer.current.source == GOOD, "whose it is may go back"
    machines("alpha")
    assert sync_strategies().errors == []


def test_what_a_machine_gave_that_is_gone_is_anybodys(machines):
    machines("alpha").write_text(GOOD)
    sync_strategies()
    machines("alpha").write_text(GOOD + "# better\n")
    sync_strategies()
    machines("beta", alpha=False).write_text(GOOD)
    assert sync_strategies().errors == [], "one that is away for a while gives no news"
    assert Strategy.objects.get(origin="user").machine == "beta"
    Strategy.objects.filter(origin="user").update(machine="replaced")
    machines("alpha").unlink()
    assert len(sync_strategies().removed) == 1
