"""executor/templates: the language, example by example. Source: script-execution.md §3.5."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.templates import Evaluation, ParseMode, TemplateError, Variables, is_truthy_text


def text(template: str, **values: str) -> str:
    return Variables(values).evaluate(template).text


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("#{X}", "v"),
        ("##{X}", "#{X}"),
        ("###{X}", "#v"),
        ("####{X}", "###{X}"),
        ("#####{X}", "###v"),
        ("#x a#b # {", "#x a#b # {"),
    ],
)
def test_escapes(template: str, expected: str) -> None:
    """script-execution 46"""
    assert text(template, X="v") == expected


@pytest.mark.parametrize("nothing", ["", "0", "no", "No", "false", " FALSE "])
def test_falsy_values(nothing: str) -> None:
    """script-execution 48"""
    assert text("#{if X}y#{else}n#{/if}", X=nothing) == "n"


@pytest.mark.parametrize("something", [" ", " 0 ", "1", "yes", "00", "0.0", "off"])
def test_truthy_values(something: str) -> None:
    """script-execution 48"""
    assert text("#{if X}y#{else}n#{/if}", X=something) == "y"


def test_an_undefined_condition_is_false_and_no_error() -> None:
    """script-execution 48"""
    assert Variables().evaluate("#{if X}y#{/if}#{unless X}n#{/unless}") == Evaluation("n")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('#{if X == "v"}y#{/if}', "y"),
        ('#{if "v" == X}y#{/if}', "y"),
        ('#{if X == "V"}y#{else}n#{/if}', "n"),
        ('#{if X != "V"}y#{else}n#{/if}', "y"),
        ("#{if X == X}y#{/if}", "y"),
        ("#{if X == Y}y#{else}n#{/if}", "n"),
        ("#{if X != Y}y#{/if}", "y"),
        ('#{if X | ToUpper == "V"}y#{/if}', "y"),
        ("#{IF X}y#{/if}", "y"),
        ("#{ if X}y#{/if}", "y"),
        ("#{if Q}1#{elseif X}2#{else}3#{/if}", "2"),
        ("#{unless X}1#{else}2#{/unless}", "2"),
        ("#{if X}a\n#{if Y}b#{/if}\nc#{/if}", "a\nb\nc"),
    ],
)
def test_conditions(template: str, expected: str) -> None:
    """script-execution 49"""
    assert text(template, X="v", Y="w") == expected


def test_a_condition_whose_filter_fails_is_echoed_whole() -> None:
    evaluation = Variables({"X": "v"}).evaluate("a #{if X | NoSuch}y#{/if} b")

    assert evaluation == Evaluation("a #{if X | NoSuch}y#{/if} b", ("#{if X | NoSuch}y#{/if}",))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"L[b].u": "1", "L[a].u": "2"}, "[b][a]"),
        ({"L": '["x", 1, true]'}, "[x][1][True]"),
        ({"L": '{"one": 1, "two": 2}'}, "[one][two]"),
        ({"L": "a, b,,c"}, "[a][ b][][c]"),
        ({"L": ""}, "[]"),
        ({}, ""),
    ],
)
def test_loops(values: dict[str, str], expected: str) -> None:
    """script-execution 50: items of a list are not trimmed, and nothing defined is no error."""
    assert Variables(values).evaluate("#{each i in L}[#{i}]#{/each}") == Evaluation(expected)


def test_a_loop_over_indexed_variables_reads_what_belongs_to_each() -> None:
    """script-execution 50: in the order in which they were defined."""
    variables = Variables({"L[b].u": "1", "L[a].u": "2"})

    assert variables.evaluate("#{each i in L}#{i}=#{i.u};#{/each}").text == "b=1;a=2;"


def test_a_loop_over_an_object_has_keys_and_values() -> None:
    """script-execution 50"""
    variables = Variables({"J": '{"one":1,"two":{"x":"y"}}'})

    assert variables.evaluate("#{each p in J}#{p}:#{p.Key}:#{p.Value} #{/each}").text == 'one:one:1 two:two:{"x":"y"} '


def test_loops_know_where_they_are_and_nest() -> None:
    """script-execution 51"""
    template = (
        "#{each a in A}#{each b in B}#{a}#{b}#{if Octopus.Template.Each.Last}.#{/if}#{/each}"
        "#{Octopus.Template.Each.Index}#{/each}"
    )
    assert text(template, A="1,2", B="x,y") == "1x1y.02x2y.1"


def test_the_place_in_an_outer_loop_is_itself_again_behind_the_inner_one() -> None:
    """script-execution 51"""
    each = "Octopus.Template.Each"
    place = f"#{{{each}.Index}}{{#{{{each}.First}}|#{{{each}.Last}}}}"

    written = text(f"#{{each a in A}}#{{each b in B}}({place})#{{/each}}{place};#{{/each}}", A="1,2", B="x,y")

    inner = "(0{True|False})(1{False|True})"
    assert written == f"{inner}0{{True|False}};{inner}1{{False|True}};"


def test_a_loop_variable_hides_a_variable_of_its_name() -> None:
    assert text("#{each X in L}#{X}#{/each}#{X}", L="1,2", X="v") == "12v"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("#{J.a}", "x"),
        ("#{J[a]}", "x"),
        ("#{J.list[1].n}", "2"),
        ("#{J.A}", ""),
        ("#{J.list[9]}", ""),
        ("#{J.null}", ""),
        ("#{J.yes}", "True"),
        ("#{J.number}", "15"),
        ("#{J.big}", "1000"),
        ("#{J.list}", '[{"n":1},{"n":2}]'),
    ],
)
def test_json_values(token: str, expected: str) -> None:
    """script-execution 52"""
    value = '{"a":"x","list":[{"n":1},{"n":2}],"null":null,"yes":true,"number":15.00,"big":1e3}'
    assert text(token, J=value) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("#{calc 1 + 2 * 3}", "7"),
        ("#{calc (1 + 2) * 3}", "9"),
        ("#{calc 8 - 4 - 2}", "2"),
        ("#{calc 8 / 4 / 2}", "1"),
        ("#{calc A - 1.5}", "3.5"),
        ("#{calc {A-1} - 1}", "9"),
        ("#{calc A-1 - 1}", "9"),
        ("#{calc {My-Var} / 2}", "4"),
        ("#{calc 1 / 0}", "Infinity"),
        ("#{calc 1 / 3}", "0.3333333333333333"),
        ("#{calc N + 1}", "-1"),
        ("#{calc F + 1}", "#{F+1}"),
    ],
)
def test_calculations(template: str, expected: str) -> None:
    """script-execution 54"""
    variables = Variables({"A": "5", "A-1": "10", "My-Var": "8", "N": "-2", "F": "no"})

    assert variables.evaluate(template).text == expected


def test_lookup_ignores_case_in_every_part() -> None:
    assert Variables({"Octopus.Action[Deploy Web].Url": "u"}).evaluate("#{octopus.ACTION[deploy web].uRL}").text == "u"


def test_an_index_may_come_from_another_variable() -> None:
    """script-execution 53"""
    variables = Variables({"Map[dev].Url": "here", "Env": "dev"})

    assert variables.evaluate("#{Map[#{Env}].Url}").text == "here"
    assert variables.evaluate("#{Map[#{None}].Url}") == Evaluation("#{Map[#{None}].Url}", ("#{Map[#{None}].Url}",))


def test_first_children_and_parents_without_values() -> None:
    variables = Variables({"A[x].B": "1", "A[y].B": "2"})

    assert variables.evaluate("#{A[*].B}").text == "1"
    assert variables.evaluate("#{A[x]}").text == "x"
    assert variables.evaluate("#{A}").text == "#{A}"


def test_values_are_templates_and_results_are_not_scanned_again() -> None:
    """script-execution 58"""
    variables = Variables({"A": "1#{B}", "B": "2", "Open": "##", "Odd": "#{", "Escaped": "##{B}"})

    assert variables.evaluate("#{A}").text == "12"
    assert variables.evaluate("#{Escaped}").text == "#{B}"
    assert variables.evaluate("#{Odd}").text == "#{"
    assert variables.evaluate("#{Open | Substring 1}{B}").text == "#{B}"
    assert variables.evaluate('#{Odd | Append B "}"}').text == "#{B}"


def test_a_circle_is_named() -> None:
    """script-execution 47"""
    variables = Variables({"A": "#{B}", "B": "x#{C}", "C": "#{a}"})

    with pytest.raises(TemplateError, match="A -> B -> C -> A"):
        variables.evaluate("#{A}")


def test_unresolved_tokens_are_left_and_listed() -> None:
    """script-execution 47"""
    evaluation = Variables({"A": "1"}).evaluate('#{A} #{B} #{C|Append  x "y z"}')

    assert evaluation.text == '1 #{B} #{C | Append "x" "y z"}'
    assert evaluation.unresolved == ("#{B}", '#{C | Append "x" "y z"}')


@pytest.mark.parametrize(
    ("template", "expected", "unresolved"),
    [
        ("a #{F} #{bad | b", "a foo #{bad | b", ()),
        ("#{F} #{} #{F}", "foo #{} foo", ()),
        ('${#arr[@]} "#{F" #{ F }', '${#arr[@]} "#{F" foo', ()),
        ("#{if F}x #{F}", "#{if F}x foo", ("#{if F}",)),
    ],
)
def test_continue_mode_keeps_what_it_cannot_read(template: str, expected: str, unresolved: tuple[str, ...]) -> None:
    """script-execution 57"""
    evaluation = Variables({"F": "foo"}).evaluate(template, ParseMode.CONTINUE)

    assert evaluation == Evaluation(expected, unresolved)


def test_halt_mode_leaves_the_text_and_says_why() -> None:
    """script-execution 57"""
    evaluation = Variables({"F": "foo"}).evaluate("a #{F} #{bad | b")

    assert evaluation.text == "a #{F} #{bad | b"
    assert evaluation.error is not None


@given(st.text())
def test_text_without_tokens_is_untouched(anything: str) -> None:
    plain = anything.replace("#{", "")
    assert Variables().evaluate(plain) == Evaluation(plain)


@given(st.text(alphabet='#{}|[]."\\ ifeachunlesscalcX/=!*+-()1', max_size=80))
def test_continue_mode_reads_any_text(anything: str) -> None:
    Variables({"X": "1", "i": "2"}).evaluate(anything, ParseMode.CONTINUE)


@given(st.text(alphabet='#{}|[]."\\ ifeachunlesscalcX/=!*+-()1', max_size=80))
def test_halt_mode_reads_any_text_or_leaves_it(anything: str) -> None:
    evaluation = Variables({"X": "1", "i": "2"}).evaluate(anything)
    assert evaluation.error is None or evaluation.text == anything


@given(st.dictionaries(st.sampled_from("ABCDEF"), st.text(alphabet="AB#{}", max_size=12)))
def test_any_variables_end(values: dict[str, str]) -> None:
    variables = Variables(values)
    for name in values:
        with suppress(TemplateError):
            variables.find(name)


def test_values_that_multiply_are_cut_off() -> None:
    laughs = {f"L{number}": f"#{{L{number + 1}}}" * 10 for number in range(12)} | {"L12": "ha"}

    with pytest.raises(TemplateError, match="grew beyond"):
        Variables(laughs).evaluate("#{L0}")


def test_values_nested_too_deep_are_refused() -> None:
    chain = {f"C{number}": f"#{{C{number + 1}}}" for number in range(100)}

    with pytest.raises(TemplateError, match="levels deep"):
        Variables(chain).evaluate("#{C0}")


def test_loops_that_multiply_are_cut_off() -> None:
    template = "".join(f"#{{each v{number} in L}}" for number in range(9)) + "#{/each}" * 9

    with pytest.raises(TemplateError, match="repeat more than"):
        Variables({"L": "," * 20}).evaluate(template)


def test_blocks_nested_too_deep_are_refused() -> None:
    assert Variables({"X": "1"}).evaluate("#{if X}" * 200 + "#{/if}" * 200).error is not None


def test_conditions_of_steps() -> None:
    variables = Variables({"Yes": "True", "Nested": "#{if Yes}True#{/if}", "Gap": "#{None}"})

    assert variables.is_truthy("#{Yes}")
    assert variables.is_truthy("#{Nested}")
    assert not variables.is_truthy("#{No}")
    assert not variables.is_truthy("#{Gap}#{No}")
    assert not variables.is_truthy("")
    assert not is_truthy_text(None)


def test_later_values_win_and_the_first_are_kept() -> None:
    variables = Variables({"A": "1"}).with_values({"a": "2", "B": "3"})

    assert variables.find("A") == "2"
    assert json.dumps(variables.evaluated()) == '{"a": "2", "B": "3"}'


def test_a_variable_that_is_null_is_not_set() -> None:
    assert Variables({"A": "#{ | null}"}).find("A") is None


def test_a_name_that_is_no_symbol_shadows_nothing() -> None:
    """script-execution 59"""
    variables = Variables({"Foo+Bar": "x"})

    assert variables.evaluate("#{Foo}") == Evaluation("#{Foo}", ("#{Foo}",))
    assert Variables({"Foo+Bar": "x", "Foo": "y"}).evaluate("#{Foo}").text == "y"
    assert variables.find("Foo+Bar") == "x"


def test_an_undefined_symbol_equals_the_empty_text() -> None:
    """script-execution 49"""
    assert text('#{if X == ""}y#{/if}') == "y"
    assert Variables({"X": "y"}).evaluate("#{if X == 'y'}y#{/if}").error is not None
