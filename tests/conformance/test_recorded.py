"""The written scenarios about turns, without Erlang: they have the outcomes that are kept."""

import pytest

from .notation import Scenario
from .recorded import TOPICS, outcome, recorded, scenarios_of

RECORDED = {topic: recorded(topic) for topic in TOPICS}
CASES = [
    pytest.param(topic, scenario, id=scenario.title)
    for topic in TOPICS
    for scenario in scenarios_of(topic)
]


@pytest.mark.parametrize("body", ["task", "light"])
@pytest.mark.parametrize(("topic", "scenario"), CASES)
def test_a_scenario_has_its_recorded_outcome(topic: str, scenario: Scenario, body: str) -> None:
    expected = RECORDED[topic][scenario.title]
    # On a busy machine the kernel may be late: look again, with more patience.
    for cushion in (0.001, 0.02, 0.1):
        found = outcome(scenario, cushion, light=body == "light")
        if found == expected:
            break
    assert found == expected


@pytest.mark.parametrize("topic", TOPICS)
def test_every_recorded_outcome_has_its_scenario(topic: str) -> None:
    assert list(RECORDED[topic]) == [scenario.title for scenario in scenarios_of(topic)]
