"""executor/structured: variables in YAML files."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from octavo.executor.scripts import StepRefused
from octavo.executor.structured import replace_in_structured_files
from octavo.executor.structured.yaml_nodes import nodes_of

TARGETS = "Octopus.Action.Package.JsonConfigurationVariablesTargets"


def replaced(folder: Path, text: str, variables: dict[str, str], name: str = "a.yaml") -> str:
    file = folder / name
    file.write_bytes(text.encode())
    replace_in_structured_files(folder, {**variables, TARGETS: name})
    return file.read_bytes().decode()


def read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


BEFORE = """%YAML 1.2
--- # first
plain:   1  # one
single: 'it''s'
double: "a"
tagged: &x !!str old # kept
literal: |  # so
    two
      lines

folded: >-
    words
nothing:
again: *x
list:

- a
-   b: {c: 1, "d": 2}
...
---
plain: 5
"""
AFTER = """%YAML 1.2
--- # first
plain:   x y  # one
single: 'don''t'
double: "5"
tagged: &x !!str new # kept
literal: |  # so
    three

     lines
    here

folded: >-
    other words
nothing: set
again: *x
list:

- true
-   b: {c: "[", "d": q}
...
---
plain: x y
"""


def test_scalars_keep_style_tag_and_anchor_and_all_else_stays(tmp_path: Path) -> None:
    """script-execution 79."""
    found = replaced(
        tmp_path,
        BEFORE,
        {
            "PLAIN": "x y",
            "single": "don't",
            "double": "5",
            "tagged": "new",
            "literal": "three\n\n lines\nhere\n",
            "folded": "other words",
            "nothing": "set",
            "list:0": "true",
            "List:1:b:c": "[",
            "list:1:b:d": "q",
            "list:2": "never added",
        },
    )

    assert found == AFTER


@pytest.mark.parametrize(
    ("before", "variables", "after"),
    [
        ("a: 1\n", {"a": "x: y"}, 'a: "x: y"\n'),
        ("a: 1\n", {"a": ""}, 'a: ""\n'),
        ("a: 1\n", {"a": "null"}, "a: null\n"),
        ("a: 'b'\n", {"a": "1\n2"}, 'a: "1\\n2"\n'),
        ("a: |\n  b\n", {"a": " c\n"}, 'a: " c\\n"\n'),
        ("a:\n- |-\n   b\n\nc: 1", {"a:0": "x\ny"}, "a:\n- |-\n  x\n  y\n\nc: 1"),
        ("b: &x 1\na: *x # so\n", {"a": "2"}, "b: &x 1\na: 2 # so\n"),
        ("{a: , b}", {"a": "1", "b": "2"}, "{a: 1 , b: 2}"),
        ("a: &x\n", {"a": "1"}, "a: &x 1\n"),
        ("{a: &x , b: 1}", {"a": "1"}, "{a: &x 1 , b: 1}"),
        ("? a\n: b\n? {k: v}\n: c\n", {"a": "1", "k": "2"}, "? a\n: 1\n? {k: v}\n: c\n"),
        ("- a\n- [b]\n", {"0": "x", "1:0": "y,"}, '- x\n- ["y,"]\n'),
    ],
)
def test_a_scalar_is_quoted_where_its_style_cannot_say_it(
    tmp_path: Path, before: str, variables: dict[str, str], after: str
) -> None:
    """script-execution 79."""
    assert replaced(tmp_path, before, variables) == after


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a: {b: 1} # x\n", "c: [1, 'd']\ne: |\n  two\n  lines\n", "a: {c: [1, 'd'], e: \"two\\nlines\\n\"} # x\n"),
        ("a:\n    b:\n        c: 1\nd: 1\n", "# so\ne:\n- 1\n\n- f", "a:\n    e:\n    - 1\n\n    - f\nd: 1\n"),
        ("a:\n- 1\n- 2\n\n# so\nb: 1\n", "c: 1\nd: 2", "a:\n  c: 1\n  d: 2\n\n# so\nb: 1\n"),
        ("a:\n- 1\n", "    - c\n    - d", "a:\n  - c\n  - d\n"),
        ("a: &x !!map\n  b: 1\n", "{c: 1}", "a: &x !!map\n  {c: 1}\n"),
        ("a: [1]\n", "", 'a: ""\n'),
        ("a: [1]\n", "# nothing", 'a: "# nothing"\n'),
        ("a: [1]\n", "{b", 'a: "{b"\n'),
        ("a: [1]\n", "word", "a: word\n"),
        ("a:\r\n  b: 1\r\n", "c:\n  d: 1", "a:\r\n  c:\r\n    d: 1\r\n"),
        ("l:\n- a:\n    b: 1\n  c: 2\n", "x", "l:\n- a:\n    b: 1\n  c: 2\n"),
    ],
)
def test_a_mapping_or_list_becomes_what_the_value_says(tmp_path: Path, before: str, value: str, after: str) -> None:
    """script-execution 79."""
    assert replaced(tmp_path, before, {"a": value}) == after


def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    """script-execution 79."""
    before = "\ufeff# so\r\na: 1\r\n\r\nb: |\r\n  x\r\n  y\r\n"

    found = replaced(tmp_path, before, {"a": "2", "b": "p\nq\n"})

    assert found == "\ufeff# so\r\na: 2\r\n\r\nb: |\r\n  p\r\n  q\r\n"


_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_DOCUMENTS = st.dictionaries(
    st.text("abc", min_size=1),
    st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner)),
    min_size=1,
)


@given(_DOCUMENTS, st.text(), st.sampled_from(["", "'", '"', "|", ">", "{}", "[x]", "\n  - y", "\n  y: 1"]))
@example({"a": 1}, "x\n\n", "|")
def test_the_value_is_read_back_and_the_rest_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], value: str, style: str
) -> None:
    """script-execution 79."""
    out = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(document, out)
    written = {"": "old", "'": "'old'", '"': '"old"', "|": "|\n  old", ">": ">\n  old"}.get(style, style)
    text = f"# so\n{out.getvalue()}wanted: {written}\n"
    before = read(text)

    found = replaced(tmp_path_factory.mktemp("any"), text, {"Wanted": value})

    after = read(found)
    assert found.startswith(text[: text.index("wanted:")])
    assert {name: each for name, each in after.items() if name != "wanted"} == {
        name: each for name, each in before.items() if name != "wanted"
    }
    if style in ("'", '"', "|", ">") or not isinstance(before["wanted"], dict | list | str):
        assert after["wanted"] == value
    elif style == "":
        assert nodes_of(found)[-1].value == value


@given(st.text("ab:-?&*!|>'\"{}[], #\n\t%0"))
def test_any_text_is_read_or_refused_and_stays_where_nothing_matches(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        assert replaced(folder, text, {"nothing like this": "1"}) == text
    except StepRefused:
        assert (folder / "a.yaml").read_text() == text


@pytest.mark.parametrize(
    "text",
    ["a: [", "\ta: 1", "[" * 5000, "just words", "a: 1\n b: 2", "{}: {}: 1", "a: \x07"],
    ids=["open", "tab", "deep", "words", "crooked", "keys", "bell"],
)
def test_what_is_no_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(StepRefused, match="as YAML"):
        replaced(tmp_path, text, {"a": "1"})


def test_aliases_are_never_followed_and_nothing_is_built(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    text = f"{bomb}object: !!python/object/apply:os.abort []\nwanted: 1\n"

    assert replaced(tmp_path, text, {"wanted": "2"}) == text.replace("wanted: 1", "wanted: 2")


def test_many_documents_are_not_deep(tmp_path: Path) -> None:
    assert replaced(tmp_path, "---\na: 1\n" * 300, {"a": "2"}) == "---\na: 2\n" * 300


def test_json_in_a_yaml_file_is_taken_as_json(tmp_path: Path) -> None:
    """script-execution 79."""
    assert replaced(tmp_path, '{"a": 1}', {"a": "2"}) == '{\n  "a": 2\n}'


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('{"a":1}', '{\n  "a": 2\n}'),
        ("x: 1\na: 1 # so", "x: 1\na: 2 # so"),
        ("! so\na = 1\n", "! so\na = 2\n"),
    ],
    ids=["json", "yaml", "properties"],
)
def test_the_format_of_an_unknown_file_is_the_first_that_reads_it(tmp_path: Path, text: str, after: str) -> None:
    """script-execution 79."""
    assert replaced(tmp_path, text, {"a": "2"}, "settings.conf") == after


def test_only_json_is_read_when_the_step_says_so(tmp_path: Path) -> None:
    flag = {"Octopus.Action.StructuredConfigurationFallbackFlag": "True"}

    with pytest.raises(StepRefused, match=r"cannot be read as JSON: [^;]*$"):
        replaced(tmp_path, "a: 1", {"a": "2", **flag})
