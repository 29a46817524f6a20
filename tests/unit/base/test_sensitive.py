"""base/sensitive.py"""

from octavo.base.sensitive import Sensitive


def test_a_sensitive_value_never_prints() -> None:
    secret = Sensitive("hunter2")

    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"
