"""blobs/s3_blobs.py: the setting that says where the bucket is. The rest: tests/conformance/blobs."""

import pytest

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.server.blobs.s3_blobs import S3Settings


def test_a_bucket_at_amazon_needs_only_keys() -> None:
    assert S3Settings.parse("s3://AKIA:a%2Fb%40c@octavo") == S3Settings("octavo", "AKIA", Sensitive("a/b@c"))


def test_another_store_is_named_by_its_endpoint() -> None:
    settings = S3Settings.parse("s3://key:secret@octavo/team/a?region=eu&endpoint=http://127.0.0.1:9000")

    assert (settings.endpoint, settings.region, settings.prefix) == ("http://127.0.0.1:9000", "eu", "team/a")


@pytest.mark.parametrize(
    "url", ["s3://octavo", "http://key:geheim@octavo", "s3://key:geheim@octavo?zone=1", "s3://:geheim@"]
)
def test_another_form_is_explained_without_the_secret(url: str) -> None:
    with pytest.raises(ConfigurationError, match="place for blobs") as refused:
        S3Settings.parse(url)

    assert "geheim" not in str(refused.value)
