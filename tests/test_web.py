"""What a failed request is told as."""

from __future__ import annotations

import pytest
import requests

from reprokit.web import plain_reason


def test_a_failed_request_is_told_by_its_innermost_cause() -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        requests.get("http://127.0.0.1:9/", timeout=2)
    assert plain_reason(caught.value).endswith("[Errno 111] Connection refused")
    assert "Connection(" not in plain_reason(caught.value)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError(), "ValueError"),
        (OSError("the server at https://me:secret@host/ hung up"), "hung up"),
        (OSError("x" * 1000), "x" * 300),
    ],
)
def test_a_reason_is_short_and_holds_no_secret(error: Exception, text: str) -> None:
    assert plain_reason(error).endswith(text)
    assert "secret" not in plain_reason(error) and len(plain_reason(error)) <= 300
