"""What every page has to be, checked on every page that a test of the console loads."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

import html5lib
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

_FIELDS = {"input", "select", "textarea"}
_NEEDS_NO_LABEL = {"hidden", "submit", "button"}


class _Elements(HTMLParser):
    """Every start tag of a page with its attributes and the form and label around it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], int, bool]] = []
        self._form = 0
        self._forms = 0
        self._label = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self._forms += 1
            self._form = self._forms
        if tag == "label":
            self._label = True
        self.found.append((tag, {name: value or "" for name, value in attributes}, self._form, self._label))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = 0
        if tag == "label":
            self._label = False


def problems_of(content: str, app: Flask) -> list[str]:
    """What is wrong with a page: HTML, title, headings, labels, ids, CSRF, inline code, links that lead nowhere."""
    parser = html5lib.HTMLParser(strict=False)
    document = parser.parse(content)
    problems = [f"not HTML: {error} at {place}" for place, error, _ in parser.errors]
    names = {element.tag.rpartition("}")[2] for element in document.iter() if isinstance(element.tag, str)}
    reader = _Elements()
    reader.feed(content)
    elements = reader.found
    if "<title>" not in content or "<title></title>" in content or "title" not in names:
        problems.append("no title")
    headings = sum(1 for tag, *_ in elements if tag == "h1")
    if headings != 1:
        problems.append(f"{headings} main headings")
    return [
        *problems,
        *_ids(elements),
        *_labels(elements),
        *_forms(elements),
        *_inline(elements),
        *_links(elements, app),
    ]


Elements = list[tuple[str, dict[str, str], int, bool]]


def _ids(elements: Elements) -> list[str]:
    ids = [attributes["id"] for _, attributes, *_ in elements if "id" in attributes]
    problems = [f"id {name} twice" for name in sorted(set(ids)) if ids.count(name) > 1]
    for tag, attributes, *_ in elements:
        for reference in ("for", "aria-describedby", "aria-labelledby"):
            missing = [name for name in attributes.get(reference, "").split() if name not in ids]
            problems += [f"{tag} {reference} names {name}, which is not there" for name in missing]
    return problems


def _labels(elements: Elements) -> list[str]:
    labelled = {attributes.get("for") for tag, attributes, *_ in elements if tag == "label"}
    return [
        f"no label for {tag} {attributes.get('name')}"
        for tag, attributes, _, inside in elements
        if tag in _FIELDS
        and attributes.get("type") not in _NEEDS_NO_LABEL
        and not inside
        and attributes.get("id") not in labelled
        and not attributes.get("aria-label")
    ]


def _forms(elements: Elements) -> list[str]:
    posting = {form for tag, attributes, form, _ in elements if tag == "form" and attributes.get("method") == "post"}
    with_token = {form for tag, attributes, form, _ in elements if attributes.get("name") == "csrf_token"}
    return [f"form {form} without CSRF token" for form in sorted(posting - with_token)]


def _inline(elements: Elements) -> list[str]:
    problems = [
        f"inline {tag}"
        for tag, attributes, *_ in elements
        if tag == "style" or (tag == "script" and "src" not in attributes)
    ]
    handlers = [
        name for _, attributes, *_ in elements for name in attributes if name == "style" or name.startswith("on")
    ]
    return problems + [f"inline {name}" for name in handlers]


def _links(elements: Elements, app: Flask) -> list[str]:
    routes = app.url_map.bind("localhost")
    problems = []
    for tag, attributes, *_ in elements:
        target = attributes.get("href") or attributes.get("action") or attributes.get("src") or ""
        if tag == "form" and not attributes.get("action"):
            continue
        parts = urlsplit(target)
        if parts.netloc or parts.scheme in {"mailto", "tel", "sms", "data"}:
            if tag in {"script", "link", "img"} and parts.netloc:
                problems.append(f"{tag} from elsewhere: {target}")
            continue
        if not parts.path:
            continue
        try:
            routes.match(parts.path, method="POST" if attributes.get("method") == "post" else "GET")
        except RequestRedirect:
            continue
        except HTTPException as error:
            problems.append(f"{tag} leads nowhere: {target} ({error.code})")
    return problems
