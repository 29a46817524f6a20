"""What all tests of the web interface need of a browser."""

from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(__file__).parent / "screenshots"  # git-ignored
PATIENCE_MS = 15_000


def sign_in(page: Page, password: str) -> None:
    """Fill the form, and send it by Enter."""
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
