"""Which settings make a feed."""

import pytest

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.feeds import FeedSettings, open_feed


def test_an_unknown_type_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Invalid, match=r"no type of feed 'Gopher'.*GitHub.*NuGet"):
        open_feed(FeedSettings("Gopher", "https://feed.example"))


@pytest.mark.parametrize(
    "uri",
    ["", "feed.example", "file:///etc", "ftp://feed.example", "https://", "http://[::1", "https://a:geheim@b.example"],
)
def test_an_address_that_cannot_be_called_is_refused(uri: str) -> None:
    with pytest.raises(Invalid, match="address") as refusal:
        open_feed(FeedSettings("NuGet", uri))

    assert "geheim" not in str(refusal.value)


def test_settings_do_not_show_the_password() -> None:
    assert "geheim" not in repr(FeedSettings("NuGet", "https://feed.example", "anna", Sensitive("geheim")))
