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
    found = outcome(scenario, 0.001, light=body == "light")
    if found != expected:  # on a busy machine the kernel may be late: look again, with patience
        found = outcome(scenario, 0.02, light=body == "light")
    assert found == expected


@pytest.mark.parametrize("topic", TOPICS)
def test_every_recorded_outcome_has_its_scenario(topic: str) -> None:
    assert list(RECORDED[topic]) == [scenario.title for scenario in scenarios_of(topic)]
