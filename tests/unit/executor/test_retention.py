"""Which deployments are removed from a machine, and that nothing else is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.commands import main
from octavo.executor.journal import Entry, Journal
from octavo.executor.retention import Keep, clean, entries_to_remove

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def an_entry(number: int, was_successful: bool = True, days: float = 0, folder: str = "") -> Entry:
    return Entry(
        policy_set="S",
        package_id="Acme",
        version=f"1.{number}",
        extracted_to=folder or f"/nowhere/Acme/1.{number}",
        custom_folder="",
        was_successful=was_successful,
        id=str(number),
        installed_on=NOW - timedelta(days=days),
    )


def removed(entries: list[Entry], keep: Keep) -> list[str]:
    return [entry.id for entry in entries_to_remove(entries, keep, NOW)]


def test_the_latest_and_so_many_successful_ones_before_it_stay() -> None:
    """script-execution 85"""
    entries = [an_entry(1), an_entry(2), an_entry(3, was_successful=False), an_entry(4), an_entry(5)]

    assert removed(entries, Keep(releases=2)) == ["1", "3"]
    assert removed(entries, Keep(releases=0)) == ["1", "2", "3", "4"]
    assert removed(entries, Keep(releases=9)) == ["3"]


def test_what_is_younger_stays() -> None:
    """script-execution 85"""
    entries = [an_entry(1, days=9), an_entry(2, days=3, was_successful=False), an_entry(3, days=1)]

    assert removed(entries, Keep(days=5)) == ["1"]
    assert removed(entries, Keep(days=2)) == ["1", "2"]


def test_what_runs_now_always_stays_however_old_it_is() -> None:
    entries = [an_entry(1, days=99), an_entry(2, days=90), an_entry(3, was_successful=False, days=80)]

    assert removed(entries, Keep(days=1)) == ["1"]
    assert removed(entries, Keep(releases=0)) == ["1"]


@given(st.lists(st.booleans(), max_size=12), st.integers(0, 5))
def test_never_more_than_asked_for_and_never_what_runs(ends: list[bool], count: int) -> None:
    entries = [an_entry(number, end) for number, end in enumerate(ends)]
    gone = set(removed(entries, Keep(releases=count)))
    stay = [entry for entry in entries if entry.id not in gone]

    assert stay[-1:] == entries[-1:]
    wanted = [entry for entry in entries[:-1] if entry.was_successful][-count:] if count else []
    assert set(map(id, wanted)) <= set(map(id, stay))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TentacleHome", str(tmp_path))
    monkeypatch.setenv("TentacleJournal", str(tmp_path / "DeploymentJournal.xml"))
    (tmp_path / "Files").mkdir()
    return tmp_path


def a_deployment(home: Path, number: int, folder: str = "", policy_set: str = "S") -> Path:
    place = home / "Applications" / (folder or f"1.{number}")
    place.mkdir(parents=True, exist_ok=True)
    (place / "file").write_text("x")
    entry = Entry(policy_set, "Acme", f"1.{number}", str(place), "", was_successful=True, id=str(number))
    Journal(home / "DeploymentJournal.xml").add(entry)
    return place


def test_the_command_removes_folders_and_entries(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """script-execution 85: a folder that a kept deployment uses is not deleted, not even one of another set."""
    places = [a_deployment(home, 1), a_deployment(home, 2, "shared"), a_deployment(home, 3, "shared", "Other")]
    places += [a_deployment(home, 4), a_deployment(home, 5)]

    assert main(["clean", "--retentionPolicySet", "S", "--releases", "1"]) == 0

    assert [place.exists() for place in places] == [False, True, True, True, True]
    journal = Journal(home / "DeploymentJournal.xml")
    assert [entry.id for entry in journal.all_entries()] == ["3", "4", "5"]
    assert "Removed the deployment of Acme 1.1" in capsys.readouterr().out


def test_a_clean_up_that_was_killed_is_finished_by_the_next(home: Path) -> None:
    place = a_deployment(home, 1)
    a_deployment(home, 2)
    (place / "file").unlink()
    place.rmdir()

    clean(Journal(home / "DeploymentJournal.xml"), "S", Keep(releases=0))

    assert [entry.id for entry in Journal(home / "DeploymentJournal.xml").all_entries()] == ["2"]


@pytest.mark.parametrize("place", ["/", "/tmp", "relative/folder", ""])
def test_what_is_no_folder_of_a_deployment_is_never_removed(
    home: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(home / "DeploymentJournal.xml")
    journal.add(Entry("S", "Acme", "1.0", place, "", was_successful=True))
    a_deployment(home, 2)

    clean(journal, "S", Keep(releases=0))

    assert "could not be removed" in capsys.readouterr().out
    assert len(journal.all_entries()) == 2
