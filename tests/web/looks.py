"""What a page must be however one looks at it: accessible, light and dark, no wider than a phone. It keeps pictures."""

from playwright.sync_api import Page, expect

from web.browsing import PATIENCE_MS, ROOT, SCREENSHOTS

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}


def look(page: Page, name: str) -> None:
    """Look at the page as it is now; pictures are `{name}-light.png`, `-dark` and `-narrow` among the screenshots."""
    page.wait_for_load_state("load")
    expect(page.locator(".skeleton")).to_have_count(0, timeout=PATIENCE_MS)
    page.evaluate((ROOT / "web/node_modules/axe-core/axe.min.js").read_text())
    page.screenshot(path=SCREENSHOTS / f"{name}-light.png")
    assert _serious_faults(page, {}) == []
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=SCREENSHOTS / f"{name}-dark.png")
    assert _serious_faults(page, {"runOnly": ["color-contrast"]}) == []
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.screenshot(path=SCREENSHOTS / f"{name}-narrow.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], "the page is wider than a phone"
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]


def _serious_faults(page: Page, options: dict[str, list[str]]) -> list[str]:
    """What axe, which is in the page already, calls serious or critical."""
    found = page.evaluate("options => axe.run(options).then(result => result.violations)", options)
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]
