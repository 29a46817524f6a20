"""server/domain/built_in_worker.py"""

from octavo.server.domain.built_in_worker import built_in_worker_switch


def test_an_empty_default_pool_switches_the_built_in_worker_on() -> None:
    switch = built_in_worker_switch(is_allowed=True, workers_in_default_pool=0)

    assert switch.is_on


def test_a_worker_in_the_default_pool_switches_it_off() -> None:
    switch = built_in_worker_switch(is_allowed=True, workers_in_default_pool=1)

    assert not switch.is_on
    assert switch.reason == "1 worker does the work of the default worker pool."


def test_an_administrator_switches_it_off_for_good() -> None:
    switch = built_in_worker_switch(is_allowed=False, workers_in_default_pool=0)

    assert not switch.is_on
    assert "administrator" in switch.reason
