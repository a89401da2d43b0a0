"""The heap of timers, without a runtime."""

from actorsock.runtime.core.timers import Timers


def test_cancelled_entries_are_not_fired() -> None:
    fired: list[int] = []
    timers = Timers()
    entries = [timers.add(number, fired.append, number) for number in range(300)]
    for entry in entries[::2]:
        assert timers.cancel(entry)
        assert not timers.cancel(entry)
    assert len(timers) == 150
    timers._fire(now=1_000)
    assert fired == list(range(1, 300, 2))
    assert len(timers) == 0
    assert not any(timers.cancel(entry) for entry in entries)


def test_an_entry_added_by_an_action_waits_for_the_next_round() -> None:
    fired: list[str] = []
    timers = Timers()

    def renew() -> None:
        fired.append("renewed")
        timers.add(1, renew)

    timers.add(1, renew)
    timers.add(1, fired.append, "another")
    timers._fire(now=1)
    assert fired == ["renewed", "another"]
    timers._fire(now=1)
    assert fired == ["renewed", "another", "renewed"]


def test_an_action_can_cancel_another_that_is_due() -> None:
    fired: list[str] = []
    timers = Timers()
    timers.add(1, lambda: timers.cancel(second))
    second = timers.add(1, fired.append, "second")
    timers.add(1, fired.append, "third")
    timers._fire(now=1)
    assert fired == ["third"]
