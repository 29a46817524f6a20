"""domain/variable_scopes.py: who wins, whatever the order."""

from hypothesis import given
from hypothesis import strategies as st

from octavo.server.domain.variable_scopes import Dimension, Situation, Variable, choose_variables, explain_choice

SITUATION = Situation(
    environment_id="E1",
    machine_id="M1",
    roles=frozenset({"web", "db"}),
    action_id="A1",
    channel_id="C1",
    tenant_tags=frozenset({"Ring/One"}),
    process_owner_id="P1",
)
APPLICABLE = {
    Dimension.ENVIRONMENT: "e1",
    Dimension.MACHINE: "M1",
    Dimension.ROLE: "WEB",
    Dimension.ACTION: "A1",
    Dimension.CHANNEL: "C1",
    Dimension.TENANT_TAG: "Ring/One",
    Dimension.PROCESS_OWNER: "P1",
}


def variable(value: str, **scope: str) -> Variable:
    dimensions = {Dimension[name.upper()]: frozenset(each.split(",")) for name, each in scope.items()}
    return Variable(value, "X", value, scope=dimensions)


def chosen(*variables: Variable, situation: Situation = SITUATION) -> str | None:
    found = choose_variables(variables, situation).get("x")
    return found.value if found else None


def test_a_scoped_value_beats_an_unscoped_one_only_where_it_applies() -> None:
    values = variable("plain"), variable("here", environment="E1"), variable("there", environment="E2")

    assert chosen(*values) == "here"
    assert chosen(*values, situation=Situation(environment_id="E3")) == "plain"


def test_the_more_specific_dimension_wins() -> None:
    order = ["channel", "environment", "role", "machine", "process_owner", "action", "tenant_tag"]
    values = [variable(name, **{name: APPLICABLE[Dimension[name.upper()]]}) for name in order]

    for place in range(1, len(values)):
        assert chosen(*values[: place + 1]) == order[place]


def test_more_dimensions_beat_fewer_of_the_same() -> None:
    assert chosen(variable("one", machine="M1"), variable("two", machine="M1", environment="E1")) == "two"


def test_one_of_several_roles_is_enough() -> None:
    assert chosen(variable("x", role="other,db")) == "x"


def test_the_first_of_equals_wins() -> None:
    assert chosen(variable("project"), variable("library")) == "project"


def test_every_candidate_is_explained() -> None:
    values = [variable("plain"), variable("here", environment="E1"), variable("there", environment="E2")]

    first, *others = explain_choice(values, "x", SITUATION)

    assert (first.variable.value, first.is_chosen) == ("here", True)
    assert {each.variable.value: each.reason for each in others}["there"] == "its Environment scope does not apply here"


SCOPES = st.dictionaries(
    st.sampled_from(list(Dimension)),
    st.frozensets(st.sampled_from(["e1", "M1", "web", "A1", "C1", "Ring/One", "P1", "no"]), min_size=1),
)


@given(st.lists(SCOPES, max_size=6), st.randoms())
def test_the_winner_applies_and_is_as_specific_as_any(
    scopes: list[dict[Dimension, frozenset[str]]], random: object
) -> None:
    values = [Variable(str(place), "X", str(place), scope=scope) for place, scope in enumerate(scopes)]

    winner = choose_variables(values, SITUATION).get("x")

    applicable = [each for each in values if choose_variables([each], SITUATION)]
    assert (winner is None) == (not applicable)
    if winner is not None:
        assert winner in applicable
        unscoped = [each for each in applicable if not each.scope]
        assert winner.scope or len(applicable) == len(unscoped)


@given(st.lists(SCOPES, max_size=6))
def test_values_that_do_not_apply_change_nothing(scopes: list[dict[Dimension, frozenset[str]]]) -> None:
    values = [Variable(str(place), "X", str(place), scope=scope) for place, scope in enumerate(scopes)]
    elsewhere = Variable("no", "X", "no", scope={Dimension.ENVIRONMENT: frozenset({"nowhere"})})

    assert choose_variables([elsewhere, *values], SITUATION) == choose_variables(values, SITUATION)
