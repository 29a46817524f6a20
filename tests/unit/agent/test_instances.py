"""The registry of instances and the choice among them."""

import json
from pathlib import Path

import pytest

from octavo.agent.instances import Instance, InstanceRegistry, select_instance
from octavo.base.errors import ConfigurationError


@pytest.fixture
def registry(tmp_path: Path) -> InstanceRegistry:
    return InstanceRegistry(tmp_path / "etc")


def add(registry: InstanceRegistry, tmp_path: Path, *names: str) -> None:
    for name in names:
        file = tmp_path / f"{name}.xml"
        file.touch()
        registry.save(name, file)


def select(registry: InstanceRegistry, tmp_path: Path, name: str | None = None, file: str | None = None) -> Instance:
    return select_instance(
        registry.list_instances(),
        name=name,
        configuration_file=Path(file) if file else None,
        working_folder=tmp_path,
    )


def test_a_registry_file_is_named_and_written_as_specified(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 5"""
    registry.save("My Worker", Path("/etc/octopus/W1/t.config"))

    file = tmp_path / "etc" / "Tentacle" / "Instances" / "my-worker.config"
    assert json.loads(file.read_text()) == {
        "Name": "My Worker",
        "ConfigurationFilePath": "/etc/octopus/W1/t.config",
    }


def test_an_instance_is_found_by_name_in_any_case(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 6"""
    add(registry, tmp_path, "Alpha", "Beta")

    assert select(registry, tmp_path, name="ALPHA").name == "Alpha"


def test_the_name_wins_over_the_file(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 6"""
    add(registry, tmp_path, "Alpha")

    assert select(registry, tmp_path, name="Alpha", file="other.xml").configuration_file == tmp_path / "Alpha.xml"


def test_a_file_alone_is_a_nameless_instance(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 6"""
    add(registry, tmp_path, "Alpha")

    assert select(registry, tmp_path, file="Alpha.xml") == Instance(None, tmp_path / "Alpha.xml")


def test_a_configuration_in_the_working_folder_goes_before_the_default(
    registry: InstanceRegistry, tmp_path: Path
) -> None:
    """cli 6"""
    add(registry, tmp_path, "Tentacle")
    (tmp_path / "Tentacle.config").touch()

    assert select(registry, tmp_path).name is None


def test_the_default_instance_goes_before_others(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 6"""
    add(registry, tmp_path, "Alpha", "Tentacle")

    assert select(registry, tmp_path).name == "Tentacle"


def test_the_only_instance_goes_without_saying(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 6"""
    add(registry, tmp_path, "Alpha")

    assert select(registry, tmp_path).name == "Alpha"


@pytest.mark.parametrize(
    ("known", "name", "message"),
    [
        (["A", "B"], "X", "Instance X of Tentacle has not been configured on this machine. Available instances: A, B."),
        ([], None, "Unable to find default instance of Tentacle. Available instances: ."),
        (
            ["A", "B"],
            None,
            "There is more than one instance of Tentacle configured on this machine. "
            "Please pass --instance=INSTANCENAME",
        ),
    ],
)
def test_what_cannot_be_chosen_is_explained(
    registry: InstanceRegistry, tmp_path: Path, known: list[str], name: str | None, message: str
) -> None:
    """cli 6"""
    add(registry, tmp_path, *known)

    with pytest.raises(ConfigurationError) as caught:
        select(registry, tmp_path, name=name)

    assert str(caught.value).startswith(message)


def test_a_missing_file_is_explained(registry: InstanceRegistry, tmp_path: Path) -> None:
    """cli 6"""
    add(registry, tmp_path, "Alpha")
    (tmp_path / "Alpha.xml").unlink()

    with pytest.raises(ConfigurationError, match="for instance Alpha could not be located at the specified location"):
        select(registry, tmp_path, name="Alpha")
    with pytest.raises(ConfigurationError, match=r"The configuration file at .*gone\.xml"):
        select(registry, tmp_path, file="gone.xml")


def test_a_damaged_registry_file_hides_no_other(registry: InstanceRegistry, tmp_path: Path) -> None:
    add(registry, tmp_path, "Alpha")
    (tmp_path / "etc" / "Tentacle" / "Instances" / "broken.config").write_text("{")

    assert [instance.name for instance in registry.list_instances()] == ["Alpha"]
