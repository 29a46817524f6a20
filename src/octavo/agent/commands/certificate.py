"""Commands about the agent's certificate. Source: tentacle-cli §4.1."""

import base64
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from octavo.agent.command_line import Arguments, Option
from octavo.agent.commands.command import CONFIG, FORMAT, INSTANCE, Command, Invocation, switch, wants_json
from octavo.agent.configuration import Key
from octavo.agent.files import write_atomically
from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive

if TYPE_CHECKING:
    from octavo.halibut.identity import Identity


def new_certificate(invocation: Invocation) -> int:
    """`new-certificate`: make one and install it, or write it to a file."""
    arguments = invocation.arguments
    _refuse_two(arguments, ("if-blank", "export-file", "export-pfx"))
    export = arguments.find_text("export-file") or arguments.find_text("export-pfx")
    if arguments.is_on("if-blank") and invocation.configuration.find(Key.CERTIFICATE_THUMBPRINT):
        invocation.say("A certificate already exists, no changes will be applied.")
        return 0
    from octavo.agent.certificates import new_agent_identity

    identity = new_agent_identity()
    if export is None:
        _install(invocation, identity)
        invocation.say("A new certificate has been generated and installed. Thumbprint:")
    else:
        _export(invocation, identity, invocation.host.working_folder / export)
        invocation.say(f"A new certificate has been generated and written to {export}. Thumbprint:")
    invocation.say(identity.thumbprint)
    return 0


def import_certificate(invocation: Invocation) -> int:
    """`import-certificate`: install one that the user brings."""
    from octavo.agent.certificates import SHORTEST_GOOD_KEY_BITS, import_identity, key_bits

    identity = import_identity(_read_import(invocation), _password(invocation.arguments))
    if key_bits(identity) < SHORTEST_GOOD_KEY_BITS:
        invocation.warn(
            f"The imported certificate's key has only {key_bits(identity)} bits. We recommend one of "
            f"{SHORTEST_GOOD_KEY_BITS} bits or more; `tentacle new-certificate` makes one."
        )
    _install(invocation, identity)
    invocation.say(f"Certificate with thumbprint {identity.thumbprint} imported successfully.")
    return 0


def show_thumbprint(invocation: Invocation) -> int:
    """`show-thumbprint`."""
    as_json = wants_json(invocation.arguments)
    thumbprint = invocation.configuration.find(Key.CERTIFICATE_THUMBPRINT)
    text = json.dumps({"Thumbprint": thumbprint}, separators=(",", ":")) if as_json else thumbprint or ""
    export = invocation.arguments.find_text("export-file")
    if export is not None:
        write_atomically(invocation.host.working_folder / export, text.encode(), mode=0o644)
        return 0
    invocation.write(text)
    return 0


def _install(invocation: Invocation, identity: "Identity") -> None:
    from octavo.agent.certificates import store_identity

    store_identity(invocation.configuration, identity, invocation.machine_key)
    invocation.save_configuration()


def _export(invocation: Invocation, identity: "Identity", file: Path) -> None:
    from octavo.agent.certificates import to_pkcs12

    data = to_pkcs12(identity, _password(invocation.arguments))
    if invocation.arguments.find_text("export-file"):
        data = base64.b64encode(data)
    write_atomically(file, data)


def _read_import(invocation: Invocation) -> bytes:
    arguments = invocation.arguments
    sources = [name for name in ("from-registry", "from-file", "from-base64") if arguments.was_given(name)]
    if not sources:
        raise ConfigurationError("Please specify the certificate to import.")
    if len(sources) > 1:
        raise ConfigurationError("Please specify only one of either from-registry or from-file or from-base64")
    if sources == ["from-registry"]:
        raise ConfigurationError("Certificates can be imported from the registry on Windows only; use --from-file.")
    if sources == ["from-base64"]:
        return (arguments.find_text("from-base64") or "").encode()
    file = invocation.host.working_folder / (arguments.find_text("from-file") or "")
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"The certificate file {file} cannot be read: {error.strerror}.") from error


def _password(arguments: Arguments) -> Sensitive | None:
    text = arguments.find_text("pfx-password")
    return None if text is None else Sensitive(text)


def _refuse_two(arguments: Arguments, names: Sequence[str]) -> None:
    for first, second in combinations(names, 2):
        if arguments.was_given(first) and arguments.was_given(second):
            raise ConfigurationError(f"Invalid command: --{first} and --{second} cannot be specified together")


COMMANDS = (
    Command(
        "new-certificate",
        "Creates and installs a new certificate for this Tentacle",
        new_certificate,
        (
            INSTANCE,
            CONFIG,
            switch("b", "if-blank", description="Generates a new certificate only if there is none"),
            Option(
                ("e", "export-file"),
                "DEPRECATED: Exports a new certificate to the specified file as unprotected base64 text, "
                "but does not save it to the Tentacle configuration; for use with the import-certificate command",
            ),
            Option(
                ("export-pfx",),
                "Exports the new certificate to the specified file as a password protected pfx, "
                "but does not save it to the Tentacle configuration; for use with the import-certificate command",
            ),
            Option(("pfx-password",), "The password to use for the exported pfx file", is_sensitive=True),
        ),
    ),
    Command(
        "import-certificate",
        "Replace the certificate that Tentacle uses to authenticate itself",
        import_certificate,
        (
            INSTANCE,
            CONFIG,
            switch(
                "r",
                "from-registry",
                description="Import the Octopus Tentacle 1.x certificate from the Windows registry",
            ),
            Option(
                ("f", "from-file"),
                "Import a certificate from the specified file generated by the new-certificate command "
                "or a Personal Information Exchange (PFX) file",
            ),
            Option(
                ("b", "from-base64"),
                "Import a certificate from the specified base64 text, which may be a PFX",
                is_sensitive=True,
            ),
            Option(
                ("pw", "pfx-password"), "Personal Information Exchange (PFX) private key password", is_sensitive=True
            ),
        ),
    ),
    Command(
        "show-thumbprint",
        "Show the thumbprint of this Tentacle's certificate",
        show_thumbprint,
        (
            INSTANCE,
            CONFIG,
            Option(("e", "export-file"), "Exports the Tentacle thumbprint to a file"),
            switch("thumbprint-only", description="DEPRECATED: Only print out the thumbprint, with no additional text"),
            FORMAT,
        ),
        keeps_stdout_clean=True,
    ),
)
