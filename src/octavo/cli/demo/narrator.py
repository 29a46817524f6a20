"""What the demo says while it plays."""

from rich.console import Console
from rich.markup import escape


class NotAsExpected(Exception):
    """The product did not do what the demo was about to say; the message is for people."""


def expect(is_so: bool, complaint: str) -> None:
    """Go on only if `is_so`: the demo checks what it shows.

    Raises:
        NotAsExpected: it is not so.
    """
    if not is_so:
        raise NotAsExpected(complaint)


class Narrator:
    """Prints acts, deeds, commands and results."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._acts = 0

    def act(self, title: str) -> None:
        """A new part of the story begins."""
        self._acts += 1
        self._console.print(f"\n[bold]{self._acts}. {escape(title)}[/bold]")

    def say(self, text: str) -> None:
        """A sentence about what happens."""
        self._console.print(f"   {escape(text)}", highlight=False, soft_wrap=True)

    def command(self, words: str) -> None:
        """A command line, as one would type it."""
        self._console.print(f"   [cyan]$ {escape(words)}[/cyan]", highlight=False, soft_wrap=True)

    def seen(self, text: str) -> None:
        """Something that was checked and holds."""
        self._console.print(f"   [green]✓[/green] {escape(text)}", highlight=False, soft_wrap=True)

    def log(self, lines: list[str]) -> None:
        """Lines of a task log."""
        for line in lines:
            self._console.print(f"     [dim]│ {escape(line)}[/dim]", highlight=False, soft_wrap=True)

    def complain(self, text: str) -> None:
        """The end of a story that went wrong."""
        self._console.print(f"\n[bold red]Not as expected:[/bold red] {escape(text)}", highlight=False, soft_wrap=True)
