"""executor/templates/filters.py: each filter with normal, empty and undefined input (script-execution.md §3.6)."""

import re

import pytest

from octavo.executor.templates import Evaluation, Variables

VALUES = {
    "Text": "Hello World",
    "Empty": "",
    "Markup": "<a href='x'>\"&/</a>",
    "Lines": "one\ntwo",
    "Quote": 'it\'s\n"x"\t\\',
    "Odd": "ä€ :=",
    "Encoded": "SGVsbG8=",
    "Uri": "https://user:pw@example.com:8080/a b/c?q=1#frag",
    "Plain": "http://example.com",
    "Date": "2030-05-06T07:08:09+02:00",
    "Naive": "2030-05-06 07:08:09",
    "Zulu": "2030-05-06T07:08:09Z",
    "Number": "1234.5",
    "Whole": "42",
    "Version": "1.2.3-beta.4+build.5",
    "Blank": " x ",
    "Utf16": "NAAyAA==",
}


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("Text | ToLower", "hello world"),
        ("Text | toupper", "HELLO WORLD"),
        ("Text | ToBase64", "SGVsbG8gV29ybGQ="),
        ("Whole | ToBase64 unicode", "NAAyAA=="),
        ("Encoded | FromBase64", "Hello"),
        ("Markup | HtmlEscape", "&lt;a href=&apos;x&apos;&gt;&quot;&amp;&#x2F;&lt;&#x2F;a&gt;"),
        ("Markup | XmlEscape", "&lt;a href=&apos;x&apos;&gt;&quot;&amp;/&lt;/a&gt;"),
        ("Quote | JsonEscape", 'it\'s\\n\\"x\\"\\t\\\\'),
        ("Quote | YamlSingleQuoteEscape", "it''s\n\n\"x\"\t\\"),
        ("Odd | YamlDoubleQuoteEscape", "\\u00E4\\u20AC :="),
        ("Odd | PropertiesKeyEscape", "ä\\u20ac\\ \\:\\="),
        ("Blank | PropertiesValueEscape", "\\ x "),
        ("Uri | UriEscape", "https://user:pw@example.com:8080/a%20b/c?q=1#frag"),
        ("Text | UriDataEscape", "Hello%20World"),
        ('Text | Match "W.r"', "true"),
        ("Text | StartsWith Hello", "true"),
        ("Text | EndsWith hello", "false"),
        ('Text | Contains "o W"', "true"),
        ('Text | Replace "o" "0"', "Hell0 W0rld"),
        ('Text | Replace "l+"', "Heo Word"),
        ('Text | Replace "(H)(e)" "$2$1"', "eHllo World"),
        ('Text | Replace "(?<first>H)" "${first}${first}"', "HHello World"),
        ('Text | Replace "(o+)" "<$1>"', "Hell<o> W<o>rld"),
        ("Text | Substring 5", "Hello"),
        ("Text | Substring 6 5", "World"),
        ("Text | Substring 6 500", "World"),
        ("Text | Truncate 5", "Hello..."),
        ("Text | Truncate 50", "Hello World"),
        ("Blank | Trim", "x"),
        ("Blank | Trim start", "x "),
        ("Lines | Indent", "    one\n    two"),
        ("Lines | Indent /2", "one\n  two"),
        ("Lines | Indent 1/2", " one\n  two"),
        ('Lines | Indent "> "', "> one\n> two"),
        ("Uri | UriPart Host", "example.com"),
        ("Uri | UriPart Port", "8080"),
        ("Uri | UriPart UserInfo", "user:pw"),
        ("Uri | UriPart PathAndQuery", "/a b/c?q=1"),
        ("Plain | UriPart Authority", "example.com"),
        ("Plain | UriPart AbsoluteUri", "http://example.com/"),
        ("Text | UriPart Foo", "[UriPart Foo error: argument 'Foo' not supported]"),
        ("Version | VersionMajor", "1"),
        ("Version | VersionPatch", "3"),
        ("Version | VersionPreRelease", "beta.4"),
        ("Version | VersionPreReleasePrefix", "beta"),
        ("Version | VersionPreReleaseCounter", "4"),
        ("Version | VersionMetadata", "build.5"),
        ('Text | Append "!" #{Whole}', "Hello World!42"),
        ('Text | Prepend "> "', "> Hello World"),
        ("Text | MD5", "b10a8db164e0754105b7a99be72e3fe5"),
        ("Text | sha1 4", "0a4d55a8"),
        ("Encoded | SHA256 base64", "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"),
        ('Date | Format date "yyyy-MM"', "2030-05"),
        ('Date | Format "ddd d MMM HH:mm zzz"', "Mon 6 May 07:08 +02:00"),
        ('Whole | Format "0000"', "0042"),
        ("Whole | Format X4", "002A"),
        ('Number | Format "0,000.00"', "1,234.50"),
        ("Number | Format N1", "1,234.5"),
        ('Naive | AddHours "-1.5"', "2030-05-06T05:38:09.0000000"),
        ("Zulu | AddDays 1", "2030-05-07T07:08:09.0000000Z"),
        ("Date | AddHours 1", "2030-05-06T08:08:09.0000000+02:00"),
        ("Text | Markdown", "<p>Hello World</p>\n"),
        ("Text | MarkdownToHtml", "<p>Hello World</p>\n"),
        ("Utf16 | FromBase64 unicode", "42"),
        ("Version | VersionMinor", "2"),
        ("Version | VersionRevision", "0"),
        ("Whole | SHA384 2", "8f5e"),
        ("Whole | SHA512 2", "39ca"),
        ("Empty | StartsWith x", "false"),
    ],
)
def test_a_filter(token: str, expected: str) -> None:
    """script-execution 55, 56"""
    assert Variables(VALUES).evaluate(f"#{{{token}}}").text == expected


