"""executor/structured: variables in XML files."""

from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.scripts import StepRefused
from octavo.executor.structured import replace_in_structured_files

TARGETS = "Octopus.Action.Package.JsonConfigurationVariablesTargets"


def replaced_bytes(folder: Path, data: bytes, variables: dict[str, str], name: str = "a.xml") -> bytes:
    file = folder / name
    file.write_bytes(data)
    replace_in_structured_files(folder, {**variables, TARGETS: name})
    return file.read_bytes()


def replaced(folder: Path, text: str, variables: dict[str, str], name: str = "a.xml") -> str:
    return replaced_bytes(folder, text.encode(), variables, name).decode()


BEFORE = """\ufeff<?xml version='1.0'  encoding="utf-8" ?>
<!-- so -->
<root  xmlns:db='urn:db'
       kind='a&amp;b'>
\t<db:host port = '1' >old</db:host>
  <list><item id="1">x</item><item id="2" /></list>
  <text>before<!--old-->after<![CDATA[<old>]]></text>
  <?style old?>
</root  >

<!-- end -->"""
AFTER = """\ufeff<?xml version='1.0'  encoding="utf-8" ?>
<!-- so -->
<root  xmlns:db='urn:db'
       kind='1 &lt; &apos;2&apos;'>
\t<db:host port = '80' >a &amp; b</db:host>
  <list><item id="1"><deep>1</deep></item><item id="2">two</item></list>
  <text>before<!--new-->after<![CDATA[<new>]]></text>
  <?style new?>
</root  >

<!-- end -->"""


def test_nodes_get_values_by_xpath_and_all_else_stays(tmp_path: Path) -> None:
    """script-execution 79."""
    found = replaced(
        tmp_path,
        BEFORE,
        {
            "/root/@kind": "1 < '2'",
            "//db:host": "a & b",
            "/root/db:host/@port": "80",
            "/root/list/item[@id='1']": "<deep>1</deep>",
            "//item[2]": "two",
            "//comment()[. = 'old']": "new",
            "/root/text/text()[last()]": "<new>",
            "//processing-instruction('style')": "new",
            "root": "has neither / nor :",
            "/root/absent": "never added",
            "No:Prefix": "of another file",
            "https://example.org/?a=b&c": "no path at all",
            "Octopus/x": "ours",
        },
    )

    assert found == AFTER


@pytest.mark.parametrize(
    ("path", "after"),
    [
        ("/a/b", "<a><b>N</b><b x='1'>N</b><c><b y='2'>3</b></c></a>"),
        ("/a/b[@x]", "<a><b>1</b><b x='1'>N</b><c><b y='2'>3</b></c></a>"),
        ("//b[not(@x) and not(@y)]", "<a><b>N</b><b x='1'>2</b><c><b y='2'>3</b></c></a>"),
        ("//b[.='3' or @x=1]", "<a><b>1</b><b x='1'>N</b><c><b y='2'>N</b></c></a>"),
        ("/a/*[last()]/*", "<a><b>1</b><b x='1'>2</b><c><b y='2'>N</b></c></a>"),
        ("/a/b[position() > 1]/text()", "<a><b>1</b><b x='1'>N</b><c><b y='2'>3</b></c></a>"),
        ("a/b[1] | //@y", "<a><b>N</b><b x='1'>2</b><c><b y='N'>3</b></c></a>"),
        ("//*[local-name()='b'][@y != 3]", "<a><b>1</b><b x='1'>2</b><c><b y='2'>N</b></c></a>"),
        ("//c/../b[contains(., '1')]", "<a><b>N</b><b x='1'>2</b><c><b y='2'>3</b></c></a>"),
        ("/a/child::c/descendant::b/attribute::y", "<a><b>1</b><b x='1'>2</b><c><b y='N'>3</b></c></a>"),
        ("//a[b='2']/c", "<a><b>1</b><b x='1'>2</b><c>N</c></a>"),
    ],
)
def test_paths_name_what_xpath_says(tmp_path: Path, path: str, after: str) -> None:
    before = "<a><b>1</b><b x='1'>2</b><c><b y='2'>3</b></c></a>"

    assert replaced(tmp_path, before, {path: "N"}) == after


def test_a_name_without_prefix_has_no_namespace(tmp_path: Path) -> None:
    """script-execution 79."""
    text = '<a xmlns="urn:x" xmlns:p="urn:x"><b>1</b></a>'

    assert replaced(tmp_path, text, {"/a/b": "2"}) == text
    assert replaced(tmp_path, text, {"/p:a/p:b": "2"}) == text.replace("1", "2")


def test_the_encoding_that_the_file_declares_is_kept(tmp_path: Path) -> None:
    """script-execution 79."""
    before = '<?xml version="1.0" encoding="ISO-8859-2"?>\r\n<a>\u0159<b c="">\u0159</b></a>\r\n'
    after = before.replace('c=""', 'c="&#8364;"').replace('<b c="&#8364;">\u0159', '<b c="&#8364;">\u017e\r\n')

    found = replaced_bytes(tmp_path, before.encode("iso-8859-2"), {"//b": "\u017e\n", "//@c": "\u20ac"})

    assert found == after.encode("iso-8859-2")
    wide = "\ufeff" + before.replace("ISO-8859-2", "utf-16")
    assert replaced_bytes(tmp_path, wide.encode("utf-16-le"), {"//b": "2"}).decode("utf-16-le") == wide.replace(
        "\u0159</b>", "2</b>"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [("//comment()", "a--b"), ("//processing-instruction()", "?>"), ("/a/b", "\x01"), ("/a/@b", "\x00")],
)
def test_what_xml_cannot_say_is_warned_of_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, value: str
) -> None:
    text = "<a b=''><!-- x --><?x y?><b/></a>"

    assert replaced(tmp_path, text, {path: value}) == text
    assert f"The value for {path} cannot be put" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        "<a>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/passwd'>%x;]><a/>",
        "<a>" * 300 + "</a>" * 300,
        "<?xml version='1.0' encoding='klingon'?><a/>",
    ],
    ids=["open", "entity", "file", "deep", "encoding"],
)
def test_what_is_no_xml_or_hostile_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(StepRefused, match="as XML"):
        replaced(tmp_path, text, {"/a": "1"})


def test_xml_of_an_unknown_extension_is_found_out(tmp_path: Path) -> None:
    """script-execution 79."""
    assert replaced(tmp_path, "<a>1</a>", {"/a": "2"}, "web.config") == "<a>2</a>"


_PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@given(_PLAIN, _PLAIN, st.sampled_from(["/r/a", "/r/@b", "//c/text()"]))
def test_the_value_is_read_back_and_the_rest_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, value: str, other: str, path: str
) -> None:
    """script-execution 79."""
    folder = tmp_path_factory.mktemp("any")
    text = f"<r  b='x' o={quoteattr(other)} ><a/>\r\n<c>x</c  ></r>"
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    found = replaced(folder, text, {path: escaped if path == "/r/a" else value})

    tree = ElementTree.fromstring(found.encode())
    inner = {"/r/a": tree.findtext("a"), "/r/@b": tree.get("b"), "//c/text()": tree.findtext("c")}[path]
    assert (inner, tree.get("o")) == (value, ElementTree.fromstring(text.encode()).get("o"))
    assert replaced(folder, text, {"/r/nothing": value}) == text
