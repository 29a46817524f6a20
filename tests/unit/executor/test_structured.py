"""executor/structured.py: variables in JSON and properties files."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.scripts import StepRefused
from octavo.executor.structured import replace_in_structured_files

TARGETS = "Octopus.Action.Package.JsonConfigurationVariablesTargets"


def replaced(folder: Path, name: str, text: str, **variables: str) -> str:
    file = folder / name
    file.write_bytes(text.encode())
    known = {key.replace("__", ":"): value for key, value in variables.items()}
    replace_in_structured_files(folder, {**known, TARGETS: name})
    return file.read_bytes().decode()


def test_nodes_get_values_of_their_own_type_and_others_stay(tmp_path: Path) -> None:
    """script-execution 78."""
    before = """{ // settings
      "Count": 1, "Rate": 1.50, "Big": 12345678901234567890, "On": true, "Name": "a", "Nothing": null,
      "List": ["x", {"Deep": 1}], "Object": {"a": 1}, "Other": 1e5, "Octopus": {"x": 1}, "OctopusName": "kept", /* so */
    }"""

    after = replaced(
        tmp_path,
        "a.json",
        before,
        count="2",
        Rate="fast",
        On="FALSE",
        NAME="5",
        Nothing="set",
        list__0="y",
        List__1__Deep="7",
        Object='{"b": [1.0]}',
        Octopus__x="3",
        OctopusName="lost",
        Absent="never",
    )

    assert json.loads(after) == {
        "Count": 2,
        "Rate": "fast",
        "Big": 12345678901234567890,
        "On": False,
        "Name": "5",
        "Nothing": "set",
        "List": ["y", {"Deep": 7}],
        "Object": {"b": [1.0]},
        "Other": 1e5,
        "Octopus": {"x": 3},
        "OctopusName": "kept",
    }
    assert '"Other": 1e5' in after
    assert '\n  "Count": 2,' in after


def test_a_file_keeps_its_line_ends_and_one_without_matches_all_its_bytes(tmp_path: Path) -> None:
    """script-execution 78."""
    assert replaced(tmp_path, "a.json", '{"a":\r\n1}\r\n', a="2") == '{\r\n  "a": 2\r\n}\r\n'
    assert replaced(tmp_path, "b.json", '{"a":   1 /* kept */}', b="2") == '{"a":   1 /* kept */}'
    assert replaced(tmp_path, "c.json", "", b="2") == ""


def test_what_is_no_json_where_an_object_stands_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replaced(tmp_path, "a.json", '{"a":{"b":1}}', a="nonsense") == '{"a":{"b":1}}'
    assert "is no JSON" in capsys.readouterr().out


@given(st.dictionaries(st.text(min_size=1), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner), max_leaves=8)))  # fmt: skip  # noqa: E501
def test_replacing_one_node_leaves_the_rest(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    """script-execution 78."""
    document["Wanted Node"] = 1
    text = json.dumps(document)
    if any(name.lower() == "wanted node" for name in document if name != "Wanted Node"):
        return

    after = replaced(tmp_path_factory.mktemp("any"), "a.json", text, **{"wanted node": "2"})

    assert json.loads(after) == document | {"Wanted Node": 2}


def test_lines_of_slashes_and_what_is_never_closed_take_no_longer_than_other_text(tmp_path: Path) -> None:
    """The expression that took comments away needed twice the time for every two more slashes."""
    found = replaced(tmp_path, "a.json", f'{{"a": 1, {"/" * 4000}\n/* , */ "b": ["//,]",],\n}}', a="2")
    assert json.loads(found) == {"a": 2, "b": ["//,]"]}

    for hostile in ('"' + '\\"' * 50_000, "/* " * 50_000, ", //" * 50_000):
        with pytest.raises(StepRefused, match="JSON"):
            replaced(tmp_path, "a.json", hostile, a="2")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("a.json", "{", "JSON"), ("a.json", "[" * 5000, "JSON")],
    ids=["json", "deep"],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str, text: str, reason: str) -> None:
    with pytest.raises(StepRefused, match=reason):
        replaced(tmp_path, name, text, a="1")


def test_properties_keep_every_other_byte(tmp_path: Path) -> None:
    """script-execution 79"""
    before = "# a=1\r\na = old\\\r\n  goes on\r\nb:keep \r\nkey\\ with\\ blank=x\r\n\r\nOctopusX=1\r\nlast"
    after = "# a=1\r\na = \\ ü\\n\\u8A9E\\\\\r\nb:keep \r\nkey\\ with\\ blank=y\r\n\r\nOctopusX=1\r\nlast=z"

    found = replaced(
        tmp_path, "a.properties", before, a=" ü\n语\\", OctopusX="2", last="z", **{"key with blank": "y", "B": "no"}
    )

    assert found == after.replace("\\u8A9E", "\\u8BED")


def test_a_folder_or_nothing_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()

    replace_in_structured_files(tmp_path, {TARGETS: "folder\n*.json"})

    said = capsys.readouterr().out
    assert ("'folder' is a folder" in said, "'*.json'" in said) == (True, True)
