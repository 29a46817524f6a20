"""executor/xdt.py: transforms of configuration files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.xdt import transform
from octavo.executor.xml_text import parse_xml

BEFORE = """<?xml version="1.0"?>
<configuration>
  <!-- kept -->
  <appSettings>
    <add key="a" value='1'  />
    <add key="b" value="2" />
  </appSettings>
  <system.web>
    <compilation debug="true" />
  </system.web>
  <empty/>
</configuration>
"""


def transformed(body: str, before: str = BEFORE) -> tuple[str, list[str]]:
    around = f'<configuration xmlns:xdt="http://schemas.microsoft.com/XML-Document-Transform">{body}</configuration>'
    done = transform(parse_xml(before), parse_xml(around))
    return done.document.text, list(done.warnings)


@pytest.mark.parametrize(
    ("body", "old", "new"),
    [
        (
            '<appSettings><add key="a" value="9" xdt:Locator="Match(key)" '
            'xdt:Transform="SetAttributes"/></appSettings>',
            "value='1'",
            "value='9'",
        ),
        (
            '<appSettings><add key="x" value="9" n="&lt;" xdt:Transform="SetAttributes(value, n)" '
            "xdt:Locator=\"Condition(@key='b')\"/></appSettings>",
            'value="2"',
            'value="9" n="&lt;"',
        ),
        (
            '<x xdt:Locator="XPath(/configuration/system.web/compilation)" xdt:Transform="RemoveAttributes(debug)"/>',
            ' debug="true"',
            "",
        ),
        (
            '<appSettings><add xdt:Transform="Remove" xdt:Locator="Match(key)" key="b"/></appSettings>',
            '\n    <add key="b" value="2" />',
            "",
        ),
        (
            '<appSettings><add xdt:Transform="RemoveAll"/></appSettings>',
            '\n    <add key="a" value=\'1\'  />\n    <add key="b" value="2" />',
            "",
        ),
        (
            '<appSettings><add key="c" xdt:Transform="Insert"/></appSettings>',
            '"2" />',
            '"2" />\n    <add key="c"/>',
        ),
        ('<empty><in xdt:Transform="Insert">&amp;</in></empty>', "<empty/>", "<empty>\n    <in>&amp;</in>\n  </empty>"),
        (
            '<appSettings><add key="a" xdt:Transform="InsertIfMissing" xdt:Locator="Match(key)"/></appSettings>',
            "",
            "",
        ),
        (
            '<new xdt:Transform="InsertBefore(/configuration/empty)"><in /></new>',
            "<empty/>",
            "<new><in /></new>\n  <empty/>",
        ),
        ('<new xdt:Transform="InsertAfter(/configuration/empty)"/>', "<empty/>", "<empty/>\n  <new/>"),
        (
            '<system.web xdt:Transform="Replace"><other on="1"/></system.web>',
            '<system.web>\n    <compilation debug="true" />\n  </system.web>',
            '<system.web><other on="1"/></system.web>',
        ),
    ],
)
def test_each_transform_does_its_work_and_nothing_else(body: str, old: str, new: str) -> None:
    found, warnings = transformed(body)

    assert found == BEFORE.replace(old, new)
    assert warnings == []


def test_transforms_see_what_those_before_them_did() -> None:
    found, warnings = transformed(
        '<new xdt:Transform="Insert"/><new n="1" xdt:Transform="SetAttributes"/><empty xdt:Transform="Remove"/>'
    )

    assert found == BEFORE.replace("\n  <empty/>", '\n  <new n="1"/>')
    assert warnings == []


def test_what_is_inserted_takes_its_namespaces_along() -> None:
    found, _ = transformed('<p:x xmlns:p="urn:p" xmlns="urn:d" xdt:Transform="Insert"><y/></p:x>', "<configuration/>")
    assert found == '<configuration>\n  <p:x xmlns:p="urn:p" xmlns="urn:d"><y/></p:x>\n</configuration>'

    around = (
        '<c xmlns:q="urn:q" xmlns:xdt="http://schemas.microsoft.com/XML-Document-Transform">'
        '<q:x q:a="1" xdt:Transform="Insert"/></c>'
    )
    done = transform(parse_xml("<c/>"), parse_xml(around))
    assert done.document.text == '<c>\n  <q:x xmlns:q="urn:q" q:a="1"/>\n</c>'


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        ('<absent xdt:Transform="Remove"/>', "like /configuration/absent"),
        ('<absent><in xdt:Transform="Insert"/></absent>', "like /configuration/absent"),
        ('<x xdt:Transform="InsertAfter(/configuration/absent)"/>', "at /configuration/absent"),
    ],
)
def test_what_finds_nothing_is_warned_of(body: str, warning: str) -> None:
    found, warnings = transformed(body)

    assert found == BEFORE
    assert warning in warnings[0]


def test_of_several_only_the_first_is_taken_with_a_warning() -> None:
    found, warnings = transformed('<appSettings><add xdt:Transform="Remove"/></appSettings>')

    assert found == BEFORE.replace("\n    <add key=\"a\" value='1'  />", "")
    assert warnings == ["2 elements are like /configuration/appSettings/add, but Remove takes the first only"]


@pytest.mark.parametrize(
    "body",
    [
        '<empty xdt:Transform="Explode"/>',
        '<empty xdt:Locator="Near(x)" xdt:Transform="Remove"/>',
        '<empty xdt:Locator="Match(key)" xdt:Transform="Remove"/>',
        '<empty xdt:Locator="XPath(/[)" xdt:Transform="Remove"/>',
        '<x xdt:Locator="XPath(/configuration)" xdt:Transform="Remove"/>',
        '<empty xdt:Transform="("/>',
    ],
)
def test_what_nobody_understands_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        transformed(body)


@given(st.lists(st.sampled_from(["a", "b", "c"])), st.text("x<&'\" é\n"))
def test_set_attributes_gives_the_value_to_all_that_match(keys: list[str], value: str) -> None:
    before = f"<configuration>{''.join(f'<add key={chr(34)}{key}{chr(34)}/>' for key in keys)}</configuration>"
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;").replace("\n", "&#10;")

    found, warnings = transformed(
        f'<add key="a" value="{escaped}" xdt:Locator="Match(key)" xdt:Transform="SetAttributes(value)"/>', before
    )

    values = [each.attribute("value") for each in parse_xml(found).root.elements()[0].elements()]
    assert [each.value if each else None for each in values] == [value if key == "a" else None for key in keys]
    assert bool(warnings) == ("a" not in keys)
