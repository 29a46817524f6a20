"""Composes a PowerShell step: helper functions and variables in one file, which then runs the script in another.

The script keeps its own file, so that errors name its own lines. Variables travel as base64.
Source: script-execution.md §2.6.3, §2.8, §2.9; docs/decisions/0070-composed-scripts.md.
"""

import base64
import re
from collections.abc import Mapping, Sequence

from octavo.executor.bash import SUPPRESS_ENVIRONMENT_LOGGING, check_no_nul, helper_source

WITHOUT_PROFILE = "Octopus.Action.PowerShell.ExecuteWithoutProfile"
#: PowerShell reads each of these as a single quote.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
_SHORT_NAMES = """foreach ($name in @($OctopusParameters.Keys)) {
    $short = $name -replace '[^a-zA-Z0-9]', ''
    if ($short -and -not $name.Contains('[') -and -not (Test-Path -LiteralPath "variable:global:$short")) {
        Set-Variable -Name $short -Value $OctopusParameters[$name]
    }
}
"""
_ENVIRONMENT = """Write-OctavoLevel 'verbose' @"
PowerShell environment:
  OperatingSystem: $([Environment]::OSVersion)
  Machine: $([Environment]::MachineName)
  CurrentDirectory: $PWD
  PowerShell: $($PSVersionTable.PSVersion)
"@
"""


def command(variables: Mapping[str, str], file: str) -> list[str]:
    """The command that runs a composed file."""
    profile = ["-NoProfile"] if variables.get(WITHOUT_PROFILE, "").lower() == "true" else []
    return ["pwsh", "-NoLogo", *profile, "-NonInteractive", "-ExecutionPolicy", "Unrestricted", "-File", file]


def compose(script_file: str, variables: Mapping[str, str], parameters: str, modules: Sequence[str] = ()) -> str:
    """The PowerShell file that runs `script_file`, beside which it and the `modules` lie.

    `parameters` is PowerShell source, as users write it behind a command.

    Raises:
        ValueError: a parameter or a value contains NUL; the message says which.
    """
    check_no_nul("", variables, parameters)
    payload = ",".join(f"{_encoded(name)}:{_encoded(value)}" for name, value in variables.items() if name)
    imports = [
        f"Import-Module (Join-Path $PSScriptRoot {_quoted(name)}) -DisableNameChecking -Global" for name in modules
    ]
    return "\n".join(
        [
            helper_source("powershell_helpers.ps1"),
            f"Import-OctavoVariables '{payload}'",
            _SHORT_NAMES,
            "" if variables.get(SUPPRESS_ENVIRONMENT_LOGGING) == "True" else _ENVIRONMENT,
            "try {",
            *imports,
            f". (Join-Path $PSScriptRoot {_quoted(script_file)}) {parameters}",
            "} catch {",
            "    [Console]::Error.WriteLine($_.ToString())",
            "    [Console]::Error.WriteLine($_.InvocationInfo.PositionMessage)",
            "    [Console]::Error.WriteLine($_.ScriptStackTrace)",
            "    exit 1",
            "}",
            "if ($null -ne $LastExitCode) { exit $LastExitCode }",
            "exit 0",
            "",
        ]
    )


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")


def _quoted(text: str) -> str:
    return "'" + _QUOTES.sub(lambda found: found[0] * 2, text) + "'"
