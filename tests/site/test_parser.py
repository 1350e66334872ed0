"""The body of a request is read as the contract means it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site.api.parsers import loads
from exchanges.domain import InvalidInput

HOSTILE = {
    b"": "INVALID_JSON",
    b"{": "INVALID_JSON",
    b"\xff\xfe": "INVALID_JSON",
    b"\xef\xbb\xbf{}": "INVALID_JSON",
    b'{"a": NaN}': "INVALID_NUMBER",
    b'{"a": Infinity}': "INVALID_NUMBER",
    b'{"a": [-Infinity]}': "INVALID_NUMBER",
    b'{"a": 1e400}': "INVALID_NUMBER",
    b'{"a": -1e999}': "INVALID_NUMBER",
    b'{"a": ' + b"9" * 400 + b"}": "INVALID_NUMBER",
    b'{"a": ' + b"9" * 5000 + b"}": "INVALID_NUMBER",
    b'{"a": "\\ud800"}': "INVALID_TEXT",
    b'{"\\udfff": 1}': "INVALID_TEXT",
    b'{"a": "x\\u0000y"}': "INVALID_TEXT",
    b'{"a": 1, "a": 2}': "DUPLICATE_KEY",
    b'{"x": {"\\ud800": 1, "\\ud800": 2}}': "DUPLICATE_KEY",
    b"[" * 100_000: "JSON_TOO_DEEP",
    b'{"a":' * 40 + b"1" + b"}" * 40: "JSON_TOO_DEEP",
    b"[" * 100_000 + b"]" * 100_000: "JSON_TOO_DEEP",
}


@pytest.mark.parametrize(("body", "code"), HOSTILE.items(), ids=lambda v: str(v)[:24])
def test_hostile_json_is_refused_with_a_code_of_its_own(body: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        loads(body)
    assert refused.value.code == code
    json.dumps(refused.value.details).encode()
    refused.value.message.encode()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé😀"), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_whatever_json_can_say_is_understood_exactly(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value
