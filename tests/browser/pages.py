"""What every page has to be, checked on every page that a browser test loads."""

import html5lib
from playwright.sync_api import Page


def check_page(page: Page) -> None:
    """Valid HTML, a title, one main heading, labels on fields, no id twice, CSRF in every form, nothing inline."""
    content = page.content()
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(content)
    assert parser.errors == [], parser.errors[:3]
    assert page.title()
    assert page.locator("h1").count() == 1
    ids = page.eval_on_selector_all("[id]", "elements => elements.map(element => element.id)")
    assert len(ids) == len(set(ids))
    unlabelled = page.eval_on_selector_all(
        "input:not([type=hidden]), textarea, select",
        "fields => fields.filter(field => !field.labels.length && !field.ariaLabel).map(field => field.outerHTML)",
    )
    assert unlabelled == []
    without_token = page.eval_on_selector_all(
        "form[method=post]", "forms => forms.filter(form => !form.elements.csrf_token?.value).length"
    )
    assert without_token == 0
    inline = page.locator("script:not([src]), style, [style], [onclick], [onload]").count()
    assert inline == 0
