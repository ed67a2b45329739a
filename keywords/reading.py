"""A text as the tiers read it: the words that count, and where they stand in what the person typed."""

from keywords.envelope import strip_envelope
from keywords.folding import BOUNDARIES, BREAK, SILENT, fold_tokens, token_spans

# A whole-text keyword is never longer than this, even spelt "U. N. S. U. B. S. C. R. I. B. E."
_LONGEST_KEYWORD = 48


class Reading:
    """One text, folded.

    Attributes:
        text: as it arrived.
        body: the text without what the phone added, same length.
        tokens: folded words and boundaries.
        plain: the words alone.
        words: words, sentence ends and commas, without line breaks and emoji: phrases run over them.
        key: the whole text as one string without spaces, or "" when it is too long to be a keyword.
    """

    __slots__ = ("body", "key", "plain", "text", "tokens", "words")

    def __init__(self, text: str) -> None:
        """Args: text: the text as the carrier delivered it; any string at all."""
        self.text = text
        self.body = strip_envelope(text)
        self._set_tokens(fold_tokens(self.body))

    def _set_tokens(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.plain = tokens if SILENT.isdisjoint(tokens) else [token for token in tokens if token not in SILENT]
        self.words = [token for token in tokens if token != BREAK] if BREAK in tokens else tokens
        self.key = "".join(self.plain) if len(tokens) <= _LONGEST_KEYWORD else ""

    def with_tokens(self, tokens: list[str]) -> "Reading":
        """Return the same text read with other tokens, one for each of its own."""
        other = object.__new__(Reading)
        other.text = self.text
        other.body = self.body
        other._set_tokens(tokens)
        return other

    def clauses(self) -> list[list[str]]:
        """Return the words of each clause, in order, empty clauses left out."""
        clauses: list[list[str]] = [[]]
        for token in self.tokens:
            if token in BOUNDARIES:
                if clauses[-1]:
                    clauses.append([])
            else:
                clauses[-1].append(token)
        return clauses if clauses[-1] else clauses[:-1]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the words from number `start` up to `end` of `words` stand in the text."""
        spans = token_spans(self.body, self.tokens)
        if spans is not None:
            kept = [span for span, token in zip(spans, self.tokens, strict=True) if token != BREAK]
            while start < end - 1 and self.words[start] in SILENT:
                start += 1
            while end - 1 > start and self.words[end - 1] in SILENT:
                end -= 1
            if start < end <= len(kept):
                return kept[start][0], kept[end - 1][1]
        return self.whole_span()

    def whole_span(self) -> tuple[int, int]:
        """Return where the body stands in the text, blanks around it left out."""
        start = len(self.body) - len(self.body.lstrip())
        end = len(self.body.rstrip())
        return (start, end) if start < end else (0, len(self.text))
