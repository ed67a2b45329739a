"""A program that uses Stopgate through a client that openapi-python-client made; `bench.generated_client` runs it.

    STOPGATE_URL=http://localhost:8000 STOPGATE_KEY=sg_... python client_example.py

The package `stopgate_client` has to be where Python finds it. Needs nothing of Stopgate itself.
"""

import io
import os
import sys
import time

from stopgate_client import AuthenticatedClient
from stopgate_client.api.imports import create_import, get_import, undo_import
from stopgate_client.api.opt_outs import check_opt_outs, delete_opt_out, list_opt_outs, put_opt_out, scrub_list
from stopgate_client.models import CheckBody, ImportForm, ImportFormMappingType0, OptOutList, Problem, PutBody
from stopgate_client.types import File

SOMEBODY, LISTED = "+14155550142", ["+14155550143", "+14155550144"]


def good(answer: object) -> object:
    """What was answered, unless it is a problem; then its words end the program."""
    if answer is None or isinstance(answer, Problem):
        sys.exit(f"refused: {answer}")
    return answer


def allowed(client: AuthenticatedClient, *numbers: str) -> list[tuple[str, bool, object]]:
    """Whether numbers may be texted, and if not, why."""
    results = good(check_opt_outs.sync(client=client, body=CheckBody(numbers=list(numbers)))).results
    return [(item.number, item.allowed, item.reason) for item in results]


def until(client: AuthenticatedClient, identifier: str, status: str) -> object:
    """Wait until an import has a status."""
    for _ in range(600):
        found = good(get_import.sync(identifier, client=client))
        if found.status == status:
            return found
        time.sleep(0.05)
    sys.exit(f"the import is {found.status}, not {status}")


def say(step: str, *, holds: bool) -> None:
    """Print a step; end the program when it did not come out as it should."""
    print(f"{'ok' if holds else 'WRONG'}  {step}")
    if not holds:
        sys.exit(1)


client = AuthenticatedClient(base_url=os.environ["STOPGATE_URL"], token=os.environ["STOPGATE_KEY"])

say(
    "check: a number, an empty text",
    holds=allowed(client, SOMEBODY, "") == [(SOMEBODY, True, None), ("", False, "invalid_number")],
)
put = good(put_opt_out.sync(SOMEBODY, client=client, body=PutBody(note="asked on the phone")))
say("opt out", holds=put.opted_out and put.changes[0].outcome == "opted_out")
say("check again", holds=allowed(client, SOMEBODY) == [(SOMEBODY, False, "opted_out")])
page = good(list_opt_outs.sync(client=client, number=SOMEBODY))
assert isinstance(page, OptOutList)
say("list", holds=[item.number for item in page.items] == [SOMEBODY] and page.next_ is None)

mapping = ImportFormMappingType0()
mapping["Cell"] = "phone"
content = "Cell\n" + "\n".join([*LISTED, "nobody"]) + "\n"
form = ImportForm(file=File(io.BytesIO(content.encode()), "list.csv", "text/csv"), mapping=mapping, note="March list")
made = good(create_import.sync(client=client, body=form))
done = until(client, made.id, "finished")
say("import", holds=(done.counts["opted_out"], done.counts["invalid"]) == (2, 1))
scrubbed = scrub_list.sync_detailed(client=client, body=File(io.BytesIO(content.encode())))
say(
    "scrub",
    holds=scrubbed.content.decode().splitlines()[:2] == ["Cell,allowed,reason", f"{LISTED[0]},no,opted_out (account)"],
)
good(undo_import.sync(made.id, client=client))
until(client, made.id, "undone")
say("undo", holds=allowed(client, *LISTED) == [(number, True, None) for number in LISTED])

good(delete_opt_out.sync(SOMEBODY, client=client, reason="they asked us to go on"))
say("lift", holds=allowed(client, SOMEBODY) == [(SOMEBODY, True, None)])
refused = put_opt_out.sync("nobody", client=client, body=PutBody())
say("a problem has its code", holds=isinstance(refused, Problem) and refused.code == "invalid_number")
