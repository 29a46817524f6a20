"""What the log shows of variables."""

from octavo.executor.templates import Variables
from octavo.server.domain.printed_variables import printed_variables


def test_nothing_is_shown_unless_it_is_asked_for() -> None:
    assert printed_variables(Variables({"A": "1"}), set()) == []


def test_raw_and_evaluated_values_are_shown_sorted_and_secrets_are_not() -> None:
    values = {
        "b": "#{A}",
        "A": "1",
        "Secret": "hunter22",
        "Octopus.Action.CustomScripts.Deploy.sh": "long",
        "OctopusPrintVariables": "True",
    }

    lines = printed_variables(Variables(values), {"hunter22"})

    assert lines[1:] == ["[A] = '1'", "[b] = '#{A}'", "[OctopusPrintVariables] = 'True'", "[Secret] = '********'"]
    evaluated = printed_variables(Variables({"b": "#{A}", "A": "1", "OctopusPrintEvaluatedVariables": "true"}), set())
    assert "[b] = '1'" in evaluated
