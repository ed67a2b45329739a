"""The words that law and carriers name, and what each answers to when somebody wants to switch it off."""

from collections.abc import Mapping

from keywords import Action

MANDATORY_WORDS = frozenset(
    {
        *("STOP", "UNSUBSCRIBE", "QUIT", "END", "CANCEL", "REVOKE", "OPTOUT", "OPT OUT", "STOPALL", "STOP ALL"),
        *("HELP", "START", "UNSTOP"),
    }
)

LAW_OF_MANDATORY_WORDS: Mapping[Action, str] = {
    Action.OPT_OUT: "47 CFR 64.1200(a)(10) says that a reply with this word definitively revokes consent, and CTIA's "
    "principles (5.1.3) that it has to be acted upon.",
    Action.HELP: "CTIA's Short Code Monitoring Handbook asks that HELP is answered, subscribed or not.",
    Action.OPT_IN: "Toll-free networks and carriers let people come back by this word alone.",
}
