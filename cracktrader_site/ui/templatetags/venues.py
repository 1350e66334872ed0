"""Texts of strategies and names of venues as pages show them."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from exchanges.models import Exchange

register = template.Library()

_SUMMARY_WORDS = 40
# Not after an abbreviation: what follows that is not in capitals.
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\W])")
_CODE = re.compile(r"`([^`\n]+)`")


@register.filter
def prose(text: str) -> SafeString:
    """A docstring's text: paragraphs, and `names` in the letters of code."""
    shown = _CODE.sub(r"<code>\1</code>", str(escape(text.strip())))
    paragraphs = re.split(r"\n\s*\n", shown)
    return mark_safe("".join(f"<p>{paragraph}</p>" for paragraph in paragraphs if paragraph))


@register.filter
def summary(text: str) -> str:
    """The first sentence of a docstring, or as much of it as a card has room for."""
    paragraph = " ".join(re.split(r"\n\s*\n", text.strip())[0].split())
    sentence = _SENTENCE_END.split(paragraph, maxsplit=1)[0]
    return Truncator(sentence).words(_SUMMARY_WORDS)


@register.filter
def called(exchange: Exchange) -> str:
    """The venue's title; of one that the operator added, the name it was given."""
    own = exchange.ccxt_id and exchange.ccxt_id != exchange.name
    return exchange.name if own or not exchange.title else exchange.title