#: What every filter that needs an input makes of an empty one; None: it cannot be used.
OF_NOTHING = {
    **dict.fromkeys(("ToLower", "ToUpper", "ToBase64", "FromBase64", "Markdown", "MarkdownToHtml"), ""),
    **dict.fromkeys(("HtmlEscape", "XmlEscape", "JsonEscape", "YamlSingleQuoteEscape", "YamlDoubleQuoteEscape"), ""),
    **dict.fromkeys(("PropertiesKeyEscape", "PropertiesValueEscape", "UriEscape", "UriDataEscape", "Trim"), ""),
    **dict.fromkeys(("AddHours 1", "AddDays 1", "Format yyyy"), None),
    **dict.fromkeys(("Match x", "StartsWith x", "EndsWith x", "Contains x"), "false"),
    "Replace x y": "",
    "Truncate 1": "",
    "Indent": "    ",
    "Append x": "x",
    "Prepend x": "x",
    "Substring 0": "",
    "Substring 1": None,
    "UriPart IsAbsoluteUri": "false",
    **dict.fromkeys(("VersionMajor", "VersionMinor", "VersionPatch", "VersionRevision"), None),
    **dict.fromkeys(("VersionPreRelease", "VersionPreReleasePrefix", "VersionPreReleaseCounter"), None),
    "VersionMetadata": None,
    "MD5": "d41d8cd98f00b204e9800998ecf8427e",
    "SHA1": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "SHA256 4": "e3b0c442",
    "SHA384 4": "38b060a7",
    "SHA512 4": "cf83e135",
}


@pytest.mark.parametrize(("written", "expected"), OF_NOTHING.items())
def test_a_filter_of_empty_text(written: str, expected: str | None) -> None:
    """script-execution 55: empty is legal; what cannot be used is left and named."""
    token = f"#{{Empty | {written}}}"
    evaluation = Variables(VALUES).evaluate(token)

    left = evaluation.unresolved == (evaluation.text,) and evaluation.text.startswith("#{Empty | ")
    assert (evaluation.text, left) == (expected, False) if expected is not None else left


@pytest.mark.parametrize("written", [*OF_NOTHING, "Null"])
def test_a_filter_of_what_is_not_defined_is_left_and_named(written: str) -> None:
    """script-execution 47 and 55: no filter gives a default."""
    evaluation = Variables(VALUES).evaluate(f"#{{Nothing | {written}}}")

    assert evaluation.text.startswith(f"#{{Nothing | {written.split(maxsplit=1)[0]}")
    assert evaluation.unresolved == (evaluation.text,)


@pytest.mark.parametrize("written", [each for each in OF_NOTHING if not each.startswith(("Append", "Prepend"))])
def test_a_filter_with_too_many_arguments_is_left_and_named(written: str) -> None:
    """script-execution 55"""
    evaluation = Variables(VALUES).evaluate(f"#{{Text | {written} x x x}}")

    assert evaluation.unresolved == (evaluation.text,)


@pytest.mark.parametrize(
    "name",
    [
        *("AddHours", "AddDays", "Format", "Match", "StartsWith", "EndsWith", "Contains", "Replace", "Substring"),
        *("Truncate", "UriPart", "Append", "Prepend"),
    ],
)
def test_a_filter_without_the_argument_it_needs_is_left_and_named(name: str) -> None:
    """script-execution 55"""
    assert Variables(VALUES).evaluate(f"#{{Text | {name}}}").unresolved == (f"#{{Text | {name}}}",)


@pytest.mark.parametrize(
    "token",
    [
        "Nothing | ToLower",
        "Text | NoSuchFilter",
        'Text | ToLower "x"',
        "Text | Contains",
        'Text | Contains "a" "b"',
        "Text | FromBase64",
        "Text | Substring 500",
        'Text | Match "("',
        'Text | AddHours "1"',
        'Text | sha1 "what"',
        "Text | Null",
        "Text | ToLower | Null | ToUpper",
    ],
)
def test_what_cannot_be_filtered_is_left_and_named(token: str) -> None:
    """script-execution 55"""
    evaluation = Variables(VALUES).evaluate(f"#{{{token}}}")

    assert evaluation.text == evaluation.unresolved[0]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("#{F | Replace #{r}#{s}}", "aSc"),
        ("#{F | Replace #{r} #{s}}", "aSc"),
        ("#{F | Append #{r} x}", "abcbx"),
        ("#{F | Append #{r}| ToUpper}", "ABCB"),
        ("#{F | Append #{r} | ToUpper}", "ABCB"),
        ("#{F | Append #{r} }", "abcb"),
    ],
)
def test_blanks_after_an_argument_do_not_matter(template: str, expected: str) -> None:
    """script-execution 56"""
    assert Variables({"F": "abc", "r": "b", "s": "S"}).evaluate(template) == Evaluation(expected)


def test_the_time_needs_no_input() -> None:
    written = Variables().evaluate("#{ | NowDateUtc} #{ | NowDate yyyy}").text

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z \d{4}", written)


def test_a_regular_expression_that_runs_away_is_stopped() -> None:
    evaluation = Variables({"A": "a" * 60 + "!"}).evaluate('#{A | Match "(a|a)*(a|b|ab)*c$"}')

    assert evaluation.unresolved or evaluation.text == "false"
