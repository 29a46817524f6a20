"""domain/output_variables.py: names of outputs, seen from each machine."""

from octavo.server.domain.output_variables import OutputVariable, readable_outputs

OUTPUTS = [
    OutputVariable("A", "one", "X", "from one"),
    OutputVariable("A", "two", "X", "from two"),
    OutputVariable("B", "", "Y", "from nowhere"),
]


def read(name: str, machine: str = "") -> str:
    return readable_outputs(OUTPUTS, machine)[name].value


def test_each_machine_reads_its_own_value_and_that_of_the_others_by_name() -> None:
    """scripts 60"""
    assert read("Octopus.Action[A].Output.X", "one") == "from one"
    assert read("Octopus.Action[A].Output.X", "two") == "from two"
    assert read("Octopus.Action[A].Output[one].X", "two") == "from one"


def test_elsewhere_the_last_machine_wins() -> None:
    assert read("Octopus.Action[A].Output.X") == "from two"
    assert read("Octopus.Action[A].Output.X", "three") == "from two"


def test_without_a_machine_there_is_only_the_plain_name() -> None:
    assert [name for name in readable_outputs(OUTPUTS) if "B" in name] == ["Octopus.Action[B].Output.Y"]
