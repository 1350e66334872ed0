"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import formats

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.00075, "0.075 %"),
        (0.001, "0.1 %"),
        (0.000125, "0.0125 %"),
        (0.00025, "0.025 %"),
        (0.0, "0 %"),
        (0.02, "2 %"),
        (1.0, "100 %"),
        (1e-9, "0.0000001 %"),
        (None, formats.NOTHING),
    ],
)
def test_a_rate_is_shown_with_all_its_digits(fraction, text):
    assert formats.rate(fraction) == text


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (0.00000123, "0.00000123"),
        (1_234_567_890.0, "1,234,567,890"),
        (60_123.45, "60,123.45"),
        (0.1 + 0.2, "0.3"),
        (1.0, "1"),
        (123_456.78912, "123,456.79"),
        (0.0, "0"),
        (-0.0, "0"),
        (None, formats.NOTHING),
    ],
)
def test_a_price_has_no_exponent_and_eight_digits_that_tell(price, text):
    assert formats.price(price) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1234.5, "USDT", "1,234.50"),
        (0.0042, "USDT", "0.0042"),
        (0.75, "", "0.75"),
        (7.506, "USDT", "7.51"),
        (-0.00001234, "", "-0.000012"),
        (1e-12, "", "0.00"),
        (-1e-12, "BTC", "0.00"),
        (0.012345678, "BTC", "0.01234568"),
        (1.0, "BTC", "1.00"),
        (1.23456789, "BTC", "1.2345679"),
        (123_456.789, "ETH", "123,456.79"),
        (None, "BTC", formats.NOTHING),
    ],
)
def test_money_is_shown_to_the_cent_and_coins_to_what_they_are_worth(amount, currency, text):
    assert formats.money(amount, currency) == text


def test_what_rounds_to_nothing_has_no_sign():
    assert formats.percent(-0.00001) == "0.00 %"
    assert formats.signed_percent(-0.00001) == "0.00 %"
    assert formats.signed_percent(0.0) == "0.00 %"
    assert formats.ratio(-0.001) == "0.00"
    assert formats.signed_money(0.0) == "0.00"
    assert formats.signed_money(-0.0) == "0.00"
    assert formats.signed_money(12.5) == "+12.50"
    assert formats.signed_money(-0.02, "BTC") == "-0.02"


@given(NUMBERS, st.sampled_from(["", "USDT", "BTC"]))
def test_no_number_is_shown_with_an_exponent_or_far_from_what_it_is(number, currency):
    for text, off in (
        (formats.price(number), max(abs(number) * 1e-7, 1e-300)),
        (formats.money(number, currency), 0.0051),
        (formats.signed_money(number, currency), 0.0051),
    ):
        assert "e" not in text
        assert abs(float(text.replace(",", "")) - number) <= off
