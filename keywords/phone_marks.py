"""What phones write into texts, as regular expressions: reactions, quotations, signatures, effects, subjects.

A module of its own because compiling it takes longer than the rest of the package; only texts with a mark need it.
"""

# ruff: noqa: RUF001 - characters that look alike are what this module is about

import re

_OPEN = '"“”„«‹「『＂'
_CLOSE = '"”“»›」』＂'
QUOTED = re.compile(f"[{_OPEN}]([^{_OPEN}{_CLOSE}]*)(?:[{_CLOSE}]|$)")

# Reaction texts by client and language: iMessage "Liked “…”", Google Messages "👍 to “…”", "Reacted 👍 to “…”".
REACTION = re.compile(
    r"""^\W*(?:
    (?:removed\ an?\ )?(?:dis)?liked?(?:\ from)?|loved|laughed\ at|emphasi[sz]ed|questioned|exclaimed
    |removed\ (?:an?|the)\ [\w\ ]{1,25}\ from|reacted\ [^\w]{0,12}to|reacted(?:\ with)?\ .{1,16}\ to
    |reacted\ to|replied\ to|reply\ to
    |(?:no\ )?(?:me|le)\ (?:gust[óo]|encant[óo])|(?:se\ )?ri[óo]\ (?:de|con)|enfatiz[óo]|cuestion[óo]
    |reaccion[óo].{0,20}\ (?:a|con)
    |(?:n[’']a\ pas\ |a\ )?(?:aim[ée]|ador[ée])|a\ (?:ri\ (?:à|de)|soulign[ée]|accentu[ée]|mis\ en\ question
    |exclam[ée])|a\ réagi.{0,20}\ [àa]
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
# Punctuation alone is no emoji: ":" before a quotation mark says nothing.
EMOJI_ONLY = re.compile(
    r"^[^\w]*?[\u00a9\u00ae\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][^\w]*"
    r"(?:\s(?:to|a|à|auf|para|su|op))?\s*$",
    re.IGNORECASE,
)
WORD = re.compile(r"[^\W_]+")
FOOTER = re.compile(
    r"\b(?:reply|text|send|txt|respond|responde|envía|envia|répondez|antworte\w*|rispondi|responda)\b.{0,30}"
    r"\b(?:stop\w*|quit|end|cancel|unsubscribe|baja|alto|parar|sair|arr[eê]t)\b"
    r"|\bstop\s?(?:2|to|=)\s?(?:end|quit|opt|stop|unsub)",
    re.IGNORECASE,
)
LINE_QUOTE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)
ORIGINAL = re.compile(
    r"^[ \t]*(?:-{2,}\s*(?:original|forwarded|ursprüngliche|mensaje|message d|messaggio|mensagem)\b"
    r"|on .{4,80} wrote:|el .{4,80} escribió:|le .{4,80} a écrit|am .{4,80} schrieb|em .{4,80} escreveu"
    r"|il .{4,80} ha scritto"
    r"|-- ?$|_{5,}\s*$|from: .{1,80}$)",
    re.IGNORECASE | re.MULTILINE,
)
SIGNATURE = re.compile(
    r"^[ \t\-–—*~\[(]*(?:sent (?:from|via|with|by|on)\b|get (?:\w+ ){1,4}(?:for|on) (?:android|ios|iphone|mobile)"
    r"|sent securely"
    r"|envoyé (?:de|depuis|à partir)|enviado (?:desde|de|do|a partir|con|com)\b|inviato (?:da|dal|con)\b|von meinem\b"
    r"|gesendet (?:von|mit)\b|verstuurd vanaf|verzonden (?:met|vanaf)|skickat från|sendt fra|lähetetty|wysłane z"
    r"|отправлено (?:с|из)|надіслано з|发自|從我的|传送自|傳送自|gönderildi|odesláno|trimis (?:de|din)"
    r"|nosūtīts|elküldve"
    r"|.{0,24}(?:から送信|에서 보냄|'?(?:ım|um)dan gönderildi)).{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)
INLINE_SIGNATURE = re.compile(
    r"(?<=[\s.!?,(])(?:sent from my [a-z]+\w*(?: ?(?:i?phone|device|cell|\d+))?"
    r"|sent from (?:yahoo|outlook|gmail)\b.{0,30}"
    r"|(?:enviado desde|enviado do|enviado de) m[ie]u? iphone|envoyé de mon iphone|von meinem iphone gesendet"
    r"|inviato da iphone)"
    r"[.!)]?\s*$",
    re.IGNORECASE,
)
# A name after a dash at the very end ("Stop. -Marcus"), unless it is a word that may be the request itself.
SIGNED_NAME = re.compile(
    r"(?<=[\s.!?,])[-–—~]\s?(?!(?i:stop|quit|end|cancel|unsub|remove|please|thank|no|do|take|opt|revoke|never|leave))"
    r"[A-Z][a-z]+(?: [A-Z][a-z]*\.?){0,2}\s*$"
)
EFFECT = re.compile(
    r"\((?:sent with|enviado con|enviado com|envoyé avec|gesendet mit|inviato con|verstuurd met|verzonden met"
    r"|skickat med"
    r"|отправлено с|以)[^()\n]{0,60}\)?\s*$",
    re.IGNORECASE,
)
SUBJECT = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|rv|tr|ref|subject|antw)\s*:\s*)+", re.IGNORECASE)
