"""executor/dotnet_config.py: transforms and variables in .NET configuration files."""

from pathlib import Path

import pytest

from octavo.executor.dotnet_config import replace_in_configuration, transform_configuration
from octavo.executor.scripts import StepRefused

PACKAGE = "Octopus.Action.Package."
AUTOMATIC = {f"{PACKAGE}AutomaticallyRunConfigurationTransformationFiles": "True"}
VARIABLES = {f"{PACKAGE}AutomaticallyUpdateAppSettingsAndConnectionStrings": "True"}
EXPLICIT = f"{PACKAGE}AdditionalXmlConfigurationTransforms"
CONFIG = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <appSettings file="x">
    <add key="Name" value="old" /><add key='Other' value='o'/><add key="Bare"/><remove key="Name" />
  </appSettings>
  <connectionStrings><add name="Main" connectionString="s" providerName="p"/></connectionStrings>
  <applicationSettings>
    <App.Settings><setting name="Url" serializeAs="String">
      <value>http://old</value></setting><setting name="Empty"><value /></setting></App.Settings>
  </applicationSettings>
</configuration>
"""


def setting(value: str) -> str:
    return f"<c><a v='{value}'/></c>"


def transform_to(value: str) -> str:
    namespace = "http://schemas.microsoft.com/XML-Document-Transform"
    return f'<c xmlns:xdt="{namespace}"><a v="{value}" xdt:Transform="SetAttributes"/></c>'


def folder_with(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder


def test_variables_go_into_settings_and_connection_strings_and_all_else_stays(tmp_path: Path) -> None:
    """script-execution 79."""
    folder = folder_with(tmp_path, sub__web_config=CONFIG, web_txt=CONFIG)

    replace_in_configuration(
        folder,
        {**VARIABLES, "name": "a\"b'", "Bare": "<1>", "MAIN": "Server=x", "Url": "a&b", "Empty": "e", "remove": "no"},
    )

    after = (
        CONFIG.replace('value="old"', 'value="a&quot;b&apos;"')
        .replace('key="Bare"', 'key="Bare" value="&lt;1&gt;"')
        .replace('String="s"', 'String="Server=x"')
        .replace("http://old", "a&amp;b")
        .replace("<value />", "<value>e</value>")
    )
    assert (folder / "sub/web.config").read_bytes() == after.encode()
    assert (folder / "web.txt").read_bytes() == CONFIG.encode()


@pytest.mark.parametrize(
    ("settings", "is_done"),
    [
        ({}, False),
        (VARIABLES, True),
        ({"Octopus.Action.EnabledFeatures": "Octopus.Features.ConfigurationVariables"}, True),
        (
            {
                "Octopus.Action.EnabledFeatures": "Octopus.Features.ConfigurationVariables",
                f"{PACKAGE}AutomaticallyUpdateAppSettingsAndConnectionStrings": "False",
            },
            False,
        ),
    ],
)
def test_nothing_is_done_unless_the_step_wants_it(tmp_path: Path, settings: dict[str, str], is_done: bool) -> None:
    folder = folder_with(tmp_path, web_config=CONFIG)

    replace_in_configuration(folder, {**settings, "Name": "new"})

    assert ((folder / "web.config").read_bytes() != CONFIG.encode()) == is_done


def test_an_unreadable_file_is_refused_or_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_with(tmp_path, web_config="<configuration>")
    with pytest.raises(StepRefused, match=r"web\.config"):
        replace_in_configuration(folder, VARIABLES)

    replace_in_configuration(folder, {**VARIABLES, f"{PACKAGE}IgnoreVariableReplacementErrors": "True"})

    assert "stdout-warning" in capsys.readouterr().out


def test_transforms_of_release_environment_and_tenant_run_in_this_order(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        web_config=setting("0"),
        web_release_config=transform_to("1"),
        sub__App_config=setting("0"),
        sub__App_Release_config=transform_to("1"),
        sub__App_Production_config=transform_to("2"),
        sub__App_Acme_config=transform_to("3"),
        sub__App_Staging_config=transform_to("4"),
        other_Release_config=transform_to("5"),
    )
    names = {"Octopus.Environment.Name": "Production", "Octopus.Deployment.Tenant.Name": "Acme"}

    transform_configuration(folder, {**AUTOMATIC, **names})

    assert (folder / "web.config").read_text() == setting("1")
    assert (folder / "sub/App.config").read_text() == setting("3")


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("Staging", {"web.config"}),
        ("Staging.config", {"web.config"}),
        ("web.Staging.config", {"web.config"}),
        ("odd.config => web.config", {"web.config"}),
        ("*.Staging.config => *.config", {"web.config"}),
        ("*.Staging.config => app.xml", {"app.xml"}),
        ("t\\odd.config => app.xml, odd.config=>web.config", {"app.xml", "web.config"}),
        ("t/odd.config => sub/deep.config", {"sub/deep.config"}),
        ("absent.config => web.config", set()),
    ],
)
def test_named_transforms_run_on_the_files_they_mean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str, changed: set[str]
) -> None:
    folder = folder_with(
        tmp_path,
        web_config=setting("0"),
        app_xml=setting("0"),
        sub__deep_config=setting("0"),
        web_Staging_config=transform_to("1"),
        odd_config=transform_to("1"),
        t__odd_config=transform_to("1"),
    )

    transform_configuration(folder, {EXPLICIT: rule})

    targets = ("web.config", "app.xml", "sub/deep.config")
    assert {name for name in targets if (folder / name).read_text() == setting("1")} == changed
    assert ("No file matches" in capsys.readouterr().out) == (not changed)


def test_transforms_get_no_variables(tmp_path: Path) -> None:
    text = '<configuration><appSettings><add key="Name" value="x"/></appSettings></configuration>'
    folder = folder_with(tmp_path, web_config=text, web_Release_config=text)

    replace_in_configuration(folder, {**VARIABLES, **AUTOMATIC, "Name": "new"})

    assert (folder / "web.config").read_text() == text.replace('"x"', '"new"')
    assert (folder / "web.Release.config").read_text() == text


def test_warnings_are_errors_unless_the_step_says_otherwise(tmp_path: Path) -> None:
    lost = transform_to("1").replace("<a ", "<absent ")
    folder = folder_with(tmp_path, web_config=setting("0"), web_Release_config=lost)
    with pytest.raises(StepRefused, match="/c/absent"):
        transform_configuration(folder, AUTOMATIC)

    transform_configuration(folder, {**AUTOMATIC, f"{PACKAGE}TreatConfigTransformationWarningsAsErrors": "False"})

    assert (folder / "web.config").read_text() == setting("0")


def test_errors_are_warnings_when_the_step_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_with(tmp_path, web_config=setting("0"), web_Release_config="<c>")
    with pytest.raises(StepRefused, match="cannot be transformed"):
        transform_configuration(folder, AUTOMATIC)

    transform_configuration(folder, {**AUTOMATIC, f"{PACKAGE}IgnoreConfigTransformationErrors": "True"})

    assert "stdout-warning" in capsys.readouterr().out
