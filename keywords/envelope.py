"""Take away what the phone wrote: reactions, quoted originals, signatures, effects, subject prefixes.

What is taken away becomes as many line breaks, so that every place in the rest keeps its number. A reaction to, or a
quotation of, our own "Reply STOP" footer is not a request (behaviour 14); a person's own words in quotation marks are.
"""

import re

_MARKERS = re.compile(r"[\"“”„«»‹›「」『』＂>(\n\r]|^\s*(?:re|fwd?|aw|wg|rv|tr|ref|subject|antw)\s*:", re.IGNORECASE)

_OPEN = "\"“”„«‹「『＂"
_CLOSE = "\"”“»›」』＂"
_QUOTED = re.compile(f"[{_OPEN}]([^{_OPEN}{_CLOSE}]*)(?:[{_CLOSE}]|$)")

# Reaction texts by client and language: iMessage "Liked “…”", Google Messages "👍 to “…”", "Reacted 👍 to “…”".
_REACTION = re.compile(
    r"""^\W*(?:
    (?:removed\ an?\ )?(?:dis)?liked?(?:\ from)?|loved|laughed\ at|emphasi[sz]ed|questioned|exclaimed
    |removed\ (?:an?|the)\ [\w\ ]{1,25}\ from|reacted\ [^\w]{0,12}to|reacted(?:\ with)?\ .{1,16}\ to|reacted\ to|replied\ to|reply\ to
    |(?:no\ )?(?:me|le)\ (?:gust[óo]|encant[óo])|(?:se\ )?ri[óo]\ (?:de|con)|enfatiz[óo]|cuestion[óo]|reaccion[óo].{0,20}\ (?:a|con)
    |(?:n[’']a\ pas\ |a\ )?(?:aim[ée]|ador[ée])|a\ (?:ri\ (?:à|de)|soulign[ée]|accentu[ée]|mis\ en\ question|exclam[ée])|a\ réagi.{0,20}\ [àa]
    |gef[äa]llt|liebt|lacht\ (?:über|ueber)|betont|mag|hervorgehoben|stellt|reagierte?.{0,20}\ auf
    |(?:não\ )?(?:gostou|curtiu|amou|riu)(?:\ d[eo])?|(?:enfatizou|questionou|adorou)|reagiu.{0,20}\ a
    |ha\ (?:messo|adorato|riso|enfatizzato|contestato|reagito)[^"“«]{0,30}|(?:non\ )?(?:mi|gli|le)\ piace
    |vond|vindt|hield\ van|lachte\ om|benadrukte|stelde
    |понравилось|не\ понравилось|выделил[аи]?|рассмешило|лайкнул[аи]?
    |gillade|älskade|skrattade\ åt|likte|elsket|synes\ godt\ om
    |赞了|贊了|喜欢了?|喜歡了?|喜爱了?|踩了|强调了?|強調了?|质疑了?|質疑了?|对|對|いいね
    |to|a|à|auf|på|para
    )\s*[:：]?\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_EMOJI_ONLY = re.compile(r"^[^\w]*(?:\s(?:to|a|à|auf|para|su|op))?\s*$", re.IGNORECASE)
_FOOTER = re.compile(
    r"\b(?:reply|text|send|txt|respond|responde|envía|envia|répondez|antworte\w*|rispondi|responda)\b.{0,30}"
    r"\b(?:stop\w*|quit|end|cancel|unsubscribe|baja|alto|parar|sair|arr[eê]t)\b"
    r"|\bstop\s?(?:2|to|=)\s?(?:end|quit|opt|stop|unsub)",
    re.IGNORECASE,
)
_LINE_QUOTE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
_ORIGINAL = re.compile(
    r"^[ \t]*(?:-{2,}\s*(?:original|forwarded|ursprüngliche|mensaje|message d|messaggio|mensagem)\b"
    r"|on .{4,80} wrote:|el .{4,80} escribió:|le .{4,80} a écrit|am .{4,80} schrieb|em .{4,80} escreveu|il .{4,80} ha scritto"
    r"|-- ?$|_{5,}\s*$|from: .{1,80}$)",
    re.IGNORECASE | re.MULTILINE,
)
_SIGNATURE = re.compile(
    r"^[ \t\-–—*~]*(?:sent (?:from|via|with|by|on)\b|get (?:\w+ ){1,4}(?:for|on) (?:android|ios|iphone|mobile)|sent securely"
    r"|envoyé (?:de|depuis|à partir)|enviado (?:desde|de|do|a partir|con|com)\b|inviato (?:da|dal|con)\b|von meinem\b"
    r"|gesendet (?:von|mit)\b|verstuurd vanaf|verzonden (?:met|vanaf)|skickat från|sendt fra|lähetetty|wysłane z"
    r"|отправлено (?:с|из)|надіслано з|发自|從我的|传送自|傳送自|gönderildi|odesláno|trimis (?:de|din)|nosūtīts|elküldve"
    r"|.{0,24}(?:から送信|에서 보냄|'?(?:ım|um)dan gönderildi)).{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)
_INLINE_SIGNATURE = re.compile(
    r"(?<=[\s.!?,])(?:sent from my [a-z]+\w*(?: ?(?:phone|device|\d+))?|sent from (?:yahoo|outlook|gmail)\b.{0,30}"
    r"|(?:enviado desde|enviado do|enviado de) m[ie]u? iphone|envoyé de mon iphone|von meinem iphone gesendet|inviato da iphone)"
    r"[.!]?\s*$",
    re.IGNORECASE,
)
_EFFECT = re.compile(
    r"\((?:sent with|enviado con|enviado com|envoyé avec|gesendet mit|inviato con|verstuurd met|verzonden met|skickat med"
    r"|отправлено с|以)[^()\n]{0,60}\)?\s*$",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|rv|tr|ref|subject|antw)\s*:\s*)+", re.IGNORECASE)


def strip_envelope(text: str) -> str:
    """Return `text` with everything that the phone added overwritten by line breaks; the length stays the same.

    A text that is nothing but such additions keeps its words only when they are the person's own in quotation marks.
    Raises nothing; linear in the text.
    """
    marked = _MARKERS.search(text)
    if marked is None:
        lowered = text.lower() if len(text) < 400 else text[-200:].lower()
        if not any(word in lowered for word in ("sent ", "enviado ", "envoyé ", "inviato ", "von meinem ")):
            return text
        return _blank(text, _INLINE_SIGNATURE.search(text, max(0, len(text) - 120)))
    text = _strip_subject(text)
    if "\n" in text or "\r" in text:
        text = _strip_lines(text)
    text = _blank(text, _INLINE_SIGNATURE.search(text, max(0, len(text) - 120)))
    if "(" in text:
        text = _blank(text, _EFFECT.search(text, max(0, len(text) - 120)))
    return _strip_quotations(text)


def _blank(text: str, match: re.Match[str] | None) -> str:
    if match is None:
        return text
    return text[: match.start()] + "\n" * (match.end() - match.start()) + text[match.end() :]


def _strip_subject(text: str) -> str:
    match = _SUBJECT.match(text)
    if match is None:
        return text
    line_end = text.find("\n", match.end())
    has_body = line_end >= 0 and text[line_end:].strip() != ""
    end = line_end if has_body else match.end()
    return "\n" * end + text[end:]


def _strip_lines(text: str) -> str:
    original = _ORIGINAL.search(text)
    if original is not None and text[: original.start()].strip():
        text = text[: original.start()] + "\n" * (len(text) - original.start())
    without_quotes = _LINE_QUOTE.sub(_same_length, text)
    without_signature = _SIGNATURE.sub(_same_length, without_quotes)
    return without_signature if without_signature.strip() else without_quotes


def _same_length(match: re.Match[str]) -> str:
    return "\n" * len(match.group())


def _strip_quotations(text: str) -> str:
    pieces: list[str] = []
    position = 0
    for match in _QUOTED.finditer(text):
        if _is_quotation(text, match):
            pieces += (text[position : match.start()], "\n" * len(match.group()))
            position = match.end()
    return "".join(pieces) + text[position:]


def _is_quotation(text: str, match: re.Match[str]) -> bool:
    """Tell a quotation of somebody else's text from a person's own words in quotation marks."""
    before = text[max(0, match.start() - 60) : match.start()]
    if match.start() <= 60 and before.strip() and (_REACTION.match(before) or _EMOJI_ONLY.match(before)):
        return True
    quoted = match.group(1)
    if _FOOTER.search(quoted[:1000]):
        return True
    outside = before.strip() or text[match.end() : match.end() + 60].strip()
    return bool(outside) and len(quoted.split(None, 8)) > 8
